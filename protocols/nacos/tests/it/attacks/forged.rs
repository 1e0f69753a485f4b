//! Headers, tokens and keys that opened the real server, and doors it had that are none here.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rialto_nacos::NacosConfig;
use rialto_nacos::codec::form;
use serde_json::json;

use super::server::{PASSWORD, Server};
use super::{ask, post, token, with};
use crate::client::call;
use crate::grpc_client::{Client, run};

/// `{"alg":"HS256"}` and `{"sub":"admin","exp":9999999999}`.
const FOR_ADMIN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiIsImV4cCI6OTk5OTk5OTk5OX0";
/// A protected call that tells much.
const USERS: &str = "/nacos/v1/auth/users";

fn users(server: &Server, headers: &[(&str, &str)]) -> u16 {
    let page = [("pageNo", "1"), ("pageSize", "9"), ("search", "accurate")];
    ask(server.address, "GET", USERS, &page, headers).status
}

/// CVE-2021-29441.
#[test]
fn a_user_agent_of_a_server_opens_nothing() {
    let server = Server::signed_in();
    for agent in ["Nacos-Server", "Nacos-Server:v1.4.0", "nacos-server"] {
        assert_eq!(users(&server, &[("User-Agent", agent)]), 403, "{agent}");
        let new = [("username", "evil"), ("password", PASSWORD)];
        let made = ask(server.address, "POST", USERS, &new, &[("User-Agent", agent)]);
        assert_eq!(made.status, 403, "{agent}");
    }
    assert_eq!(server.security.users().len(), 1);
}

/// alibaba/nacos #4779, #14103: default values of the identity of another server.
#[test]
fn no_identity_of_another_server_opens_anything() {
    let server = Server::signed_in();
    for (name, value) in [
        ("serverIdentity", "security"),
        ("example", "example"),
        ("nacos", "nacos"),
        ("identityKey", "identityValue"),
        ("golden-id", "golden-value"),
    ] {
        assert_eq!(users(&server, &[(name, value)]), 403, "{name}");
    }
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let headers = [("serverIdentity", "security"), ("User-Agent", "Nacos-Server")];
        let body = json!({"dataId": "a", "group": "G", "tenant": ""});
        let (_, said) = client.ask_with("ConfigQueryRequest", &headers, body).await;
        assert_eq!(said["errorCode"], 403);
        // Requests between servers are not spoken here at all, whatever label a client has.
        for kind in [
            "ServerReloadRequest",
            "ServerLoaderInfoRequest",
            "MemberReportRequest",
            "DistroDataRequest",
            "ConfigChangeClusterSyncRequest",
        ] {
            let (told, said) = client.ask_with(kind, &headers, json!({})).await;
            assert_eq!(
                (told.as_str(), &said["errorCode"]),
                ("ErrorResponse", &json!(302)),
                "{kind}"
            );
        }
    });
}

/// NVDB-CNVDB-2023674205: tokens signed with the default key of 0.1.0 to 2.2.0, as text and as
/// base64, good for long; and unsigned ones.
#[test]
fn no_token_signed_with_a_known_key_is_accepted() {
    let server = Server::signed_in();
    let own = token(&server, "admin");
    let claims = own.split('.').nth(1).unwrap();
    let forged = [
        format!("{FOR_ADMIN}.EC5pMJV1nk66wEXtEaZVDoD3UHVh237GiakM588OASM"),
        format!("{FOR_ADMIN}.TCbcro_QPmIa36IoOaiZNyq8Kr5vOTSu1fyKRbR0IIU"),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImV4cCI6OTk5OTk5OTk5OX0.".to_owned(),
        format!("eyJhbGciOiJub25lIn0.{claims}."),
        format!("eyJhbGciOiJIUzI1NiJ9.{claims}."),
    ];
    for token in &forged {
        let page = [("pageNo", "1"), ("pageSize", "9")];
        let answer = with(&server, token, "GET", USERS, &page);
        assert_eq!(answer.status, 403, "{token}");
        assert_eq!(users(&server, &[("Authorization", &format!("Bearer {token}"))]), 403);
        assert_eq!(users(&server, &[("accessToken", token)]), 403);
    }
    assert_eq!(users(&server, &[("Authorization", &format!("Bearer {own}"))]), 200);
    // Another installation has another key.
    let other = Server::signed_in();
    assert_eq!(users(&other, &[("Authorization", &format!("Bearer {own}"))]), 403);
}

/// A door that others reach is closed until somebody says otherwise (row 8).
#[test]
fn no_door_is_open_to_others_by_default() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let config = NacosConfig { listen: everywhere, ..NacosConfig::default() };
    let Err(refused) = Server::configured(config) else { panic!("it opened") };
    assert!(refused.to_string().contains("--set nacos.auth=required"), "{refused}");
}

