//! Every door beside every other: what is registered through one is found through all, with its
//! address, health, weight, zone and metadata, and is gone from all when it leaves.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use rialto_sdk::{Registration, Rialto};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::harness::{PATIENCE, Server, eventually, folder};

/// What every door should say of an instance. A door that has no word for something says nothing.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    host: String,
    port: u16,
    up: bool,
    weight: Option<f64>,
    zone: Option<String>,
    version: Option<String>,
}

/// Ways in.
const WRITERS: [&str; 4] = ["eureka", "nacos", "sdk", "rest"];
/// Ways to look.
const READERS: [&str; 5] = ["eureka", "nacos", "sdk", "rest", "gateway"];

#[test]
fn what_enters_by_one_door_is_seen_at_all() {
    let folder = folder();
    let routes: Vec<String> =
        WRITERS.iter().map(|writer| format!("/{writer}/**=lb://from-{writer}")).collect();
    let arguments: Vec<&str> = routes.iter().flat_map(|route| ["--route", route]).collect();
    let server = Server::start(folder.path(), &arguments);
    let world = World::new(server);
    for writer in WRITERS {
        let backend = answer_everything();
        let service = format!("from-{writer}");
        let registration = world.register(writer, &service, backend);
        for reader in READERS {
            let seen = eventually(&format!("{writer} is seen at {reader}"), || {
                world.look(reader, writer, &service)
            });
            let expected = expected(writer, reader, backend);
            assert_eq!(seen, expected, "registered by {writer}, seen at {reader}");
        }
        world.deregister(writer, &service, backend, registration);
        for reader in READERS {
            eventually(&format!("{writer}'s instance is gone from {reader}"), || {
                world.look(reader, writer, &service).is_none().then_some(())
            });
        }
    }
}

/// What a reader can know of an instance that came by a writer.
fn expected(writer: &str, reader: &str, at: SocketAddr) -> Seen {
    // Eureka has no weight of its own, and its clients say none.
    let weight = if writer == "eureka" { 1.0 } else { 2.5 };
    let says = |door: &str| reader != door && reader != "gateway";
    Seen {
        host: at.ip().to_string(),
        port: at.port(),
        up: true,
        weight: says("eureka").then_some(weight),
        zone: (says("eureka") && says("nacos")).then(|| "zone-b".to_owned()),
        version: (reader != "gateway").then(|| "7".to_owned()),
    }
}

struct World {
    server: Server,
    runtime: Runtime,
    sdk: Rialto,
    token: String,
}

impl World {
    fn new(server: Server) -> Self {
        let runtime = Runtime::new().unwrap();
        let data = server.folder.join("data");
        let sdk = Rialto::builder()
            .server(format!("http://{}", server.doors["api"]))
            .token_file(data.join("service.token"))
            .name("pairs")
            .zone("zone-b")
            .without_cache();
        let sdk = runtime.block_on(sdk.connect()).unwrap();
        let token = std::fs::read_to_string(data.join("admin.token")).unwrap().trim().to_owned();
        Self { server, runtime, sdk, token }
    }

    fn register(&self, writer: &str, service: &str, at: SocketAddr) -> Option<Registration> {
        let (host, port) = (at.ip().to_string(), at.port());
        let (status, answer) = match writer {
            "eureka" => {
                let body = json!({"instance": {
                    "instanceId": at.to_string(), "hostName": host, "ipAddr": host,
                    "app": service, "vipAddress": service, "status": "UP",
                    "port": {"$": port, "@enabled": "true"},
                    "dataCenterInfo": {
                        "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
                        "name": "MyOwn",
                    },
                    "metadata": {"version": "7", "zone": "zone-b"},
                }});
                self.call("eureka", "POST", &format!("/eureka/apps/{service}"), Some(&body))
            }
            "nacos" => {
                let path = format!(
                    "/nacos/v1/ns/instance?serviceName={service}&ip={host}&port={port}\
                     &weight=2.5&clusterName=zone-b&metadata=version%3D7"
                );
                self.call("nacos", "POST", &path, None)
            }
            "rest" => {
                let body = json!({
                    "host": host, "port": port, "zone": "zone-b", "weight": 2.5,
                    "metadata": {"version": "7"},
                });
                let path = format!("/api/v1/services/{service}/instances");
                self.call("api", "POST", &path, Some(&body))
            }
            _ => {
                let register = self.sdk.register(service, port);
                let register = register.host(host).weight(2.5).metadata("version", "7");
                let registered = self.runtime.block_on(async { register.await.unwrap() });
                return Some(registered);
            }
        };
        assert!((200..300).contains(&status), "{writer}: {status} {answer}");
        None
    }

