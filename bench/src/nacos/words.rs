//! The requests of the Nacos scenarios, ready to be sent: the same bytes for every side.

use std::fmt::Write as _;

use super::wire::message;
use crate::load::request;

/// Instances of one service in the scenarios that do not say otherwise.
pub(super) const SERVICE_INSTANCES: usize = 20;

/// Bytes of the configuration that is read.
const CONFIG_BYTES: usize = 1_024;

/// Services to which each client of a crowd subscribes.
const SUBSCRIPTIONS: usize = 10;

/// Bytes of a configuration that is written.
const WRITTEN_BYTES: usize = 256;

/// What a 1.x client sends to register; each `version` of an instance is a change of it.
pub(super) fn register(index: usize, version: usize) -> Vec<u8> {
    let (service, ip, port) =
        (service(index / SERVICE_INSTANCES), ip(index), 8_000 + index % 1_000);
    let path = format!(
        "/nacos/v1/ns/instance?serviceName=DEFAULT_GROUP%40%40{service}&groupName=DEFAULT_GROUP\
         &namespaceId=public&clusterName=DEFAULT&ip={ip}&port={port}&weight=1.0&enable=true\
         &healthy=true&ephemeral=true&app=bench&metadata=%7B%22version%22%3A%22{version}%22%7D"
    );
    request("POST", &path, &[])
}

/// A light beat of a registered instance.
pub(super) fn beat(index: usize) -> Vec<u8> {
    let (service, ip, port) =
        (service(index / SERVICE_INSTANCES), ip(index), 8_000 + index % 1_000);
    let path = format!(
        "/nacos/v1/ns/instance/beat?serviceName=DEFAULT_GROUP%40%40{service}&namespaceId=public\
         &clusterName=DEFAULT&ip={ip}&port={port}&app=bench"
    );
    request("PUT", &path, &[])
}

/// The beat that a client sends first: it can register by itself.
pub(super) fn full_beat(index: usize) -> Vec<u8> {
    let (service, ip, port) =
        (service(index / SERVICE_INSTANCES), ip(index), 8_000 + index % 1_000);
    let beat = format!(
        "%7B%22serviceName%22%3A%22DEFAULT_GROUP%40%40{service}%22%2C%22ip%22%3A%22{ip}%22%2C\
         %22port%22%3A{port}%2C%22cluster%22%3A%22DEFAULT%22%2C%22weight%22%3A1.0%2C\
         %22metadata%22%3A%7B%7D%2C%22scheduled%22%3Afalse%2C%22period%22%3A5000%2C\
         %22stopped%22%3Afalse%7D"
    );
    let path = format!(
        "/nacos/v1/ns/instance/beat?serviceName=DEFAULT_GROUP%40%40{service}&namespaceId=public\
         &clusterName=DEFAULT&ip={ip}&port={port}&app=bench&beat={beat}"
    );
    request("PUT", &path, &[])
}

/// All instances of a service.
pub(super) fn list(service: &str) -> Vec<u8> {
    let path = format!(
        "/nacos/v1/ns/instance/list?serviceName=DEFAULT_GROUP%40%40{service}&namespaceId=public\
         &clusters=&healthyOnly=false&udpPort=0&clientIP=127.0.0.1&app=bench"
    );
    request("GET", &path, &[])
}

/// Publishes the configuration that is read.
pub(super) fn publish_read() -> Vec<u8> {
    publish("read.properties", &"k=0123456789abcd\n".repeat(CONFIG_BYTES / 17))
}

/// Reads it.
pub(super) fn read() -> Vec<u8> {
    request("GET", "/nacos/v1/cs/configs?dataId=read.properties&group=BENCH&tenant=", &[])
}

/// One of the publishes of a writer; each differs from the one before.
pub(super) fn publish_of(writer: usize, version: usize) -> Vec<u8> {
    let mut content = format!("version={version}\n");
    while content.len() < WRITTEN_BYTES {
        content.push_str("k=0123456789abcd\n");
    }
    publish(&format!("writer-{writer}.properties"), &content)
}

fn publish(data_id: &str, content: &str) -> Vec<u8> {
    let content = content.replace('=', "%3D").replace('\n', "%0A");
    let body = format!(
        "dataId={data_id}&group=BENCH&tenant=&appName=bench&type=properties&content={content}"
    );
    let length = body.len();
    format!(
        "POST /nacos/v1/cs/configs HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Registers the connection's instance of a service over gRPC.
pub(super) fn grpc_register(service: &str, index: usize, version: usize) -> Vec<u8> {
    let instance = instance(index, &format!("{{\"seq\":\"{version}\"}}"));
    let json = format!(
        "{{\"headers\":{{}},\"namespace\":\"public\",\"serviceName\":\"{service}\",\
         \"groupName\":\"DEFAULT_GROUP\",\"type\":\"registerInstance\",\"instance\":{instance},\
         \"module\":\"naming\"}}"
    );
    message("InstanceRequest", &json)
}

/// Registers instances of a service, all by this connection.
pub(super) fn grpc_register_batch(service: &str, indices: std::ops::Range<usize>) -> Vec<u8> {
    let mut instances = String::new();
    for index in indices {
        let comma = if instances.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(instances, "{comma}{}", instance(index, "{}"));
    }
    let json = format!(
        "{{\"headers\":{{}},\"namespace\":\"public\",\"serviceName\":\"{service}\",\
         \"groupName\":\"DEFAULT_GROUP\",\"type\":\"batchRegisterInstance\",\
         \"instances\":[{instances}],\"module\":\"naming\"}}"
    );
    message("BatchInstanceRequest", &json)
}

/// Subscribes to a service over gRPC.
pub(super) fn grpc_subscribe(service: &str) -> Vec<u8> {
    let json = format!(
        "{{\"headers\":{{}},\"namespace\":\"public\",\"serviceName\":\"{service}\",\
         \"groupName\":\"DEFAULT_GROUP\",\"subscribe\":true,\"clusters\":\"\",\
         \"module\":\"naming\"}}"
    );
    message("SubscribeServiceRequest", &json)
}

/// What a client of a crowd sends: it registers in the service of its index, and subscribes to
/// those of the indices behind it.
pub(super) fn grpc_member(
    service: impl Fn(usize) -> String,
    index: usize,
    version: usize,
) -> Vec<Vec<u8>> {
    let mut messages = vec![grpc_register(&service(index), index, version)];
    messages.extend((1..=SUBSCRIPTIONS).map(|step| grpc_subscribe(&service(index + step))));
    messages
}

fn instance(index: usize, metadata: &str) -> String {
    let (ip, port) = (ip(index), 8_000 + index % 1_000);
    format!(
        "{{\"ip\":\"{ip}\",\"port\":{port},\"weight\":1.0,\"healthy\":true,\"enabled\":true,\
         \"ephemeral\":true,\"clusterName\":\"DEFAULT\",\"metadata\":{metadata}}}"
    )
}

/// The name of a service.
pub(super) fn service(index: usize) -> String {
    format!("service-{index:05}")
}

fn ip(index: usize) -> String {
    format!("10.{}.{}.{}", index >> 16 & 255, index >> 8 & 255, index & 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_publish_of_a_writer_differs() {
        assert_ne!(publish_of(1, 1), publish_of(1, 2));
        let text = String::from_utf8(publish_of(1, 1)).expect("ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
        assert!(!body.contains('\n'));
    }

    #[test]
    fn a_batch_fits_into_the_window() {
        let batch = grpc_register_batch("x", 0..super::super::memory::BATCH_INSTANCES);
        assert!(batch.len() > 10_000);
    }
}
