//! A right in one namespace, used on another: reads, writes, listeners, history, lists, searches.

use rialto_security::Rights;
use serde_json::{Value, json};

use super::server::Server;
use super::{ask, token, user, with};
use crate::grpc_client::{Client, run};

const SECRET: &str = "secret-of-b";
const A: &[(&str, &str)] = &[("tenant", "a"), ("namespaceId", "a")];
const B: &[(&str, &str)] = &[("tenant", "b"), ("namespaceId", "b")];
const CONFIG: &[(&str, &str)] = &[("dataId", "d"), ("group", "G"), ("groupName", "G")];
const SERVICE: &[(&str, &str)] =
    &[("serviceName", "s"), ("groupName", "G"), ("ip", "10.0.0.1"), ("port", "80")];
const PAGE: &[(&str, &str)] = &[("pageNo", "1"), ("pageSize", "10")];

/// Parameters of a call, in parts that others share.
type Parts = &'static [&'static [(&'static str, &'static str)]];

/// A configuration and a service in namespaces `a` and `b`, and a user `u1` with rights on `a`.
fn server(rights: Rights) -> (Server, String) {
    let server = Server::signed_in();
    let admin = token(&server, "admin");
    for (namespace, content) in [(A, "open-in-a"), (B, SECRET)] {
        let publish = [namespace, CONFIG, &[("content", content)]].concat();
        let answer = with(&server, &admin, "POST", "/nacos/v1/cs/configs", &publish);
        assert_eq!(answer.text(), "true");
        let register = [namespace, SERVICE].concat();
        let answer = with(&server, &admin, "POST", "/nacos/v1/ns/instance", &register);
        assert_eq!(answer.text(), "ok");
    }
    user(&server, "u1", &[("a:*:*", rights)]);
    let member = token(&server, "u1");
    (server, member)
}

/// Calls that read one namespace, of every generation that does the same (#13259, #13233, #13600).
const READS: &[(&str, Parts)] = &[
    ("/nacos/v1/cs/configs", &[CONFIG]),
    ("/nacos/v1/cs/configs", &[CONFIG, &[("show", "all")]]),
    ("/nacos/v1/cs/configs", &[CONFIG, &[("beta", "true")]]),
    ("/nacos/v1/cs/configs", &[PAGE, &[("search", "accurate"), ("dataId", ""), ("group", "")]]),
    ("/nacos/v1/cs/configs", &[PAGE, &[("search", "blur"), ("dataId", "*"), ("group", "*")]]),
    ("/nacos/v1/cs/configs", &[&[("export", "true"), ("group", ""), ("appName", "")]]),
    ("/nacos/v1/cs/configs", &[&[("exportV2", "true"), ("group", "")]]),
    ("/nacos/v1/cs/configs/catalog", &[CONFIG]),
    ("/nacos/v1/cs/configs/listener", &[CONFIG]),
    ("/nacos/v1/cs/history", &[CONFIG, PAGE, &[("search", "accurate")]]),
    ("/nacos/v1/cs/history/configs", &[]),
    ("/nacos/v2/cs/config", &[CONFIG]),
    ("/nacos/v2/cs/config/searchDetail", &[PAGE]),
    ("/nacos/v2/cs/history/list", &[CONFIG, PAGE]),
    ("/nacos/v2/cs/history/configs", &[]),
    ("/nacos/v3/client/cs/config", &[CONFIG]),
    ("/nacos/v3/admin/cs/config", &[CONFIG]),
    ("/nacos/v3/admin/cs/config/list", &[PAGE]),
    ("/nacos/v3/admin/cs/config/export", &[]),
    ("/nacos/v3/admin/cs/history/list", &[CONFIG, PAGE]),
    ("/nacos/v3/admin/cs/history/configs", &[]),
    ("/nacos/v3/admin/cs/config/listener", &[CONFIG]),
    ("/v3/console/cs/config", &[CONFIG]),
    ("/v3/console/cs/config/list", &[PAGE]),
    ("/v3/console/cs/history/configs", &[]),
    ("/nacos/v1/ns/instance", &[SERVICE]),
    ("/nacos/v1/ns/instance/list", &[SERVICE]),
    ("/nacos/v1/ns/service/list", &[PAGE, &[("groupName", "G")]]),
    ("/nacos/v1/ns/service/subscribers", &[SERVICE, PAGE]),
    ("/nacos/v1/ns/catalog/services", &[PAGE]),
    ("/nacos/v1/ns/catalog/instances", &[SERVICE, PAGE]),
    ("/nacos/v2/ns/instance/list", &[SERVICE]),
    ("/nacos/v2/ns/service/list", &[PAGE, &[("groupName", "G")]]),
    ("/nacos/v2/ns/client/service/publisher/list", &[SERVICE]),
    ("/nacos/v3/client/ns/instance/list", &[SERVICE]),
    ("/nacos/v3/admin/ns/instance/list", &[SERVICE]),
    ("/nacos/v3/admin/ns/service/list", &[PAGE]),
    ("/nacos/v3/admin/ns/service/subscribers", &[SERVICE, PAGE]),
    ("/v3/console/ns/service/list", &[PAGE]),
    ("/v3/console/ns/instance/list", &[SERVICE, PAGE]),
];

