//! Signing in, users, roles and permissions in both forms, and how quickly they end.

use rialto_security::{Grant, NewToken, Rights, Role};
use serde_json::json;

use super::server::{PASSWORD, Server};
use super::{admin, ask, post, token, user, with};
use crate::grpc_client::{Client, run};

const PAGE: &[(&str, &str)] = &[("pageNo", "1"), ("pageSize", "9"), ("search", "accurate")];

#[test]
fn signing_in_answers_as_the_real_server() {
    for server in [Server::signed_in(), Server::start()] {
        for path in
            ["/nacos/v1/auth/login", "/nacos/v1/auth/users/login", "/nacos/v3/auth/user/login"]
        {
            let answer =
                post(server.address, path, &[("username", "admin"), ("password", PASSWORD)]);
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let said = answer.json();
            let token = said["accessToken"].as_str().unwrap();
            assert_eq!(answer.header("authorization"), Some(format!("Bearer {token}").as_str()));
            let text = format!(
                r#"{{"accessToken":"{token}","tokenTtl":18000,"globalAdmin":true,"username":"admin"}}"#
            );
            assert_eq!(answer.text(), text);
        }
        // Java sends the user in the query and the password in the body.
        let path = "/nacos/v1/auth/users/login?username=admin";
        assert_eq!(post(server.address, path, &[("password", PASSWORD)]).status, 200);
    }
}

#[test]
fn a_failed_sign_in_answers_as_the_real_server() {
    let server = Server::signed_in();
    let wrong = [("username", "admin"), ("password", "wrong")];
    let answer = post(server.address, "/nacos/v1/auth/login", &wrong);
    assert_eq!((answer.status, answer.text().as_str()), (403, "user not found!"));
    assert_eq!(answer.header("content-type"), Some("text/plain;charset=UTF-8"));
    let answer = post(server.address, "/nacos/v3/auth/user/login", &wrong);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["error"], "Forbidden");
    for parameters in [&[][..], &[("username", "admin")], &[("password", PASSWORD)]] {
        let answer = post(server.address, "/nacos/v1/auth/users/login", parameters);
        assert_eq!(answer.status, 403, "{parameters:?}");
    }
}

#[test]
fn guessing_is_slowed_down() {
    let server = Server::signed_in();
    let wrong = [("username", "admin"), ("password", "wrong")];
    let refused = (0..10)
        .map(|_| post(server.address, "/nacos/v1/auth/login", &wrong))
        .find(|answer| answer.header("retry-after").is_some())
        .expect("a wait");
    assert_eq!(refused.status, 403);
    let right = [("username", "admin"), ("password", PASSWORD)];
    assert_eq!(post(server.address, "/nacos/v1/auth/login", &right).status, 403, "even then");
}

