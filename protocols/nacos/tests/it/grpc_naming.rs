//! Naming over gRPC, with the words of recorded sessions and with words that no client says.

use serde_json::{Value, json};

use crate::grpc_client::{Client, Pushes, run};
use crate::server::Server;

fn named(service: &str, mut more: Value) -> Value {
    let mut body = json!({
        "headers": {}, "namespace": "public", "serviceName": service, "groupName": "JG",
        "module": "naming",
    });
    let members = body.as_object_mut().unwrap();
    members.append(more.as_object_mut().unwrap());
    body
}

fn instance(ip: &str, port: u16, cluster: &str) -> Value {
    json!({
        "ip": ip, "port": port, "weight": 1.0, "healthy": true, "enabled": true, "ephemeral": true,
        "clusterName": cluster, "metadata": {}, "instanceHeartBeatInterval": 5000,
        "instanceHeartBeatTimeOut": 15000, "ipDeleteTimeout": 30000,
        "instanceIdGenerator": "simple",
    })
}

async fn connected(server: &Server) -> (Client, Pushes) {
    let mut client = Client::connect(server.grpc).await;
    let pushes = client.set_up().await;
    (client, pushes)
}

async fn register(client: &mut Client, service: &str, instance: Value) -> Value {
    let body = named(service, json!({"type": "registerInstance", "instance": instance}));
    let (kind, answer) = client.ask("InstanceRequest", body).await;
    assert_eq!(kind, "InstanceResponse", "{answer}");
    answer
}

async fn query(client: &mut Client, service: &str, cluster: &str) -> Value {
    let body = named(service, json!({"cluster": cluster, "healthyOnly": false, "udpPort": 0}));
    let (kind, answer) = client.ask("ServiceQueryRequest", body).await;
    assert_eq!(kind, "QueryServiceResponse");
    answer["serviceInfo"].clone()
}

/// The next pushed list, acknowledged.
async fn pushed(pushes: &mut Pushes) -> Value {
    let push = pushes.hear_only("NotifySubscriberRequest").await;
    assert_eq!(push["headers"], json!({}));
    pushes.acknowledge("NotifySubscriberResponse", &push).await;
    push["serviceInfo"].clone()
}

fn ports(info: &Value) -> Vec<u64> {
    info["hosts"].as_array().unwrap().iter().map(|host| host["port"].as_u64().unwrap()).collect()
}

/// A session of a Java client as it was recorded (golden, gRPC).
#[test]
fn a_recorded_session() {
    let server = Server::start();
    run(async {
        let (mut one, mut pushes) = connected(&server).await;
        let (mut two, _pushes) = connected(&server).await;
        let answer = register(&mut one, "jsvc", instance("10.1.1.1", 8080, "C1")).await;
        assert_eq!(
            answer,
            json!({"resultCode":200,"errorCode":0,"type":"registerInstance","success":true})
        );
        register(&mut one, "jsvc", instance("10.1.1.2", 8081, "DEFAULT")).await;
        assert_eq!(ports(&query(&mut one, "jsvc", "").await), [8081]);
        assert!(ports(&query(&mut one, "nosuch", "").await).is_empty());
        assert!(ports(&query(&mut one, "jsvc", "C1").await).is_empty());
        let body = named("jsvc", json!({"subscribe": true, "clusters": ""}));
        let (kind, subscribed) = one.ask("SubscribeServiceRequest", body).await;
        assert_eq!(
            (kind.as_str(), &subscribed["message"]),
            ("SubscribeServiceResponse", &json!("success"))
        );
        assert_eq!(ports(&subscribed["serviceInfo"]), [8081]);
        let mut last = subscribed["serviceInfo"]["lastRefTime"].as_u64().unwrap();
        assert_eq!(ports(&pushed(&mut pushes).await), [8081]);

        let both = json!([instance("10.1.2.1", 9001, "C1"), instance("10.1.2.2", 9002, "C2")]);
        let batch = |instances: Value| {
            named("jsvc", json!({"type": "batchRegisterInstance", "instances": instances}))
        };
        let (kind, answer) = two.ask("BatchInstanceRequest", batch(both)).await;
        assert_eq!(
            (kind.as_str(), &answer["type"]),
            ("BatchInstanceResponse", &json!("batchRegisterInstance"))
        );
        let list = pushed(&mut pushes).await;
        assert_eq!(ports(&list), [8081, 9001, 9002]);
        let time = list["lastRefTime"].as_u64().unwrap();
        assert!(time > last);
        last = time;
        let rest = json!([instance("10.1.2.2", 9002, "C2")]);
        two.ask("BatchInstanceRequest", batch(rest)).await;
        let list = pushed(&mut pushes).await;
        assert_eq!(ports(&list), [8081, 9002]);
        assert!(list["lastRefTime"].as_u64().unwrap() > last);

        let page = named("", json!({"pageNo": 1, "pageSize": 10}));
        let (_, listed) = one.ask("ServiceListRequest", page).await;
        assert_eq!((&listed["count"], &listed["serviceNames"]), (&json!(1), &json!(["jsvc"])));
        let gone = instance("10.1.1.2", 8081, "DEFAULT");
        let leave = json!({"type": "deregisterInstance", "instance": gone});
        let (_, left) = one.ask("InstanceRequest", named("jsvc", leave)).await;
        assert_eq!(left["type"], "deregisterInstance");
        assert_eq!(ports(&pushed(&mut pushes).await), [9002]);
        drop((two, _pushes));
        assert!(
            ports(&pushed(&mut pushes).await).is_empty(),
            "a lost client's instances go at once"
        );
    });
}