const WRITES: &[(&str, &str, Parts)] = &[
    ("POST", "/nacos/v1/cs/configs", &[CONFIG, &[("content", "x")]]),
    ("DELETE", "/nacos/v1/cs/configs", &[CONFIG]),
    ("POST", "/nacos/v2/cs/config", &[CONFIG, &[("content", "x")]]),
    ("DELETE", "/nacos/v2/cs/config", &[CONFIG]),
    ("POST", "/nacos/v3/admin/cs/config", &[CONFIG, &[("content", "x")]]),
    ("DELETE", "/nacos/v3/admin/cs/config", &[CONFIG]),
    ("POST", "/v3/console/cs/config", &[CONFIG, &[("content", "x")]]),
    ("POST", "/nacos/v1/ns/instance", &[SERVICE]),
    ("PUT", "/nacos/v1/ns/instance", &[SERVICE]),
    ("PATCH", "/nacos/v1/ns/instance", &[SERVICE, &[("weight", "0")]]),
    ("DELETE", "/nacos/v1/ns/instance", &[SERVICE]),
    ("PUT", "/nacos/v1/ns/instance/beat", &[SERVICE]),
    ("POST", "/nacos/v1/ns/service", &[&[("serviceName", "t"), ("groupName", "G")]]),
    ("POST", "/nacos/v2/ns/instance", &[SERVICE]),
    ("POST", "/nacos/v3/client/ns/instance", &[SERVICE]),
    ("PUT", "/nacos/v3/admin/ns/instance", &[SERVICE]),
];

#[test]
fn reading_one_namespace_is_not_reading_another_in_any_generation() {
    let (server, member) = server(Rights::Read);
    for (path, parts) in READS {
        let own = with(&server, &member, "GET", path, &[A, &parts.concat()].concat());
        assert_ne!(own.status, 403, "{path} {parts:?} of one's own: {}", own.text());
        for namespace in [B, &[][..]] {
            let other = with(&server, &member, "GET", path, &[namespace, &parts.concat()].concat());
            assert_eq!(other.status, 403, "{path} {parts:?}: {}", other.text());
        }
    }
    for (method, path, parts) in WRITES {
        let answer = with(&server, &member, method, path, &[A, &parts.concat()].concat());
        assert_eq!(answer.status, 403, "{method} {path} with a right to read: {}", answer.text());
    }
}

#[test]
fn writing_one_namespace_is_neither_writing_another_nor_reading() {
    let (server, member) = server(Rights::Write);
    for (method, path, parts) in WRITES {
        let other = with(&server, &member, method, path, &[B, &parts.concat()].concat());
        assert_eq!(other.status, 403, "{method} {path}: {}", other.text());
    }
    for (path, parts) in READS {
        let own = with(&server, &member, "GET", path, &[A, &parts.concat()].concat());
        assert_eq!(own.status, 403, "{path} {parts:?}: {}", own.text());
    }
    for (method, path, parts) in WRITES {
        let own = with(&server, &member, method, path, &[A, &parts.concat()].concat());
        assert_ne!(own.status, 403, "{method} {path}: {}", own.text());
    }
}

