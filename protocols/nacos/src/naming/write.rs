//! Writes a service as Nacos's JSON, straight into bytes.

use rialto_catalog::{Protocol, ServiceKey};

use super::select::Seen;
use crate::map::{CLUSTER_DEFAULT, GROUP_SEPARATOR, KEY_GENERATOR, Times, group_of};

/// How long a client may use a list before it asks again, in milliseconds.
const CACHE_MS: u64 = 10_000;
/// About what one instance takes.
const HOST_BYTES: usize = 420;

/// A push's body after its `requestId`, with where in it the service and its instances are.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) body: Vec<u8>,
    /// The `ServiceInfo`, braces included.
    pub(super) info: std::ops::Range<usize>,
    /// In it, the array of instances.
    pub(super) hosts: std::ops::Range<usize>,
    /// In it, where the bare name's text begins and ends, quotes excluded.
    pub(super) name: std::ops::Range<usize>,
}

/// Everything about the list but its instances.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) key: &'a ServiceKey,
    pub(super) clusters: &'a str,
    pub(super) last_ref_ms: u64,
    pub(super) protected: bool,
}

/// Writes a service.
pub(super) fn service(about: About<'_>, hosts: &[Seen<'_>]) -> Written {
    let (group, name) = (group_of(about.key), about.key.name());
    let mut out = Vec::with_capacity(hosts.len() * HOST_BYTES + 400);
    member(&mut out, "\"namespace\":", about.key.namespace());
    member(&mut out, ",\"serviceName\":", name);
    member(&mut out, ",\"groupName\":", group);
    out.extend_from_slice(b",\"serviceInfo\":");
    let info_at = out.len();
    out.extend_from_slice(b"{\"name\":");
    let name_at = out.len() + 1;
    text(&mut out, name);
    let name_end = out.len() - 1;
    member(&mut out, ",\"groupName\":", group);
    member(&mut out, ",\"clusters\":", about.clusters);
    out.extend_from_slice(b",\"cacheMillis\":");
    number(&mut out, CACHE_MS);
    out.extend_from_slice(b",\"hosts\":");
    let hosts_at = out.len();
    out.push(b'[');
    let mut service_name = Vec::new();
    grouped(&mut service_name, about.key);
    for (at, seen) in hosts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        host(&mut out, seen, &service_name);
    }
    out.push(b']');
    let hosts_end = out.len();
    out.extend_from_slice(b",\"lastRefTime\":");
    number(&mut out, about.last_ref_ms);
    out.extend_from_slice(b",\"checksum\":\"\",\"allIPs\":false,\"allIps\":false");
    flag(&mut out, ",\"reachProtectionThreshold\":", about.protected);
    out.extend_from_slice(b",\"valid\":true}");
    let info_end = out.len();
    out.extend_from_slice(b",\"module\":\"naming\"}");
    Written {
        body: out,
        info: info_at..info_end,
        hosts: hosts_at..hosts_end,
        name: name_at..name_end,
    }
}

/// `GROUP@@name` as JSON, without quotes.
pub(super) fn grouped(out: &mut Vec<u8>, key: &ServiceKey) {
    escaped(out, group_of(key));
    out.extend_from_slice(GROUP_SEPARATOR.as_bytes());
    escaped(out, key.name());
}

fn host(out: &mut Vec<u8>, seen: &Seen<'_>, service_name: &[u8]) {
    let instance = seen.instance;
    out.extend_from_slice(b"{\"instanceId\":\"");
    match &seen.own_id {
        Some(own) => escaped(out, own),
        None => usual_id(out, seen, service_name),
    }
    member(out, "\",\"ip\":", instance.host());
    out.extend_from_slice(b",\"port\":");
    number(out, seen.port.into());
    out.extend_from_slice(b",\"weight\":");
    decimal(out, instance.weight());
    flag(out, ",\"healthy\":", seen.healthy);
    flag(out, ",\"enabled\":", seen.enabled);
    flag(out, ",\"ephemeral\":", seen.ephemeral);
    member(out, ",\"clusterName\":", seen.cluster);
    out.extend_from_slice(b",\"serviceName\":\"");
    out.extend_from_slice(service_name);
    out.extend_from_slice(b"\",\"metadata\":{");
    let mut generator = None;
    let metadata = instance.metadata();
    let bare = metadata.len() == 0;
    for (at, (key, value)) in metadata.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(out, key);
        out.push(b':');
        text(out, value);
        if key == KEY_GENERATOR {
            generator = Some(value);
        }
    }
    times(out, Times::of(instance.metadata()));
    // As Java's getter has it: the usual one for an instance without metadata, else what is said.
    if let Some(generator) = generator.or(bare.then_some("simple")) {
        member(out, ",\"instanceIdGenerator\":", generator);
    }
    out.push(b'}');
}

fn times(out: &mut Vec<u8>, times: Times) {
    out.extend_from_slice(b"},\"instanceHeartBeatInterval\":");
    number(out, times.interval_ms);
    out.extend_from_slice(b",\"instanceHeartBeatTimeOut\":");
    number(out, times.timeout_ms);
    out.extend_from_slice(b",\"ipDeleteTimeout\":");
    number(out, times.delete_ms);
}

