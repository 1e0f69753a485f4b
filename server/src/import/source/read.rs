//! From the JSON of either interface to what is carried. A missing field is its empty value.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::import::digest::md5_hex;
use crate::import::model::{
    Cluster, Config, ConfigId, Gray, HistoryRow, Instance, Namespace, PUBLIC, Permission, Role,
    Service, ServiceId, Version,
};

/// The first of these fields that holds text.
pub(super) fn text(json: &Json, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| match &json[*name] {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    });
    found.unwrap_or_default()
}

pub(super) fn namespace(json: &Json) -> Namespace {
    let id = text(json, &["namespace", "namespaceId"]);
    Namespace {
        id: if id.is_empty() { PUBLIC.to_owned() } else { id },
        name: text(json, &["namespaceShowName", "namespaceName"]),
        description: text(json, &["namespaceDesc"]),
    }
}

pub(super) fn service_id(namespace: &str, json: &Json) -> ServiceId {
    let name = text(json, &["name", "serviceName"]);
    let group = text(json, &["groupName"]);
    let (group, name) = match name.split_once("@@") {
        Some((group, bare)) => (group.to_owned(), bare.to_owned()),
        None => (group, name),
    };
    ServiceId { namespace: namespace.to_owned(), group, name }
}

/// Of v3, or of v1, which has the service and its clusters apart.
pub(super) fn service(id: &ServiceId, json: &Json) -> Service {
    let of = json.get("service").unwrap_or(json);
    let clusters = match (&json["clusters"], &json["clusterMap"]) {
        (Json::Array(list), _) => list.iter().map(|one| cluster("", one)).collect(),
        (_, Json::Object(map)) => map.iter().map(|(name, one)| cluster(name, one)).collect(),
        _ => Vec::new(),
    };
    let selector = &of["selector"];
    Service {
        id: id.clone(),
        protect_threshold: of["protectThreshold"].as_f64().unwrap_or_default(),
        metadata: strings(&of["metadata"]),
        selector: match (selector["type"].as_str(), selector["expression"].as_str()) {
            (Some(kind), Some(expression)) => json!({"type": kind, "expression": expression}),
            _ => json!({"type": "none"}),
        },
        is_ephemeral: of["ephemeral"].as_bool(),
        clusters,
    }
}

fn cluster(name: &str, json: &Json) -> Cluster {
    let own = text(json, &["clusterName", "name"]);
    let port = ["healthyCheckPort", "defaultCheckPort"].iter().find_map(|n| json[*n].as_u64());
    let uses = ["useInstancePortForCheck", "useIPPort4Check"];
    let uses = uses.iter().find_map(|name| json[*name].as_bool());
    let checker = &json["healthChecker"];
    Cluster {
        name: if own.is_empty() { name.to_owned() } else { own },
        checker: if checker.is_object() { checker.clone() } else { json!({"type": "TCP"}) },
        check_port: port.unwrap_or(80),
        uses_instance_port: uses.unwrap_or(true),
        metadata: strings(&json["metadata"]),
    }
}

pub(super) fn instance(json: &Json) -> Instance {
    let flag = |name: &str| json[name].as_bool().unwrap_or(true);
    Instance {
        ip: text(json, &["ip"]),
        port: json["port"].as_u64().unwrap_or_default(),
        weight: json["weight"].as_f64().unwrap_or(1.0),
        is_healthy: flag("healthy"),
        is_enabled: flag("enabled"),
        is_ephemeral: flag("ephemeral"),
        cluster: text(json, &["clusterName"]),
        metadata: strings(&json["metadata"]),
    }
}

pub(super) fn config_id(namespace: &str, json: &Json) -> ConfigId {
    ConfigId {
        namespace: namespace.to_owned(),
        group: text(json, &["groupName", "group"]),
        data_id: text(json, &["dataId"]),
    }
}