/// A name said twice, in two ways: whoever decides and whoever answers must read the same one.
#[test]
fn two_names_for_one_thing_are_no_way_around() {
    let (server, member) = server(Rights::ReadWrite);
    user(&server, "narrow", &[("b:MINE:config/mine", Rights::ReadWrite)]);
    let narrow = token(&server, "narrow");
    let base = [("dataId", "d"), ("nid", "2"), ("id", "3"), ("search", "")];
    let spellings = [
        vec![("tenant", "b"), ("namespaceId", "a"), ("group", "G"), ("groupName", "G")],
        vec![("namespaceId", "a"), ("tenant", "b"), ("group", "G"), ("groupName", "G")],
        vec![("namespaceId", "b"), ("tenant", "a"), ("group", "G"), ("groupName", "G")],
        vec![("namespace", "a"), ("tenant", "b"), ("group", "G"), ("groupName", "G")],
        vec![("tenant", "a"), ("tenant", "b"), ("group", "G"), ("groupName", "G")],
        vec![("tenant", "b"), ("tenant", "a"), ("group", "G"), ("groupName", "G")],
        vec![("tenant", "b"), ("namespaceId", "b"), ("group", "MINE"), ("groupName", "G")],
        vec![("tenant", "b"), ("namespaceId", "b"), ("group", "G"), ("groupName", "MINE")],
    ];
    let paths = [
        "/nacos/v1/cs/configs",
        "/nacos/v2/cs/config",
        "/nacos/v3/client/cs/config",
        "/nacos/v3/admin/cs/config",
        "/nacos/v1/cs/history",
        "/nacos/v2/cs/history",
        "/nacos/v3/admin/cs/history",
        "/nacos/v3/admin/cs/history/previous",
        "/v3/console/cs/history",
    ];
    for token in [&member, &narrow] {
        for spelling in &spellings {
            for path in paths {
                for data_id in ["d", "mine"] {
                    let named = [("dataId", data_id), base[1], base[2]];
                    let parameters = [&spelling[..], &named[..]].concat();
                    let answer = with(&server, token, "GET", path, &parameters);
                    assert!(!answer.text().contains(SECRET), "{path} {parameters:?}");
                }
            }
        }
    }
    // A list is about all of it, however much the call narrows what it says it is about.
    for (path, of) in [
        ("/nacos/v1/cs/history/configs", CONFIG_OF_NARROW),
        ("/nacos/v3/admin/cs/history/configs", CONFIG_OF_NARROW),
        ("/nacos/v1/cs/configs", &[("dataId", "mine"), ("group", "MINE"), ("exportV2", "true")]),
    ] {
        let answer = with(&server, &narrow, "GET", path, &[B, of].concat());
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    user(&server, "one", &[("b:G:naming/other", Rights::Read)]);
    let one = token(&server, "one");
    let named = [B, PAGE, &[("serviceName", "other"), ("groupName", "G")]].concat();
    for path in [
        "/nacos/v1/ns/service/list",
        "/nacos/v2/ns/service/list",
        "/nacos/v1/ns/catalog/services",
        "/nacos/v3/admin/ns/service/list",
        "/v3/console/ns/service/list",
    ] {
        let answer = with(&server, &one, "GET", path, &named);
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
}

const CONFIG_OF_NARROW: &[(&str, &str)] =
    &[("dataId", "mine"), ("group", "MINE"), ("groupName", "MINE")];

#[test]
fn identifiers_and_keys_of_another_namespace_tell_nothing() {
    let (server, member) = server(Rights::ReadWrite);
    let ids: Vec<String> = (1..8).map(|id| id.to_string()).collect();
    let all = ids.join(",");
    for parameters in [
        vec![("ids", all.as_str()), ("export", "true")],
        vec![("ids", all.as_str()), ("exportV2", "true")],
    ] {
        let answer =
            with(&server, &member, "GET", "/nacos/v1/cs/configs", &[A, &parameters].concat());
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    let gone = [A, &[("delType", "ids"), ("ids", all.as_str())]].concat();
    assert_eq!(with(&server, &member, "DELETE", "/nacos/v1/cs/configs", &gone).status, 403);
    let gone = [A, &[("ids", all.as_str())]].concat();
    let path = "/nacos/v3/admin/cs/config/batch";
    assert_eq!(with(&server, &member, "DELETE", path, &gone).status, 403);
    // History by number: of one's own configuration, with the number of another's.
    for id in &ids {
        for (path, name) in [
            ("/nacos/v1/cs/history", "nid"),
            ("/nacos/v1/cs/history/previous", "id"),
            ("/nacos/v3/admin/cs/history", "nid"),
            ("/nacos/v3/admin/cs/history/previous", "id"),
        ] {
            let parameters = [A, CONFIG, &[(name, id.as_str())]].concat();
            let answer = with(&server, &member, "GET", path, &parameters);
            assert!(!answer.text().contains(SECRET), "{path} {id}: {}", answer.text());
        }
    }
    for key in ["b##G@@s", "b%23%23G@@s"] {
        let path = "/nacos/v1/ns/instance/statuses";
        let answer = with(&server, &member, "GET", path, &[A, &[("key", key)]].concat());
        assert!(answer.status >= 400 && !answer.text().contains("10.0.0.1"), "{}", answer.text());
    }
}

#[test]
fn lists_over_all_namespaces_show_ones_own() {
    let (server, member) = server(Rights::Read);
    let names = with(&server, &member, "GET", "/nacos/v1/ns/service/names", &[]).json();
    assert_eq!(names["META-INF/services"], json!({"a": ["G@@s"]}), "{names}");
    let targets = with(&server, &member, "GET", "/nacos/prometheus", &[]).json();
    let of: Vec<_> =
        targets.as_array().unwrap().iter().map(|it| &it["labels"]["__meta_namespace_id"]).collect();
    assert_eq!(of, ["a"]);
    for path in [
        "/nacos/v2/ns/client/list",
        "/nacos/v3/admin/ns/client/list",
        "/nacos/v1/cs/listener?ip=127.0.0.1",
        "/nacos/v1/console/namespaces",
        "/nacos/v1/core/cluster/nodes",
        "/nacos/v1/ns/operator/switches",
    ] {
        assert_eq!(with(&server, &member, "GET", path, &[]).status, 403, "{path}");
    }
}

#[test]
fn a_long_poll_is_refused_for_one_key_of_another_namespace() {
    let (server, member) = server(Rights::Read);
    let keys = |namespaces: &[&str]| -> String {
        namespaces.iter().map(|it| format!("d\u{2}G\u{2}x\u{2}{it}\u{1}")).collect()
    };
    for (namespaces, status) in [(&["a"][..], 200), (&["b"], 403), (&["a", "b"], 403)] {
        let keys = keys(namespaces);
        let parameters = [("Listening-Configs", keys.as_str()), ("accessToken", &member)];
        let headers = [("Long-Pulling-Timeout-No-Hangup", "true")];
        let path = "/nacos/v1/cs/configs/listener";
        let answer = ask(server.address, "POST", path, &parameters, &headers);
        assert_eq!(answer.status, status, "{namespaces:?}: {}", answer.text());
    }
}

#[test]
fn listening_over_grpc_checks_every_context() {
    let (server, member) = server(Rights::Read);
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let headers = [("accessToken", member.as_str())];
        let context = |it: &str| json!({"tenant": it, "group": "G", "dataId": "d", "md5": ""});
        let listen =
            |contexts: Vec<Value>| json!({"listen": true, "configListenContexts": contexts});
        let kind = "ConfigBatchListenRequest";
        // The first context alone decided on the real server.
        let (_, said) =
            client.ask_with(kind, &headers, listen(vec![context("a"), context("b")])).await;
        let changed = &said["changedConfigs"];
        assert_eq!(changed.as_array().map(Vec::len), Some(1), "{said}");
        assert_eq!(changed[0]["tenant"], "a");
        let (_, said) = client.ask_with(kind, &headers, listen(vec![context("b")])).await;
        assert_eq!(said["errorCode"], 403, "{said}");
    });
}

/// Requests about namespace `b`, of every type that names one.
fn requests_for_b() -> Vec<(&'static str, Value)> {
    let service = json!({"namespace": "b", "groupName": "G", "serviceName": "s"});
    let with = |members: Value| {
        let mut body = service.clone();
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let instance = json!({"ip": "10.0.0.9", "port": 9, "ephemeral": true, "healthy": true,
        "enabled": true, "weight": 1.0, "clusterName": "DEFAULT", "metadata": {}});
    let config = json!({"tenant": "b", "group": "G", "dataId": "d"});
    let watch = |kind| {
        let body = json!({"groupKeyPattern": "b>>*>>*", "watchType": "WATCH",
            "receivedGroupKeys": [], "initializing": true});
        (kind, body)
    };
    let registered = json!({"type": "registerInstance", "instance": instance});
    let gone = json!({"type": "deregisterInstance", "instance": instance});
    let batch = json!({"type": "batchRegisterInstance", "instances": [instance]});
    vec![
        ("ConfigQueryRequest", config.clone()),
        (
            "ConfigPublishRequest",
            json!({"tenant": "b", "group": "G", "dataId": "d", "content": "x"}),
        ),
        ("ConfigRemoveRequest", config),
        watch("ConfigFuzzyWatchRequest"),
        ("InstanceRequest", with(registered.clone())),
        ("InstanceRequest", with(gone)),
        ("PersistentInstanceRequest", with(registered)),
        ("BatchInstanceRequest", with(batch)),
        ("ServiceQueryRequest", service.clone()),
        ("SubscribeServiceRequest", with(json!({"subscribe": true}))),
        ("ServiceListRequest", with(json!({"pageNo": 1, "pageSize": 10}))),
        watch("NamingFuzzyWatchRequest"),
    ]
}

/// What whoever decides might read and whoever answers does not, or the other way round.
fn tricks() -> [Value; 4] {
    [
        json!({}),
        json!({"namespaceId": "a", "module": "config", "clientNamespace": "a"}),
        json!({"tags": {"tenant": "a", "namespace": "a"}}),
        json!({"tenant ": "a", "Namespace": "a", "TENANT": "a"}),
    ]
}

#[test]
fn no_request_over_grpc_crosses_into_another_namespace() {
    let (server, member) = server(Rights::ReadWrite);
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let headers = [("accessToken", member.as_str())];
        for (kind, body) in requests_for_b() {
            for trick in tricks() {
                let mut body = body.clone();
                for (name, value) in trick.as_object().unwrap() {
                    body[name] = value.clone();
                }
                if kind.starts_with("Config") {
                    body["namespace"] = "a".into();
                } else {
                    body["tenant"] = "a".into();
                }
                if !kind.contains("FuzzyWatch") {
                    body["groupKeyPattern"] = "a>>*>>*".into();
                }
                let (_, said) = client.ask_with(kind, &headers, body.clone()).await;
                assert_eq!(said["errorCode"], 403, "{kind} {body}: {said}");
                let text = said.to_string();
                assert!(!text.contains(SECRET) && !text.contains("10.0.0.1"), "{kind}: {text}");
            }
        }
        let body = json!({"tenant": "a", "group": "G", "dataId": "d"});
        let (_, said) = client.ask_with("ConfigQueryRequest", &headers, body).await;
        assert_eq!(said["content"], "open-in-a");
        let body = json!({"namespace": "a", "groupName": "G", "serviceName": "s"});
        let (_, said) = client.ask_with("ServiceQueryRequest", &headers, body).await;
        assert_eq!(said["serviceInfo"]["hosts"][0]["ip"], "10.0.0.1", "{said}");
    });
}

/// Members by position, which mean something else to whoever decides than to whoever answers.
#[test]
fn a_list_is_no_request() {
    let (server, _) = server(Rights::ReadWrite);
    user(&server, "home", &[("public:*:*", Rights::ReadWrite)]);
    let member = token(&server, "home");
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let headers = [("accessToken", member.as_str())];
        for kind in ["ConfigQueryRequest", "ServiceQueryRequest", "SubscribeServiceRequest"] {
            for body in [json!(["d", "G", "b"]), json!(["b", "G", "s"]), json!([]), json!("x")] {
                let (_, said) = client.ask_with(kind, &headers, body.clone()).await;
                assert_eq!(said["errorCode"], 403, "{kind} {body}: {said}");
            }
        }
    });
}