#[test]
fn persistent_instances_stay_when_the_connection_goes() {
    let server = Server::start();
    run(async {
        let (mut one, pushes) = connected(&server).await;
        let body =
            json!({"type": "registerInstance", "instance": instance("10.1.3.1", 7001, "DEFAULT")});
        let (kind, answer) =
            one.ask("PersistentInstanceRequest", named("jper", body.clone())).await;
        assert_eq!((kind.as_str(), &answer["success"]), ("InstanceResponse", &json!(true)));
        drop((one, pushes));
        let (mut two, _pushes) = connected(&server).await;
        let list = query(&mut two, "jper", "").await;
        assert_eq!((ports(&list), &list["hosts"][0]["ephemeral"]), (vec![7001], &json!(false)));
        let mixed = named("jper", body);
        let (kind, refused) = two.ask("InstanceRequest", mixed).await;
        assert_eq!((kind.as_str(), &refused["errorCode"]), ("ErrorResponse", &json!(400)));
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains("can't register ephemeral instance"), "{message}");
        let gone = instance("10.1.3.1", 7001, "DEFAULT");
        let leave = json!({"type": "deregisterInstance", "instance": gone});
        two.ask("PersistentInstanceRequest", named("jper", leave)).await;
        assert!(ports(&query(&mut two, "jper", "").await).is_empty());
    });
}

#[test]
fn patterns_are_watched() {
    let server = Server::start();
    run(async {
        let (mut one, mut pushes) = connected(&server).await;
        register(&mut one, "jsvc", instance("10.1.1.1", 8080, "C1")).await;
        let watch = |kind: &str| {
            json!({"groupKeyPattern": "public>>JG>>js*", "receivedGroupKeys": [],
                   "watchType": kind, "initializing": true})
        };
        let (kind, answer) = one.ask("NamingFuzzyWatchRequest", watch("WATCH")).await;
        assert_eq!((kind.as_str(), &answer["success"]), ("NamingFuzzyWatchResponse", &json!(true)));
        let mut told = Vec::new();
        for _ in 0..2 {
            let push = pushes.hear_only("NamingFuzzyWatchSyncRequest").await;
            // Clients acknowledge with this type whatever they were told.
            pushes.acknowledge("NamingFuzzyWatchChangeNotifyResponse", &push).await;
            told.push(push["syncType"].as_str().unwrap().to_owned());
        }
        assert_eq!(told, ["FUZZY_WATCH_INIT_NOTIFY", "FINISH_FUZZY_WATCH_INIT_NOTIFY"]);
        register(&mut one, "jsnew", instance("10.1.4.1", 8090, "DEFAULT")).await;
        let push = pushes.hear_only("NamingFuzzyWatchChangeNotifyRequest").await;
        pushes.acknowledge("NamingFuzzyWatchChangeNotifyResponse", &push).await;
        assert_eq!(push["serviceKey"], "public@@JG@@jsnew");
        let (_, cancelled) = one.ask("NamingFuzzyWatchRequest", watch("CANCEL_WATCH")).await;
        assert_eq!(cancelled["success"], true);
        let (kind, unknown) = one.ask("NamingFuzzyWatchRequest", watch("LOOK")).await;
        assert_eq!((kind.as_str(), &unknown["errorCode"]), ("ErrorResponse", &json!(400)));
        let nothing = json!({"groupKeyPattern": "nonsense", "watchType": "WATCH"});
        let (_, wrong) = one.ask("NamingFuzzyWatchRequest", nothing).await;
        assert_eq!((&wrong["success"], &wrong["errorCode"]), (&json!(false), &json!(400)));
    });
}