/// `ip#port#cluster#GROUP@@name`; of an instance of Nacos, the first three are its identifier.
fn usual_id(out: &mut Vec<u8>, seen: &Seen<'_>, service_name: &[u8]) {
    if seen.instance.protocol() == Protocol::Nacos {
        escaped(out, seen.instance.id());
    } else {
        escaped(out, seen.instance.host());
        out.push(b'#');
        number(out, seen.port.into());
        out.push(b'#');
        out.extend_from_slice(CLUSTER_DEFAULT.as_bytes());
    }
    out.push(b'#');
    out.extend_from_slice(service_name);
}

fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    text(out, value);
}

fn flag(out: &mut Vec<u8>, name: &str, value: bool) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn decimal(out: &mut Vec<u8>, decimal: f64) {
    if decimal == 1.0 {
        out.extend_from_slice(b"1.0");
    } else if serde_json::to_writer(&mut *out, &decimal).is_err() {
        out.push(b'0');
    }
}

/// A text as JSON.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

fn escaped(out: &mut Vec<u8>, text: &str) {
    let plain = |byte: &u8| !matches!(byte, 0..0x20 | b'"' | b'\\');
    if text.as_bytes().iter().all(plain) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let at = out.len();
    if serde_json::to_writer(&mut *out, text).is_ok() {
        out.pop();
        out.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rialto_catalog::{Command, Instance, Policy, State, Timestamp};
    use serde_json::{Value, json};

    use super::super::select::{Wanted, select};
    use super::*;
    use crate::map::{InstanceForm, Life, key, spec_of};

    fn written(key: &ServiceKey, forms: Vec<InstanceForm>) -> (Written, Value) {
        let mut state = State::new(Policy::default());
        for form in forms {
            let spec = spec_of(form, Life::Connection(1), None);
            let command = Command::Register { service: key.clone(), spec };
            state.apply(Timestamp(1), command).unwrap();
        }
        let none: Arc<[Arc<Instance>]> = Arc::from([]);
        let instances = state.service(key).map_or(&none, |service| service.instances());
        let wanted = Wanted { clusters: "", healthy_only: false, enabled_only: true };
        let (seen, protected) = select(instances, wanted, None);
        let about = About { key, clusters: "", last_ref_ms: 17, protected };
        let written = service(about, &seen);
        let body = [b"{", &written.body[..]].concat();
        let value = serde_json::from_slice(&body).unwrap();
        (written, value)
    }

    /// The list of a recorded session of a Java client (golden, gRPC).
    #[test]
    fn writes_what_the_real_server_writes() {
        let metadata = vec![("k".to_owned(), "v".to_owned())];
        let forms = vec![
            InstanceForm { ip: "10.1.1.2".into(), port: 8081, ..InstanceForm::default() },
            InstanceForm {
                ip: "10.1.2.2".into(),
                port: 9002,
                cluster: "C2".into(),
                metadata,
                ..InstanceForm::default()
            },
        ];
        let key = key("public", "JG", "jsvc").unwrap();
        let (written, body) = written(&key, forms);
        assert_eq!(
            body["serviceInfo"],
            json!({
            "name":"jsvc","groupName":"JG","clusters":"","cacheMillis":10000,"hosts":[
            {"instanceId":"10.1.1.2#8081#DEFAULT#JG@@jsvc","ip":"10.1.1.2","port":8081,"weight":1.0,
             "healthy":true,"enabled":true,"ephemeral":true,"clusterName":"DEFAULT",
             "serviceName":"JG@@jsvc","metadata":{},"instanceHeartBeatInterval":5000,
             "instanceHeartBeatTimeOut":15000,"ipDeleteTimeout":30000,
             "instanceIdGenerator":"simple"},
            {"instanceId":"10.1.2.2#9002#C2#JG@@jsvc","ip":"10.1.2.2","port":9002,"weight":1.0,
             "healthy":true,"enabled":true,"ephemeral":true,"clusterName":"C2",
             "serviceName":"JG@@jsvc","metadata":{"k":"v"},"instanceHeartBeatInterval":5000,
             "instanceHeartBeatTimeOut":15000,"ipDeleteTimeout":30000}],
            "lastRefTime":17,"checksum":"","allIPs":false,"allIps":false,
            "reachProtectionThreshold":false,"valid":true})
        );
        assert_eq!(body["module"], "naming");
        let info: Value = serde_json::from_slice(&written.body[written.info]).unwrap();
        assert_eq!(info, body["serviceInfo"]);
        let hosts: Value = serde_json::from_slice(&written.body[written.hosts]).unwrap();
        assert_eq!(hosts, info["hosts"]);
        assert_eq!(&written.body[written.name], b"jsvc");
    }

    proptest! {
        #[test]
        fn any_text_is_json(
            name in "[^\u{0}-\u{1f}\u{7f}-\u{9f}]{1,20}",
            keys in "\\PC{0,20}",
            value in any::<String>(),
        ) {
            let metadata = vec![(keys.clone(), value.clone())];
            let ip = "10.1.1.2".to_owned();
            let form = InstanceForm { ip, metadata, ..InstanceForm::default() };
            let key = key("n", "g", &name).unwrap();
            let (_, body) = written(&key, vec![form]);
            prop_assert_eq!(&body["serviceName"], &json!(name));
            prop_assert_eq!(&body["serviceInfo"]["hosts"][0]["metadata"][&keys], &json!(value));
        }
    }
}
