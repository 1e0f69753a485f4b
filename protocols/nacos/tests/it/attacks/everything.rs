//! Every route and every type of request, without credentials and with forged ones.

use rialto_nacos::access::Rule;
use rialto_nacos::{Declared, declared};
use serde_json::json;

use super::ask;
use super::server::Server;
use crate::grpc_client::{Client, run};

/// What answers everybody: probes, signing in, what a client asks before it can sign in. A route
/// that is added here must tell nothing and change nothing.
const PUBLIC: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/actuator/health"),
    ("GET", "/serverlist"),
    ("GET", "/v1/console/health/liveness"),
    ("GET", "/v1/console/health/readiness"),
    ("GET", "/v2/console/health/liveness"),
    ("GET", "/v2/console/health/readiness"),
    ("GET", "/v3/admin/core/state/liveness"),
    ("GET", "/v3/admin/core/state/readiness"),
    ("GET", "/v3/console/health/liveness"),
    ("GET", "/v3/console/health/readiness"),
    ("GET", "/v1/console/server/state"),
    ("GET", "/v3/admin/core/state"),
    ("GET", "/v3/console/server/state"),
    ("GET", "/v1/console/server/announcement"),
    ("GET", "/v3/console/server/announcement"),
    ("GET", "/v1/console/server/guide"),
    ("GET", "/v3/console/server/guide"),
    ("GET", "/v1/core/cluster/health"),
    ("GET", "/v2/core/cluster/node/self/health"),
    ("GET", "/v3/admin/core/cluster/node/self/health"),
    ("GET", "/v1/cs/health"),
    ("GET", "/v1/ns/operator/metrics"),
    ("GET", "/v1/ns/ops/metrics"),
    ("GET", "/v2/ns/operator/metrics"),
    ("GET", "/v2/ns/ops/metrics"),
    ("GET", "/v3/admin/ns/ops/metrics"),
    ("POST", "/v1/auth/login"),
    ("POST", "/v1/auth/users/login"),
    ("POST", "/v3/auth/user/login"),
    ("POST", "/v1/auth/users/admin"),
    ("POST", "/v3/auth/user/admin"),
];

/// Parameters that many calls need, so that none fails for want of one before it is refused.
const PARAMETERS: &[(&str, &str)] = &[
    ("serviceName", "a"),
    ("ip", "10.0.0.1"),
    ("port", "1"),
    ("dataId", "a"),
    ("group", "G"),
    ("groupName", "G"),
    ("content", "x"),
    ("pageNo", "1"),
    ("pageSize", "10"),
    ("role", "r"),
    ("resource", "public:*:*"),
    ("action", "r"),
    ("newPassword", "some-password"),
];

fn routes() -> impl Iterator<Item = (&'static str, &'static str, Rule)> {
    declared().into_iter().filter_map(|it| match it {
        Declared::Http { method, path, rule } => Some((method, path, rule)),
        Declared::Grpc { .. } => None,
    })
}

fn requests() -> impl Iterator<Item = (&'static str, &'static str, Rule)> {
    declared().into_iter().filter_map(|it| match it {
        Declared::Grpc { kind, answer, rule } => Some((kind, answer, rule)),
        Declared::Http { .. } => None,
    })
}

#[test]
fn only_what_is_listed_here_is_public() {
    let mut public: Vec<_> = routes()
        .filter(|(.., rule)| *rule == Rule::Public)
        .map(|(method, path, _)| (method, path))
        .collect();
    let mut listed = PUBLIC.to_vec();
    public.sort_unstable();
    listed.sort_unstable();
    assert_eq!(public, listed);
    let public: Vec<_> =
        requests().filter(|it| it.2 == Rule::Public).map(|(kind, ..)| kind).collect();
    assert_eq!(public, ["HealthCheckRequest"]);
    assert!(routes().count() > 150 && requests().count() > 10, "the tables are whole");
}

#[test]
fn every_route_refuses_callers_without_credentials() {
    let server = Server::signed_in();
    for (method, path, rule) in routes().filter(|(.., rule)| *rule != Rule::Public) {
        let concrete = path.replace('*', "public##a");
        for headers in [
            &[][..],
            // What opened the real server once, together.
            &[
                ("User-Agent", "Nacos-Server"),
                ("serverIdentity", "security"),
                ("example", "example"),
                ("X-Forwarded-For", "127.0.0.1"),
                ("Authorization", "Bearer garbage"),
            ][..],
        ] {
            for prefix in ["/nacos", if path.starts_with("/v3/console/") { "" } else { "/nacos" }] {
                let path = format!("{prefix}{concrete}").replace('#', "%23");
                let answer = ask(server.address, method, &path, PARAMETERS, headers);
                assert_eq!(answer.status, 403, "{method} {path} ({rule:?}): {}", answer.text());
                let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
                let expected = ["user not found!", "token invalid!", "too many failed attempts"];
                let known = expected.iter().any(|it| message.starts_with(it));
                assert!(known, "{method} {path}: {message}");
            }
        }
    }
}

#[test]
fn every_request_over_grpc_refuses_callers_without_credentials() {
    let server = Server::signed_in();
    run(async {
        for address in [server.address, server.grpc] {
            let mut client = Client::connect(address).await;
            let _pushes = client.set_up().await;
            for (kind, answer, rule) in requests() {
                let body = json!({"namespace": "public", "serviceName": "a", "groupName": "G",
                    "tenant": "", "group": "G", "dataId": "a", "content": "x",
                    "configListenContexts": [{"tenant": "", "group": "G", "dataId": "a"}]});
                for headers in [&[][..], &[("accessToken", "garbage")][..]] {
                    let (told, said) = client.ask_with(kind, headers, body.clone()).await;
                    assert_eq!(told, answer, "a refusal is of the request's own type");
                    let expected = if rule == Rule::Public { 0 } else { 403 };
                    assert_eq!(said["errorCode"], expected, "{kind}: {said}");
                    assert_eq!(said["resultCode"], if expected == 0 { 200 } else { 500 }, "{kind}");
                }
            }
            let (kind, said) = client.ask("ServerCheckRequest", json!({})).await;
            assert_eq!((kind.as_str(), &said["resultCode"]), ("ServerCheckResponse", &json!(200)));
        }
    });
}

#[test]
fn nobody_reaches_users_and_roles_where_nobody_signs_in() {
    let server = Server::start();
    for (method, path, rule) in routes() {
        let auth = path.starts_with("/v1/auth/") || path.starts_with("/v3/auth/");
        if !auth || rule == Rule::Public {
            continue;
        }
        let answer = ask(server.address, method, &format!("/nacos{path}"), PARAMETERS, &[]);
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    assert_eq!(server.security.users().len(), 1);
}