#[test]
fn each_way_to_present_oneself_is_taken() {
    let server = Server::signed_in();
    let token = token(&server, "admin");
    let path = "/nacos/v1/auth/users";
    let status = |parameters: &[(&str, &str)], headers: &[(&str, &str)]| {
        ask(server.address, "GET", path, &[PAGE, parameters].concat(), headers).status
    };
    assert_eq!(status(&[("accessToken", &token)], &[]), 200);
    assert_eq!(status(&[], &[("Authorization", &format!("Bearer {token}"))]), 200);
    assert_eq!(status(&[], &[("accessToken", &token)]), 200);
    assert_eq!(status(&[], &[]), 403);
    let (read, pair) = ("/nacos/v1/cs/configs", [("username", "admin"), ("password", PASSWORD)]);
    let config = [("dataId", "a"), ("group", "G")];
    for _ in 0..2 {
        let answer = ask(server.address, "GET", read, &[&config[..], &pair].concat(), &[]);
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
    let wrong = [("username", "admin"), ("password", "wrong")];
    let answer = ask(server.address, "GET", read, &[&config[..], &wrong].concat(), &[]);
    assert_eq!(answer.status, 403);
}

/// Both forms make, show and end the same users, roles and permissions.
#[test]
fn users_roles_and_permissions_in_both_forms() {
    let server = Server::signed_in();
    let admin = token(&server, "admin");
    let forms = [
        (
            "/nacos/v1/auth/users",
            "/nacos/v1/auth/users",
            "/nacos/v1/auth/roles",
            "/nacos/v1/auth/roles",
            "/nacos/v1/auth/permissions",
            "/nacos/v1/auth/permissions",
        ),
        (
            "/nacos/v3/auth/user",
            "/nacos/v3/auth/user/list",
            "/nacos/v3/auth/role",
            "/nacos/v3/auth/role/list",
            "/nacos/v3/auth/permission",
            "/nacos/v3/auth/permission/list",
        ),
    ];
    for (user, users, role, roles, permission, permissions) in forms {
        let code = if user.contains("/v1/") { 200 } else { 0 };
        let done = |method, path, parameters: &[(&str, &str)], said: &str| {
            let answer = with(&server, &admin, method, path, parameters);
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
            let json = answer.json();
            assert_eq!((&json["code"], &json["data"]), (&json!(code), &json!(said)), "{path}");
        };
        let list = |path: &str| {
            let json = with(&server, &admin, "GET", path, PAGE).json();
            if code == 200 { json } else { json["data"].clone() }
        };
        let (u1, r1) = (("username", "u1"), ("role", "r1"));
        let given = [r1, ("resource", "public:*:*"), ("action", "r")];
        done("POST", user, &[u1, ("password", PASSWORD)], "create user ok!");
        done("POST", role, &[r1, u1], "add role ok!");
        done("POST", permission, &given, "add permission ok!");
        assert_eq!(list(users)["pageItems"][1], json!({"username": "u1", "password": ""}));
        let shown = list(roles);
        assert_eq!(shown["totalCount"], 2);
        assert_eq!(shown["pageItems"][0], json!({"role": "ROLE_ADMIN", "username": "admin"}));
        assert_eq!(shown["pageItems"][1], json!({"role": "r1", "username": "u1"}));
        let expected = json!({"role": "r1", "resource": "public:*:*", "action": "r"});
        assert_eq!(list(permissions)["pageItems"], json!([expected]));
        done("PUT", user, &[u1, ("newPassword", "another-password")], "update user ok!");
        done("DELETE", permission, &given, "delete permission ok!");
        done("DELETE", role, &[r1, u1], "delete role of user u1 ok!");
        done("DELETE", role, &[r1], "delete role of user  ok!");
        done("DELETE", user, &[u1], "delete user ok!");
        // Nobody takes the administrator away, or the role (#13761), or becomes one by its name.
        for (method, path, parameters) in [
            ("DELETE", user, vec![("username", "admin")]),
            ("DELETE", role, vec![("role", "ROLE_ADMIN")]),
            ("POST", role, vec![("role", "ROLE_ADMIN"), ("username", "admin")]),
            ("POST", role, vec![r1, ("username", "nobody")]),
            ("POST", permission, vec![r1, ("resource", "nonsense"), ("action", "r")]),
            ("POST", permission, vec![r1, ("resource", "a:*:*"), ("action", "x")]),
            ("POST", user, vec![u1, ("password", "short")]),
            ("POST", user, vec![("username", "admin"), ("password", PASSWORD)]),
        ] {
            let answer = with(&server, &admin, method, path, &parameters);
            assert_eq!(answer.status, 400, "{method} {path} {parameters:?}: {}", answer.text());
        }
    }
}

#[test]
fn one_changes_ones_own_password_and_no_other() {
    let server = Server::signed_in();
    user(&server, "u1", &[]);
    let member = token(&server, "u1");
    let change = |name| [("username", name), ("newPassword", "another-password")];
    let path = "/nacos/v3/auth/user";
    assert_eq!(with(&server, &member, "PUT", path, &change("admin")).status, 403);
    assert_eq!(with(&server, &member, "PUT", path, &change("u1")).status, 200);
    // What was signed before the change has ended with it.
    assert_eq!(with(&server, &member, "PUT", path, &change("u1")).status, 403);
    // A token that has a user's name is not the user.
    let new =
        NewToken { name: "admin2".into(), role: Role::Reader, roles: Vec::new(), owner: None };
    let reader = server.security.create_token(&admin(), new).unwrap();
    server.security.create_user(&admin(), "admin2", PASSWORD, Role::Admin).unwrap();
    let answer = with(&server, reader.reveal(), "PUT", path, &change("admin2"));
    assert_eq!(answer.status, 403, "{}", answer.text());
}

#[test]
fn what_is_subscribed_to_ends_with_the_right_to_read_it() {
    let server = Server::signed_in();
    user(&server, "u1", &[("a:*:*", Rights::Read)]);
    let member = token(&server, "u1");
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let context = json!({"tenant": "a", "group": "G", "dataId": "d", "md5": ""});
        let listen = json!({"listen": true, "configListenContexts": [context]});
        let headers = [("accessToken", member.as_str())];
        let (_, said) = client.ask_with("ConfigBatchListenRequest", &headers, listen).await;
        assert_eq!(said["resultCode"], 200, "{said}");
        // Another right more changes nothing; one less ends the connection.
        let more = Grant::new("b:*:*", Rights::Read).unwrap();
        server.security.grant(&admin(), "u1", more).unwrap();
        let body = json!({"tenant": "b", "group": "G", "dataId": "d"});
        let (_, said) = client.ask_with("ConfigQueryRequest", &headers, body).await;
        assert_eq!(said["errorCode"], 300, "at once: {said}");
        let less = Grant::new("a:*:*", Rights::Read).unwrap();
        server.security.revoke(&admin(), "u1", &less).unwrap();
        client.end().await;
    });
    run(async {
        let member = token(&server, "u1");
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let body = json!({"tenant": "b", "group": "G", "dataId": "d"});
        let headers = [("accessToken", member.as_str())];
        let (_, said) = client.ask_with("ConfigQueryRequest", &headers, body).await;
        assert_eq!(said["errorCode"], 300, "{said}");
        server.security.delete_user(&admin(), "u1").unwrap();
        client.end().await;
    });
}

#[test]
fn one_connection_is_not_many_callers() {
    let server = Server::signed_in();
    let tokens: Vec<String> = (0..6)
        .map(|number| {
            let name = format!("u{number}");
            user(&server, &name, &[("a:*:*", Rights::Read)]);
            token(&server, &name)
        })
        .collect();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let mut codes = Vec::new();
        for token in &tokens {
            let body = json!({"tenant": "a", "group": "G", "dataId": "d"});
            let headers = [("accessToken", token.as_str())];
            let (_, said) = client.ask_with("ConfigQueryRequest", &headers, body).await;
            codes.push(said["errorCode"].as_u64().unwrap());
        }
        assert_eq!(codes, [300, 300, 300, 300, 403, 403]);
    });
}
