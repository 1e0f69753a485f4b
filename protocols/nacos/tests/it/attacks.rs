//! Attacks that worked on Nacos, each failing here; and every call without credentials.
//!
//! The numbers are those of the published vulnerabilities and issues where there are any.

mod access;
mod everything;
mod forged;
mod namespaces;
mod paths;
mod server;

use std::net::SocketAddr;

use rialto_security::{Grant, Identity, Rights, Role};

use self::server::{PASSWORD, Server};
use crate::client::{Response, call, form};

/// Whoever changes users in a test.
fn admin() -> Identity {
    Identity::new("test", Role::Admin)
}

/// A user with these permissions, through a role of the same name.
fn user(server: &Server, name: &str, grants: &[(&str, Rights)]) {
    let security = &server.security;
    security.create_user(&admin(), name, PASSWORD, Role::Member).unwrap();
    security.bind_role(&admin(), name, name).unwrap();
    for (resource, rights) in grants {
        security.grant(&admin(), name, Grant::new(resource, *rights).unwrap()).unwrap();
    }
}

/// Signs in and gives the token.
fn token(server: &Server, name: &str) -> String {
    let answer = post(
        server.address,
        "/nacos/v3/auth/user/login",
        &[("username", name), ("password", PASSWORD)],
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["accessToken"].as_str().expect("a token").to_owned()
}

/// A call with parameters: in the query of what has no body, else as a form.
fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    parameters: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Response {
    let form = form(parameters);
    let answer = if matches!(method, "GET" | "DELETE") {
        call(address, method, &format!("{path}?{form}"), headers, None)
    } else {
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [&[kind][..], headers].concat();
        call(address, method, path, &headers, Some(form.as_bytes()))
    };
    answer.unwrap_or_else(|| panic!("{method} {path}: no answer"))
}

fn post(address: SocketAddr, path: &str, parameters: &[(&str, &str)]) -> Response {
    ask(address, "POST", path, parameters, &[])
}

/// A call with a token as its `accessToken`.
fn with(
    server: &Server,
    token: &str,
    method: &str,
    path: &str,
    parameters: &[(&str, &str)],
) -> Response {
    let parameters = [parameters, &[("accessToken", token)]].concat();
    ask(server.address, method, path, &parameters, &[])
}