/// No user, password, or way to become the administrator comes with the server (rows 8 and 9).
#[test]
fn nothing_is_built_in() {
    for server in [Server::signed_in(), Server::start()] {
        for (user, password) in
            [("nacos", "nacos"), ("admin", "admin"), ("admin", ""), ("", ""), ("nacos", "ldap")]
        {
            for path in
                ["/nacos/v1/auth/login", "/nacos/v1/auth/users/login", "/nacos/v3/auth/user/login"]
            {
                let pair = [("username", user), ("password", password)];
                assert_eq!(post(server.address, path, &pair).status, 403, "{user} {path}");
            }
        }
        for path in ["/nacos/v1/auth/users/admin", "/nacos/v3/auth/user/admin"] {
            let answer = post(server.address, path, &[("password", PASSWORD)]);
            assert_eq!((answer.status, &answer.json()["code"]), (409, &json!(409)), "{path}");
        }
        assert_eq!(server.security.users()[0].name, "admin");
    }
}

/// CVE-2021-29442 and vulhub #544: there is no database to ask and none to import into.
#[test]
fn no_statement_reaches_a_database() {
    let server = Server::start();
    let admin = token(&server, "admin");
    let statement = "select * from users";
    for (method, path) in [
        ("GET", "/nacos/v1/cs/ops/derby"),
        ("POST", "/nacos/v1/cs/ops/derby"),
        ("GET", "/nacos/v3/admin/cs/ops/derby"),
        ("POST", "/nacos/v1/cs/ops/data/removal"),
        ("POST", "/nacos/v3/admin/cs/ops/derby/import"),
        ("POST", "/nacos/v1/core/ops/raft"),
        ("POST", "/nacos/v2/core/ops/raft"),
        ("POST", "/nacos/v3/admin/core/ops/raft"),
    ] {
        let parameters = [("sql", statement), ("command", "doSnapshot"), ("groupId", "x")];
        let answer = with(&server, &admin, method, path, &parameters);
        assert!(answer.status >= 400, "{method} {path}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("argon2"), "{path}");
    }
}

/// #10542: objects of Java, Hessian and JRaft, on every port that there is.
#[test]
fn native_objects_are_bytes_without_meaning() {
    let server = Server::start();
    let objects: [&[u8]; 6] = [
        // A serialised Java object; Hessian 1 and 2 calls; a bolt frame of JRaft.
        b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap",
        b"c\x01\x00m\x00\x04evalS\x00\x02idz",
        b"H\x02\x00C\x04evalP\x91",
        b"\x01\x00\x00\x01\x01\x00\x00\x00\x01\x02\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x00\x00",
        &[0xff; 512],
    ];
    for object in objects {
        for address in [server.address, server.grpc] {
            refused(address, object);
        }
        run(async {
            let mut client = Client::connect(server.grpc).await;
            let told = client.raw("/Request/request", object.to_vec().into()).await;
            let failed = told.status != Some(0);
            let refused = told.message.is_some_and(|(kind, _)| kind == "ErrorResponse");
            assert!(failed || refused, "{object:?}");
        });
    }
    assert_eq!(server.get("/nacos/v1/console/health/liveness").status, 200, "it is still there");
}

/// Sends bytes and expects the end, or an answer that refuses them.
fn refused(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.starts_with("HTTP/1.1 2"), "{bytes:?}: {answer}");
}

/// A page that somebody on this machine looks at.
#[test]
fn a_page_of_another_site_changes_nothing() {
    let server = Server::start();
    let service = form::encode;
    let mut name = String::new();
    service("evil", &mut name);
    let body = format!("serviceName={name}&ip=10.0.0.1&port=1");
    let headers =
        [("Origin", "http://evil.example"), ("Content-Type", "application/x-www-form-urlencoded")];
    let path = "/nacos/v1/ns/instance";
    let answer = call(server.address, "POST", path, &headers, Some(body.as_bytes())).unwrap();
    assert_eq!(answer.status, 403, "{}", answer.text());
    let list = server.get("/nacos/v1/ns/instance/list?serviceName=evil");
    assert_eq!(list.json()["hosts"], json!([]));
}

/// User enumeration: what is said of a user that is unknown is what is said of a wrong password.
#[test]
fn a_failed_sign_in_does_not_tell_who_exists() {
    let server = Server::signed_in();
    for path in ["/nacos/v1/auth/login", "/nacos/v1/auth/users/login", "/nacos/v3/auth/user/login"]
    {
        let said = |user| {
            let answer = post(server.address, path, &[("username", user), ("password", "wrong")]);
            let mut text = answer.text();
            if let Some(at) = text.find("\"status\"") {
                text.drain(..at);
            }
            let headers: Vec<_> = answer.headers.iter().filter(|it| it.0 != "date").collect();
            let lengths = headers.iter().map(|(name, value)| format!("{name}:{value}"));
            (answer.status, text, lengths.collect::<Vec<_>>())
        };
        assert_eq!(said("admin"), said("nobody"), "{path}");
        assert_eq!(said("admin").0, 403);
    }
}