/// Of the list's own words, or of the content that older servers put into it.
pub(super) fn listed_md5(json: &Json) -> String {
    match (json["md5"].as_str(), json["content"].as_str()) {
        (Some(md5), _) if !md5.is_empty() => md5.to_owned(),
        (_, Some(content)) if !content.is_empty() => md5_hex(content.as_bytes()),
        _ => String::new(),
    }
}

/// `None` for the answers that mean that there is none.
pub(super) fn config(id: &ConfigId, json: &Json) -> Option<Config> {
    Some(Config {
        id: id.clone(),
        content: json["content"].as_str()?.to_owned(),
        kind: text(json, &["type"]),
        app: text(json, &["appName"]),
        description: text(json, &["desc"]),
        tags: text(json, &["configTags", "config_tags"]),
        user: text(json, &["createUser"]),
        usage: text(json, &["use"]),
        effect: text(json, &["effect"]),
        schema: text(json, &["schema"]),
        encrypted_data_key: text(json, &["encryptedDataKey"]),
    })
}

/// The addresses stand by themselves in v1, and in a rule in v3.
pub(super) fn beta(json: &Json) -> Option<Gray> {
    let rule = match &json["grayRule"] {
        Json::String(rule) => serde_json::from_str(rule).unwrap_or_default(),
        rule => rule.clone(),
    };
    let mut ips = text(json, &["betaIps"]);
    if ips.is_empty() {
        ips = text(&rule, &["expr", "expression"]);
    }
    let content = json["content"].as_str()?.to_owned();
    let encrypted_data_key = text(json, &["encryptedDataKey"]);
    (!ips.is_empty()).then_some(Gray { ips, content, encrypted_data_key })
}

pub(super) fn history_row(json: &Json) -> HistoryRow {
    let publish = text(json, &["publishType"]);
    HistoryRow { id: text(json, &["id"]), is_formal: publish.is_empty() || publish == "formal" }
}

pub(super) fn version(json: &Json) -> Option<Version> {
    Some(Version {
        content: json["content"].as_str().filter(|content| !content.is_empty())?.to_owned(),
        user: text(json, &["srcUser"]),
        encrypted_data_key: text(json, &["encryptedDataKey"]),
    })
}

pub(super) fn role(json: &Json) -> Role {
    Role { role: text(json, &["role"]), user: text(json, &["username"]) }
}

pub(super) fn permission(json: &Json) -> Permission {
    Permission {
        role: text(json, &["role"]),
        resource: text(json, &["resource"]),
        action: text(json, &["action"]),
    }
}

