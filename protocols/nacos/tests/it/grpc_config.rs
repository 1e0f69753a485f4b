//! Configuration over gRPC: what is published, heard and read, and what is refused.

use serde_json::{Value, json};

use crate::grpc_client::{Client, Pushes, run, setup};
use crate::server::Server;

/// A connection of a client's configuration module, set up.
async fn connect(server: &Server) -> (Client, Pushes) {
    let mut client = Client::connect(server.grpc).await;
    let mut pushes = client.pushes().await;
    pushes.say("ConnectionSetupRequest", setup("config")).await;
    pushes.hear_only("SetupAckRequest").await;
    (client, pushes)
}

fn publish(data_id: &str, content: &str) -> Value {
    let addition = json!({ "encryptedDataKey": "", "type": "yaml" });
    json!({
        "headers": {}, "dataId": data_id, "group": "JG", "tenant": "", "content": content,
        "additionMap": addition, "module": "config",
    })
}

fn query(data_id: &str) -> Value {
    json!({ "headers": {}, "dataId": data_id, "group": "JG", "tenant": "", "module": "config" })
}

fn listen(data_id: &str, tenant: &str, md5: &str) -> Value {
    let item = json!({ "group": "JG", "md5": md5, "dataId": data_id, "tenant": tenant });
    json!({ "headers": {}, "listen": true, "configListenContexts": [item], "module": "config" })
}

fn codes(answer: &Value) -> (u64, u64) {
    (answer["resultCode"].as_u64().unwrap(), answer["errorCode"].as_u64().unwrap())
}

#[test]
fn a_client_publishes_hears_and_reads() {
    let server = Server::start();
    run(async {
        let (mut client, mut pushes) = connect(&server).await;
        let (kind, missing) = client.ask("ConfigQueryRequest", query("jcfg")).await;
        assert_eq!((&*kind, codes(&missing)), ("ConfigQueryResponse", (500, 300)));
        assert_eq!(missing["message"], "config data not exist");
        let (_, heard) = client.ask("ConfigBatchListenRequest", listen("jcfg", "", "")).await;
        assert_eq!(heard["changedConfigs"], json!([]));

        let (_, published) = client.ask("ConfigPublishRequest", publish("jcfg", "a: 1")).await;
        assert_eq!((codes(&published), &published["success"]), ((200, 0), &json!(true)));
        let push = pushes.hear_only("ConfigChangeNotifyRequest").await;
        assert_eq!((&push["dataId"], &push["tenant"]), (&json!("jcfg"), &json!("")));
        let (_, found) = client.ask("ConfigQueryRequest", query("jcfg")).await;
        pushes.acknowledge("ConfigChangeNotifyResponse", &push).await;
        let md5 = "270f9e65a80226eccd82c99cdd0dd2fb";
        for (member, value) in [
            ("content", json!("a: 1")),
            ("contentType", json!("yaml")),
            ("md5", json!(md5)),
            ("encryptedDataKey", json!("")),
            ("beta", json!(false)),
            ("isBeta", json!(false)),
        ] {
            assert_eq!(found[member], value, "{member}");
        }
        assert!(found["lastModified"].as_u64().unwrap() > 0);
        assert_eq!(found.get("tag"), None);

        let (_, heard) = client.ask("ConfigBatchListenRequest", listen("jcfg", "", "")).await;
        let changed = json!([{ "group": "JG", "dataId": "jcfg", "tenant": "" }]);
        assert_eq!(heard["changedConfigs"], changed);
        let ask = listen("jcfg", "public", md5);
        let (_, heard) = client.ask("ConfigBatchListenRequest", ask).await;
        assert_eq!(heard["changedConfigs"], json!([]));

        let mut wrong = publish("jcfg", "a: 2");
        wrong["casMd5"] = json!("0".repeat(32));
        let (_, refused) = client.ask("ConfigPublishRequest", wrong.clone()).await;
        assert_eq!(codes(&refused), (500, 500));
        assert_eq!(refused["message"], "Cas publish fail, server md5 may have changed.");
        wrong["casMd5"] = json!(md5);
        let (_, published) = client.ask("ConfigPublishRequest", wrong).await;
        assert_eq!(codes(&published), (200, 0));
        let push = pushes.hear_only("ConfigChangeNotifyRequest").await;
        assert_eq!(push["tenant"], "public", "as it was listened to last");
        pushes.acknowledge("ConfigChangeNotifyResponse", &push).await;

        let (_, removed) = client.ask("ConfigRemoveRequest", query("jcfg")).await;
        assert_eq!(codes(&removed), (200, 0));
        pushes.hear_only("ConfigChangeNotifyRequest").await;
        let (_, missing) = client.ask("ConfigQueryRequest", query("jcfg")).await;
        assert_eq!(codes(&missing), (500, 300));
    });
}

#[test]
fn gray_versions_are_chosen_by_address_and_tag() {
    let server = Server::start();
    run(async {
        let (mut client, _pushes) = connect(&server).await;
        client.ask("ConfigPublishRequest", publish("a", "all")).await;
        let mut beta = publish("a", "beta");
        beta["additionMap"] = json!({ "betaIps": "192.0.2.2", "type": null });
        let (_, published) = client.ask("ConfigPublishRequest", beta).await;
        assert_eq!(codes(&published), (200, 0));
        let (_, found) = client.ask("ConfigQueryRequest", query("a")).await;
        assert_eq!((&found["content"], &found["beta"]), (&json!("beta"), &json!(true)));
        assert_eq!((&found["isBeta"], found.get("tag")), (&json!(true), None));
        let mut tagged = publish("b", "blue");
        tagged["additionMap"] = json!({ "tag": "blue" });
        client.ask("ConfigPublishRequest", tagged).await;
        let headers = [("vipserver-tag", "blue")];
        let (_, found) = client.ask_with("ConfigQueryRequest", &headers, query("b")).await;
        assert_eq!((&found["content"], &found["tag"]), (&json!("blue"), &json!("blue")));
        let (_, found) = client.ask("ConfigQueryRequest", query("b")).await;
        assert_eq!(codes(&found), (500, 300));
    });
}

