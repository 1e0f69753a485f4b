//! What operators and consoles call over HTTP: lists, clients, archives, copies, history, waits.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Response, call};
use crate::server::Server;

/// Two services with instances, two configurations.
fn prepared() -> Server {
    let server = Server::start();
    for (path, parameters) in [
        ("/nacos/v1/ns/instance", vec![("serviceName", "s"), ("ip", "10.0.0.1"), ("port", "1")]),
        (
            "/nacos/v1/ns/instance",
            vec![
                ("serviceName", "G@@t"),
                ("ip", "10.0.0.2"),
                ("port", "2"),
                ("ephemeral", "false"),
            ],
        ),
        (
            "/nacos/v1/cs/configs",
            vec![
                ("dataId", "a.yaml"),
                ("group", "G"),
                ("content", "k: 1"),
                ("type", "yaml"),
                ("appName", "app"),
                ("desc", "d"),
            ],
        ),
        ("/nacos/v1/cs/configs", vec![("dataId", "b"), ("group", "G"), ("content", "x")]),
    ] {
        let answer = server.send("POST", path, &parameters);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    server
}

#[track_caller]
fn data(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut whole = answer.json();
    assert_eq!(whole["code"], 0, "{whole}");
    whole["data"].take()
}

#[test]
fn calls_of_operators_are_answered_in_every_generation() {
    let server = prepared();
    let mut wrong = Vec::new();
    for (path, says) in [
        ("/nacos/serverlist", "127.0.0.1:"),
        ("/nacos/actuator/health", r#"{"status":"UP"}"#),
        ("/nacos/actuator/prometheus", "# "),
        ("/nacos/prometheus", r#""targets":["10.0.0.1:1"]"#),
        ("/nacos/prometheus/namespaceId/public", r#""targets":["10.0.0.2:2"]"#),
        ("/nacos/prometheus/namespaceId/public/service/s", r#""__meta_service_name":"s""#),
        ("/nacos/prometheus/namespaceId/other", "[]"),
        ("/nacos/v1/console/server/announcement", r#""data":null"#),
        ("/nacos/v1/core/cluster/self", r#""state":"UP""#),
        ("/nacos/v1/core/cluster/simple/nodes", r#""data":["127.0.0.1:"#),
        ("/nacos/v1/core/cluster/health", r#""data":"UP""#),
        ("/nacos/v2/core/cluster/node/self", r#"{"code":0,"#),
        ("/nacos/v3/admin/core/cluster/node/self", r#""address":"127.0.0.1:"#),
        ("/v3/console/core/cluster/nodes", r#""state":"UP""#),
        ("/v3/console/health/liveness", r#""data":"ok""#),
        ("/v3/console/server/state", r#""startup_mode":"standalone""#),
        ("/nacos/v1/ns/ops/metrics?onlyStatus=false", r#""instanceCount":2"#),
        ("/nacos/v3/admin/ns/ops/metrics?onlyStatus=false", r#""serviceCount":2"#),
        ("/nacos/v3/admin/ns/ops/switches", r#""lightBeatEnabled":true"#),
        ("/nacos/v1/ns/operator/distro/client?ip=1.2.3.4&port=1", r#""responsibleServer":"#),
        ("/nacos/v1/ns/instance/statuses?key=public%23%23DEFAULT_GROUP@@s", "10.0.0.1:1_true"),
        ("/nacos/v2/ns/instance/statuses/public%23%23DEFAULT_GROUP@@s", "10.0.0.1:1_true"),
        ("/nacos/v1/ns/health/checkers", r#""TCP":{"type":"TCP"}"#),
        ("/nacos/v2/ns/client?clientId=10.0.0.1:1%23true", r#""clientIp":"10.0.0.1""#),
        ("/nacos/v2/ns/client/publish/list?clientId=10.0.0.1:1%23true", r#""serviceName":"s""#),
        ("/nacos/v2/ns/client/service/publisher/list?serviceName=s", "10.0.0.1:1#true"),
        ("/nacos/v3/admin/ns/client/service/subscriber/list?serviceName=s", r#""data":[]"#),
        ("/nacos/v3/admin/ns/client/subscribe/list?clientId=10.0.0.1:1%23true", r#""data":[]"#),
        ("/nacos/v2/ns/catalog/instances?serviceName=s", r#""count":1"#),
        ("/nacos/v3/admin/ns/service/list?withInstances=true", r#""totalCount":2"#),
        ("/v3/console/ns/service/list?serviceNameParam=t", r#""totalCount":1"#),
        ("/v3/console/ns/instance/list?serviceName=s&pageNo=1&pageSize=1", r#""totalCount":1"#),
        ("/nacos/v3/admin/ns/instance?serviceName=s&ip=10.0.0.1&port=1", r#""ephemeral":true"#),
        ("/v3/console/ns/service?serviceName=t&groupName=G", r#""ephemeral":false"#),
        ("/nacos/v2/core/loader/current", r#""data":{}"#),
        ("/nacos/v3/admin/core/loader/cluster", r#""memberCount":1"#),
        ("/nacos/v1/cs/health", "UP"),
        ("/nacos/v2/cs/config/searchDetail?pageNo=1&pageSize=9&dataId=a*", r#""totalCount":1"#),
        ("/v3/console/cs/config/list?configDetail=k:&dataId=&groupName=", r#""totalCount":1"#),
        ("/v3/console/cs/config?dataId=a.yaml&groupName=G", r#""desc":"d""#),
        ("/nacos/v1/cs/history/configs?tenant=", r#""dataId":"b""#),
        ("/nacos/v2/cs/history/configs?namespaceId=public", r#""dataId":"b""#),
        ("/nacos/v1/cs/capacity?group=G", r#""quota":200"#),
        ("/nacos/v3/admin/cs/capacity?namespaceId=public", r#""usage":2"#),
        ("/nacos/v1/cs/listener?ip=127.0.0.1", r#""lisentersGroupkeyStatus":{}"#),
        ("/v3/console/cs/config/listener/ip?ip=127.0.0.1", r#""queryType":"ip""#),
        ("/v3/console/core/namespace/list", r#""namespace":"public""#),
        ("/v3/console/core/namespace/exist?customNamespaceId=none", r#""data":false"#),
    ] {
        let answer = server.get(path);
        if answer.status != 200 || !answer.text().contains(says) {
            wrong.push(format!("{path}: {} {:.400}", answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_operators_change_is_seen() {
    let server = prepared();
    let instance = [("serviceName", "s"), ("ip", "10.0.0.1"), ("port", "1")];
    let with = |more: &[(&'static str, &'static str)]| [&instance[..], more].concat();
    let partial = "/nacos/v3/admin/ns/instance/partial";
    data(&server.send("PUT", partial, &with(&[("weight", "3.5"), ("metadata", "k=v")])));
    let shown = data(&server.get("/nacos/v3/client/ns/instance/list?serviceName=s"));
    assert_eq!((&shown[0]["weight"], &shown[0]["metadata"]["k"]), (&3.5.into(), &"v".into()));
    data(&server.send("PUT", "/v3/console/ns/instance", &with(&[("enabled", "false")])));
    assert_eq!(
        data(&server.get("/nacos/v3/client/ns/instance/list?serviceName=s")),
        Value::from(Vec::<u8>::new())
    );
    let all = data(&server.get("/nacos/v3/admin/ns/instance/list?serviceName=s"));
    assert_eq!(all[0]["enabled"], false, "operators see it");
    let service = [("serviceName", "made"), ("protectThreshold", "0.5")];
    data(&server.send("POST", "/v3/console/ns/service", &service));
    data(&server.send(
        "PUT",
        "/v3/console/ns/service",
        &[("serviceName", "made"), ("metadata", "a=b")],
    ));
    let made = data(&server.get("/nacos/v2/ns/service?serviceName=made"));
    assert_eq!(made["metadata"]["a"], "b");
    let gone =
        call(server.address, "DELETE", "/nacos/v3/admin/ns/service?serviceName=made", &[], None);
    data(&gone.expect("an answer"));
    let gone = server.get("/nacos/v2/ns/service?serviceName=made");
    assert_eq!((gone.status, &gone.json()["code"]), (400, &21_008.into()));
    let switched = [("entry", "nothing"), ("value", "1")];
    assert_eq!(server.send("PUT", "/nacos/v1/ns/operator/switches", &switched).status, 500);
    let capacity = [("group", "G"), ("quota", "7")];
    assert_eq!(server.send("POST", "/nacos/v1/cs/capacity", &capacity).json()["data"], true);
    assert_eq!(server.get("/nacos/v1/cs/capacity?group=G").json()["data"]["quota"], 7);
}

#[test]
fn history_shows_what_was() {
    let server = prepared();
    let named = [("dataId", "a.yaml"), ("groupName", "G"), ("content", "k: 2")];
    data(&server.send("POST", "/nacos/v3/admin/cs/config", &named));
    let list = "/nacos/v3/admin/cs/history/list?dataId=a.yaml&groupName=G";
    let lines = data(&server.get(list));
    assert_eq!(lines["totalCount"], 2);
    let id = |line: usize| lines["pageItems"][line]["id"].as_str().expect("an id").to_owned();
    let entry = |what: &str| format!("/nacos/v3/admin/cs/history{what}&dataId=a.yaml&groupName=G");
    let update = data(&server.get(&entry(&format!("?nid={}", id(0)))));
    assert_eq!((&update["content"], &update["opType"]), (&"k: 1".into(), &"U         ".into()));
    let before = data(&server.get(&entry(&format!("/previous?id={}", id(0)))));
    assert_eq!((&before["id"], &before["opType"]), (&id(1).into(), &"I         ".into()));
    assert_eq!(server.get(&entry(&format!("/previous?id={}", id(1)))).status, 404);
    let other = format!("/nacos/v3/admin/cs/history?nid={}&dataId=b&groupName=G", id(0));
    assert_eq!(server.get(&other).status, 404, "it is another configuration's");
    let other = format!("/nacos/v1/cs/history?nid={}&dataId=b&group=G", id(0));
    assert_eq!(server.get(&other).text(), "");
}

fn import(server: &Server, path: &str, archive: &[u8], policy: &str) -> Response {
    let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\
                Content-Type: application/zip\r\n\r\n";
    let policy = format!(
        "\r\n--x\r\nContent-Disposition: form-data; name=\"policy\"\r\n\r\n{policy}\r\n--x--\r\n"
    );
    let body = [head.as_bytes(), archive, policy.as_bytes()].concat();
    let headers = [("Content-Type", "multipart/form-data; boundary=x")];
    call(server.address, "POST", path, &headers, Some(&body)).expect("an answer")
}

#[test]
fn archives_go_out_and_in() {
    let server = prepared();
    let namespace = [("namespaceId", "other"), ("namespaceName", "o")];
    data(&server.send("POST", "/nacos/v3/admin/core/namespace", &namespace));
    for (export, path) in [
        (
            "/nacos/v1/cs/configs?export=true&tenant=&ids=",
            "/nacos/v1/cs/configs?import=true&namespace=other",
        ),
        (
            "/nacos/v1/cs/configs?exportV2=true&tenant=",
            "/nacos/v1/cs/configs?import=true&namespace=other",
        ),
        (
            "/nacos/v3/admin/cs/config/export?namespaceId=public",
            "/nacos/v3/admin/cs/config/import?namespaceId=other",
        ),
        ("/v3/console/cs/config/export2", "/v3/console/cs/config/import?namespaceId=other"),
    ] {
        let archive = server.get(export);
        assert_eq!(archive.status, 200, "{export}: {}", archive.text());
        assert!(archive.body.starts_with(b"PK"), "{export}");
        let outcome = import(&server, path, &archive.body, "OVERWRITE");
        assert_eq!(outcome.status, 200, "{path}: {}", outcome.text());
        assert_eq!(outcome.json()["data"]["succCount"], 2, "{path}: {}", outcome.text());
        let copy = server.get("/nacos/v1/cs/configs?dataId=a.yaml&group=G&tenant=other");
        assert_eq!((copy.text().as_str(), copy.header("config-type")), ("k: 1", Some("yaml")));
    }
    let path = "/nacos/v3/admin/cs/config/import?namespaceId=other";
    let archive = server.get("/nacos/v1/cs/configs?exportV2=true&tenant=").body;
    let skipped = data(&import(&server, path, &archive, "SKIP"));
    assert_eq!((&skipped["succCount"], &skipped["skipCount"]), (&0.into(), &2.into()));
    for (path, archive, policy, status) in [
        (path, &b"no archive"[..], "SKIP", 400),
        (path, &b""[..], "SKIP", 400),
        (path, &archive[..], "NONE", 400),
        ("/nacos/v3/admin/cs/config/import?namespaceId=mistyped", &archive[..], "SKIP", 404),
    ] {
        let refused = import(&server, path, archive, policy);
        assert_eq!(refused.status, status, "{path} {policy}: {}", refused.text());
    }
    let unread = server.send("POST", path, &[]);
    assert_eq!((unread.status, &unread.json()["code"]), (400, &20_003.into()));
}

#[test]
fn copies_have_other_names() {
    let server = prepared();
    let found = data(&server.get("/nacos/v3/admin/cs/config?dataId=a.yaml&groupName=G"));
    let id = found["id"].as_str().expect("an identifier");
    let json = [("Content-Type", "application/json")];
    let v1 = format!(r#"[{{"cfgId":{id},"dataId":"c","group":"H"}}]"#);
    let path = "/nacos/v1/cs/configs?clone=true&tenant=public";
    let copied = call(server.address, "POST", path, &json, Some(v1.as_bytes())).expect("an answer");
    assert_eq!(copied.json()["data"]["succCount"], 1, "{}", copied.text());
    let v3 = format!(r#"[{{"configId":"{id}","targetDataId":"d"}}]"#);
    let path = "/nacos/v3/admin/cs/config/clone?namespaceId=public&policy=SKIP";
    data(&call(server.address, "POST", path, &json, Some(v3.as_bytes())).expect("an answer"));
    for path in ["dataId=c&group=H", "dataId=d&group=G"] {
        assert_eq!(server.get(&format!("/nacos/v1/cs/configs?{path}")).text(), "k: 1", "{path}");
    }
    let removal = format!("/nacos/v3/admin/cs/config/batch?ids={id}");
    data(&call(server.address, "DELETE", &removal, &[], None).expect("an answer"));
    assert_eq!(server.get("/nacos/v1/cs/configs?dataId=a.yaml&group=G").status, 404);
    for body in ["", "{", "[]", "[{}]", r#"[{"cfgId":"x"}]"#] {
        let path = "/nacos/v3/admin/cs/config/clone?namespaceId=public";
        let refused = call(server.address, "POST", path, &json, Some(body.as_bytes()));
        assert_eq!(refused.expect("an answer").status, 400, "{body}");
    }
}

#[test]
fn a_long_poll_ends_with_the_change() {
    let server = prepared();
    let md5 = server.get("/nacos/v1/cs/configs?dataId=b&group=G");
    let md5 = md5.header("content-md5").expect("a digest").to_owned();
    let mut stream = std::net::TcpStream::connect(server.address).expect("the door accepts");
    stream.set_read_timeout(Some(crate::client::PATIENCE)).expect("a timeout can be set");
    let body = format!("Listening-Configs=b%02G%02{md5}%01");
    let request = format!(
        "POST /nacos/v1/cs/configs/listener HTTP/1.1\r\nHost: x\r\nLong-Pulling-Timeout: 30000\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("the door takes it");
    let listens =
        || server.get("/nacos/v1/cs/configs/listener?dataId=b&group=G").text().contains(&md5);
    let until = Instant::now() + crate::client::PATIENCE;
    while !listens() {
        assert!(Instant::now() < until, "the wait has begun");
        std::thread::yield_now();
    }
    let began = Instant::now();
    let parameters = [("dataId", "b"), ("group", "G"), ("content", "new")];
    server.send("POST", "/nacos/v1/cs/configs", &parameters);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the door answers");
    assert!(answer.ends_with("b%02G%01\n"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(5), "at once, not when time is up");
}