fn strings(json: &Json) -> BTreeMap<String, String> {
    let Some(map) = json.as_object() else { return BTreeMap::new() };
    let value = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.iter().map(|(key, of)| (key.clone(), value(of))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service_named(name: &str) -> ServiceId {
        ServiceId { namespace: PUBLIC.into(), group: "DEFAULT_GROUP".into(), name: name.into() }
    }

    // The answers are recorded ones of 2.3.2 and 3.1.0.

    #[test]
    fn namespaces_of_both() {
        let old = json!({"namespace":"","namespaceShowName":"public","namespaceDesc":null,
            "quota":200,"configCount":1,"type":0});
        assert_eq!(namespace(&old).id, PUBLIC);
        let new = json!({"namespace":"nsg3","namespaceShowName":"n","namespaceDesc":"d",
            "quota":200,"configCount":0,"type":1});
        let expected = Namespace { id: "nsg3".into(), name: "n".into(), description: "d".into() };
        assert_eq!(namespace(&new), expected);
    }

    #[test]
    fn services_of_both() {
        let old = json!({"service":{"name":"gold","groupName":"DEFAULT_GROUP",
            "protectThreshold":0.4,"selector":{"type":"none","contextType":"NONE"},
            "metadata":{"o":"x"}},"clusters":[{"serviceName":"DEFAULT_GROUP@@gold","name":"c1",
            "healthChecker":{"type":"TCP"},"defaultPort":80,"defaultCheckPort":81,
            "useIPPort4Check":false,"metadata":{}}]});
        let read = service(&service_named("gold"), &old);
        assert_eq!((read.protect_threshold, read.is_ephemeral), (0.4, None));
        assert_eq!(read.metadata["o"], "x");
        assert_eq!(read.clusters[0].name, "c1");
        assert!(read.clusters[0].has_settings() && read.clusters[0].check_port == 81);

        let new = json!({"namespaceId":"public","serviceName":"g3s","groupName":"DEFAULT_GROUP",
            "clusterMap":{"c2":{"clusterName":"c2","healthChecker":{"type":"NONE"},
            "healthyCheckPort":80,"useInstancePortForCheck":true,"metadata":{}}},
            "metadata":{"a":"b"},"protectThreshold":0.5,"selector":{"type":"NoneSelector",
            "type":"none","contextType":"NONE"},"ephemeral":false});
        let read = service(&service_named("g3s"), &new);
        assert_eq!(read.is_ephemeral, Some(false));
        assert_eq!(read.clusters[0].checker["type"], "NONE");
    }

    #[test]
    fn instances_and_their_service_names() {
        let of_both = json!({"instanceId":"10.9.0.1#8080#c1#DEFAULT_GROUP@@gold","ip":"10.9.0.1",
            "port":8080,"weight":2.0,"healthy":true,"enabled":false,"ephemeral":false,
            "clusterName":"c1","serviceName":"DEFAULT_GROUP@@gold","metadata":{"zone":"a"}});
        let read = instance(&of_both);
        assert!(!read.is_enabled && !read.is_ephemeral && read.is_healthy);
        assert_eq!((read.port, read.cluster.as_str()), (8_080, "c1"));
        assert_eq!(service_id("n", &json!({"name":"GG@@gold2"})).group, "GG");
        assert_eq!(service_id("n", &json!({"name":"g","groupName":"GG"})).name, "g");
    }

    #[test]
    fn configurations_of_both() {
        let id = ConfigId { namespace: PUBLIC.into(), group: "G".into(), data_id: "a".into() };
        let old = json!({"id":"1","dataId":"a","group":"G","content":"k: 1",
            "md5":"91f4a7bb25cd3347fcc9821061b42d2a","encryptedDataKey":"","tenant":"",
            "appName":"app","type":"yaml","createUser":"u","desc":"d","use":null,"effect":null,
            "schema":null,"configTags":"t1,t2"});
        let read = config(&id, &old).unwrap();
        assert_eq!((read.kind.as_str(), read.tags.as_str()), ("yaml", "t1,t2"));
        let listed = json!({"dataId":"a","group":"G","content":"k: 1","md5":null});
        assert_eq!(listed_md5(&listed), "91f4a7bb25cd3347fcc9821061b42d2a");
        assert_eq!(config_id(PUBLIC, &listed), id);
        let new = json!({"groupName":"G","dataId":"a","md5":"x","type":"yaml"});
        assert_eq!((config_id(PUBLIC, &new), listed_md5(&new)), (id.clone(), "x".to_owned()));
        assert_eq!(config(&id, &Json::Null), None);
    }

    #[test]
    fn betas_of_both() {
        let old = json!({"content":"k: beta","encryptedDataKey":"","betaIps":"127.0.0.1,10.1.1.1"});
        assert_eq!(beta(&old).unwrap().ips, "127.0.0.1,10.1.1.1");
        let new = json!({"content":"k","grayRule":
            "{\"type\":\"beta\",\"version\":\"1.0.0\",\"expr\":\"10.1.1.1\",\"priority\":1}"});
        assert_eq!(beta(&new).unwrap().ips, "10.1.1.1");
        assert_eq!(beta(&Json::Null), None);
    }

    #[test]
    fn history_of_both() {
        let row = json!({"id":"31","opType":"U         ","srcUser":"u"});
        let expected = HistoryRow { id: "31".into(), is_formal: true };
        assert_eq!(history_row(&row), expected);
        assert!(!history_row(&json!({"id":"1","publishType":"gray"})).is_formal);
        assert_eq!(version(&json!({"content":"x","srcUser":null})).unwrap().user, "");
        assert_eq!(version(&json!("")), None);
    }
}