    fn deregister(
        &self,
        writer: &str,
        service: &str,
        at: SocketAddr,
        registration: Option<Registration>,
    ) {
        let (host, port) = (at.ip(), at.port());
        let (door, path) = match writer {
            "eureka" => ("eureka", format!("/eureka/apps/{service}/{at}")),
            "nacos" => (
                "nacos",
                format!(
                    "/nacos/v1/ns/instance?serviceName={service}&ip={host}&port={port}\
                     &clusterName=zone-b"
                ),
            ),
            "rest" => ("api", format!("/api/v1/services/{service}/instances/{at}?protocol=rest")),
            _ => {
                let registration = registration.expect("it was registered by the SDK");
                return self.runtime.block_on(registration.leave());
            }
        };
        let (status, answer) = self.call(door, "DELETE", &path, None);
        assert!((200..300).contains(&status), "{writer}: {status} {answer}");
    }

    /// The one instance of a service, as a door shows it.
    fn look(&self, reader: &str, writer: &str, service: &str) -> Option<Seen> {
        match reader {
            "eureka" => {
                let path = format!("/eureka/apps/{service}");
                let app: Json = self.json("eureka", &path)?;
                let one = &app["application"]["instance"][0];
                Some(Seen {
                    host: text(&one["ipAddr"])?,
                    port: u16::try_from(one["port"]["$"].as_u64()?).ok()?,
                    up: one["status"] == "UP",
                    weight: None,
                    zone: None,
                    version: text(&one["metadata"]["version"]),
                })
            }
            "nacos" => {
                let path = format!("/nacos/v1/ns/instance/list?serviceName={service}");
                let list = self.json("nacos", &path)?;
                let one = &list["hosts"][0];
                Some(Seen {
                    host: text(&one["ip"])?,
                    port: u16::try_from(one["port"].as_u64()?).ok()?,
                    up: one["healthy"] == true && one["enabled"] == true,
                    weight: one["weight"].as_f64(),
                    zone: None,
                    version: text(&one["metadata"]["version"]),
                })
            }
            "rest" => {
                let list = self.json("api", &format!("/api/v1/services/{service}"))?;
                let one = &list["instances"][0];
                Some(Seen {
                    host: text(&one["host"])?,
                    port: u16::try_from(one["port"].as_u64()?).ok()?,
                    up: one["available"] == true,
                    weight: one["weight"].as_f64(),
                    zone: text(&one["zone"]),
                    version: text(&one["metadata"]["version"]),
                })
            }
            "sdk" => {
                let all = self.runtime.block_on(self.sdk.instances(service));
                let one = all.first()?;
                let at: SocketAddr = one.authority.parse().ok()?;
                Some(Seen {
                    host: at.ip().to_string(),
                    port: at.port(),
                    up: one.available,
                    weight: Some(one.weight),
                    zone: Some(one.zone.clone()),
                    version: one.metadata.get("version").cloned(),
                })
            }
            _ => {
                let (status, body) = self.call("gateway", "GET", &format!("/{writer}/x"), None);
                let at: SocketAddr = (status == 200).then(|| body.parse().ok())??;
                let (host, port) = (at.ip().to_string(), at.port());
                Some(Seen { host, port, up: true, weight: None, zone: None, version: None })
            }
        }
    }

    fn json(&self, door: &str, path: &str) -> Option<Json> {
        let (status, body) = self.call(door, "GET", path, None);
        (status == 200).then(|| serde_json::from_str(&body).ok())?
    }

    fn call(&self, door: &str, method: &str, path: &str, body: Option<&Json>) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.server.doors[door]).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.map(Json::to_string).unwrap_or_default();
        let authorization = match door {
            "api" => format!("authorization: Bearer {}\r\n", self.token),
            _ => String::new(),
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
             accept: application/json\r\ncontent-type: application/json\r\n{authorization}\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let status = answer[9..12].parse().unwrap();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, body.to_owned())
    }
}

fn text(value: &Json) -> Option<String> {
    Some(value.as_str()?.to_owned())
}

/// An instance that answers every request with its own address.
fn answer_everything() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let body: Arc<str> = at.to_string().into();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let body = Arc::clone(&body);
            std::thread::spawn(move || serve(&stream, &body));
        }
    });
    at
}

fn serve(stream: &TcpStream, body: &str) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while lines.next().is_some() {
        if lines.by_ref().find(String::is_empty).is_none() {
            return;
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}