/// Every member of every request: absent, null, of another type, too long.
#[test]
fn bad_input_is_refused_and_the_connection_goes_on() {
    let server = Server::start();
    run(async {
        let (mut client, _pushes) = connect(&server).await;
        let watch = json!({ "groupKeyPattern": "public>>JG>>jc*", "receivedGroupKeys": [],
            "watchType": "WATCH", "initializing": false });
        let requests = [
            ("ConfigQueryRequest", query("a")),
            ("ConfigPublishRequest", publish("a", "x")),
            ("ConfigRemoveRequest", query("a")),
            ("ConfigBatchListenRequest", listen("a", "", "")),
            ("ConfigFuzzyWatchRequest", watch),
        ];
        let long = "x".repeat(40_000);
        for (kind, valid) in &requests {
            let members: Vec<String> = valid.as_object().unwrap().keys().cloned().collect();
            for member in members {
                for value in [Value::Null, json!(1), json!([1]), json!({"a": 1}), json!(long)] {
                    let mut request = valid.clone();
                    request[&member] = value;
                    let (answered, answer) = client.ask(kind, request).await;
                    assert!(answered.ends_with("Response"), "{kind} {member}: {answered}");
                    assert!(answer["resultCode"].is_u64(), "{kind} {member}: {answer}");
                }
                let mut request = valid.clone();
                request.as_object_mut().unwrap().remove(&member);
                client.ask(kind, request).await;
            }
            for body in [json!("x"), json!(null), json!(7)] {
                let (answered, answer) = client.ask(kind, body).await;
                assert_eq!((&*answered, &answer["errorCode"]), ("ErrorResponse", &json!(502)));
            }
        }
        for (member, value) in [
            ("dataId", json!("a b/c")),
            ("dataId", json!("x".repeat(257))),
            ("dataId", json!("")),
            ("group", json!("x".repeat(129))),
            ("group", json!(null)),
            ("tenant", json!("a/b")),
            ("content", json!("")),
            ("content", json!(null)),
            ("additionMap", json!({ "desc": long })),
            ("additionMap", json!({ "tag": "x".repeat(17) })),
            ("additionMap", json!({ "betaIps": "nonsense" })),
            ("additionMap", json!({ "config_tags": "1,2,3,4,5,6" })),
        ] {
            let mut request = publish("a", "x");
            request[member] = value;
            let (kind, answer) = client.ask("ConfigPublishRequest", request.clone()).await;
            assert_eq!(&*kind, "ConfigPublishResponse", "{request}");
            assert_eq!(codes(&answer), (500, 400), "{request}: {answer}");
        }
        let (_, unsupported) =
            client.ask("ConfigFuzzyWatchRequest", json!({ "watchType": "OTHER" })).await;
        assert_eq!(codes(&unsupported), (500, 400));
        let (_, fine) = client.ask("ConfigPublishRequest", publish("fine", "x")).await;
        assert_eq!(codes(&fine), (200, 0));
    });
}

#[test]
fn a_fuzzy_watch_tells_what_is_there_and_what_comes() {
    let server = Server::start();
    run(async {
        let (mut client, mut pushes) = connect(&server).await;
        client.ask("ConfigPublishRequest", publish("jcfg", "1")).await;
        let watch = |kind: &str| {
            json!({ "groupKeyPattern": "public>>JG>>jc*", "receivedGroupKeys": [],
                "watchType": kind, "initializing": true })
        };
        let (kind, answer) = client.ask("ConfigFuzzyWatchRequest", watch("WATCH")).await;
        assert_eq!((&*kind, codes(&answer)), ("ConfigFuzzyWatchResponse", (200, 0)));
        let sync = pushes.hear_only("ConfigFuzzyWatchSyncRequest").await;
        assert_eq!(sync["syncType"], "FUZZY_WATCH_INIT_NOTIFY");
        assert_eq!(sync["contexts"][0]["groupKey"], "jcfg+JG+public");
        pushes.acknowledge("ConfigFuzzyWatchSyncResponse", &sync).await;
        let end = pushes.hear_only("ConfigFuzzyWatchSyncRequest").await;
        assert_eq!(end["syncType"], "FINISH_FUZZY_WATCH_INIT_NOTIFY");
        pushes.acknowledge("ConfigFuzzyWatchSyncResponse", &end).await;
        client.ask("ConfigPublishRequest", publish("jcnew", "1")).await;
        let change = pushes.hear_only("ConfigFuzzyWatchChangeNotifyRequest").await;
        let told = (&change["groupKey"], &change["changeType"]);
        assert_eq!(told, (&json!("jcnew+JG+public"), &json!("CONFIG_CHANGED")));
        pushes.acknowledge("ConfigFuzzyWatchChangeNotifyResponse", &change).await;
        let (_, ended) = client.ask("ConfigFuzzyWatchRequest", watch("CANCEL_WATCH")).await;
        assert_eq!(codes(&ended), (200, 0));
    });
}