/// Every request with every member absent, null, of every wrong type, and too long.
#[test]
fn any_member_may_be_anything() {
    let server = Server::start();
    run(async {
        let (mut client, _pushes) = connected(&server).await;
        let whole = instance("10.1.1.1", 80, "DEFAULT");
        let bodies = [
            (
                "InstanceRequest",
                named("bad", json!({"type": "registerInstance", "instance": whole})),
            ),
            (
                "BatchInstanceRequest",
                named("bad", json!({"type": "batchRegisterInstance", "instances": [whole]})),
            ),
            (
                "PersistentInstanceRequest",
                named("badp", json!({"type": "registerInstance", "instance": whole})),
            ),
            (
                "ServiceQueryRequest",
                named("bad", json!({"cluster": "", "healthyOnly": true, "udpPort": 0})),
            ),
            ("ServiceListRequest", named("", json!({"pageNo": 1, "pageSize": 10, "selector": ""}))),
            ("SubscribeServiceRequest", named("bad", json!({"subscribe": true, "clusters": ""}))),
            (
                "NamingFuzzyWatchRequest",
                json!({"namespace": "public", "groupKeyPattern": "public>>a>>b",
                "receivedGroupKeys": ["x"], "watchType": "WATCH", "initializing": true}),
            ),
        ];
        let values = [
            Value::Null,
            json!(true),
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!("x".repeat(10_000)),
            json!([]),
            json!([null]),
            json!({}),
            json!({"a": {"b": []}}),
            json!("a b"),
            json!("服务"),
        ];
        let mut asked = 0;
        for (kind, body) in bodies {
            for (path, cut) in members(&body) {
                let (told, answer) = client.ask(kind, cut).await;
                check(kind, &path, &told, &answer);
                for value in &values {
                    let (told, answer) = client.ask(kind, with(&body, &path, value)).await;
                    check(kind, &path, &told, &answer);
                    asked += 1;
                }
            }
        }
        assert!(asked > 500, "{asked}");
        for raw in [json!([]), json!(null), json!("x"), json!(7)] {
            let (kind, answer) = client.ask("InstanceRequest", raw).await;
            assert_eq!((kind.as_str(), &answer["errorCode"]), ("ErrorResponse", &json!(502)));
        }
        let (_, healthy) = client.ask("HealthCheckRequest", json!({})).await;
        assert_eq!(healthy["success"], true, "the connection is none the worse");
    });
}

fn check(kind: &str, path: &[String], told: &str, answer: &Value) {
    let own = kind.replace("Request", "Response");
    let own = match kind {
        "PersistentInstanceRequest" => "InstanceResponse",
        "ServiceQueryRequest" => "QueryServiceResponse",
        _ => &own,
    };
    let whose = format!("{kind} {path:?}: {told} {answer}");
    assert!(told == own || told == "ErrorResponse", "{whose}");
    assert!(!answer.as_object().unwrap().values().any(Value::is_null), "{whose}");
    match answer["success"].as_bool().unwrap() {
        true => assert_eq!((&answer["resultCode"], &answer["errorCode"]), (&json!(200), &json!(0))),
        false => {
            assert_eq!(answer["resultCode"], 500, "{whose}");
            let code = answer["errorCode"].as_u64().unwrap();
            assert!([400, 502].contains(&code), "{whose}");
            assert!(!answer["message"].as_str().unwrap().is_empty(), "{whose}");
        }
    }
}

/// Every member of a body, with the body without it.
fn members(body: &Value) -> Vec<(Vec<String>, Value)> {
    let mut found = Vec::new();
    for (name, value) in body.as_object().unwrap() {
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove(name);
        found.push((vec![name.clone()], without));
        if name == "instance" {
            for inner in value.as_object().unwrap().keys() {
                let mut without = body.clone();
                without["instance"].as_object_mut().unwrap().remove(inner);
                found.push((vec![name.clone(), inner.clone()], without));
            }
        }
    }
    found
}

fn with(body: &Value, path: &[String], value: &Value) -> Value {
    let mut changed = body.clone();
    let place = path.iter().fold(&mut changed, |place, name| &mut place[name]);
    *place = value.clone();
    changed
}
