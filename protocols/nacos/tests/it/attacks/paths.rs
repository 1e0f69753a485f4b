//! Paths that look like another one to whoever decides than to whoever answers (#4701).

use super::server::{PASSWORD, Server};
use super::{ask, token, user, with};
use rialto_security::Rights;

/// Ways to write a path that are not the path.
fn disguises(path: &str) -> Vec<String> {
    let below = path.strip_prefix("/nacos").expect("a path below /nacos");
    let (parent, last) = path.rsplit_once('/').expect("a path has segments");
    vec![
        format!("{path}/"),
        format!("{path}//"),
        format!("{path};"),
        format!("{path};jsessionid=1"),
        format!("/nacos/;{below}"),
        format!("/nacos;x{below}"),
        format!("/{path}"),
        format!("/nacos/{below}"),
        format!("/nacos/.{below}"),
        format!("/nacos/x/..{below}"),
        format!("/nacos/v1/console/health/liveness/../../../..{below}"),
        format!("/nacos/%2e{below}"),
        format!("/nacos/v1/console/health/%2e%2e/%2e%2e/%2e%2e{below}"),
        format!("{parent}/%2e/{last}"),
        format!("{parent}%2f{last}"),
        format!("{parent}%252f{last}"),
        format!("{parent}\\{last}"),
        format!("{path}%00"),
        format!("{path}%20"),
        format!("{path}.json"),
        format!("{path}%3f"),
        format!("/%6eacos{below}"),
        path.to_uppercase(),
        path.replace("/v1/", "/V1/"),
        path.replace("/users", "/%75sers").replace("/configs", "/%63onfigs"),
        format!("http://other.example{path}"),
    ]
}

#[test]
fn no_disguise_of_a_path_opens_it() {
    let server = Server::signed_in();
    for (method, path, parameters) in [
        ("GET", "/nacos/v1/auth/users", &[("pageNo", "1"), ("pageSize", "9")][..]),
        ("POST", "/nacos/v1/auth/users", &[("username", "evil"), ("password", PASSWORD)]),
        ("GET", "/nacos/v1/cs/configs", &[("dataId", "a"), ("group", "G")]),
    ] {
        for disguise in disguises(path) {
            let answer = ask(server.address, method, &disguise, parameters, &[]);
            assert!(answer.status >= 400, "{method} {disguise}: {}", answer.text());
        }
    }
    assert_eq!(server.security.users().len(), 1);
}

#[test]
fn no_disguise_of_a_path_gives_a_member_more() {
    let server = Server::signed_in();
    user(&server, "u1", &[("a:*:*", Rights::ReadWrite)]);
    let member = token(&server, "u1");
    for disguise in disguises("/nacos/v1/auth/users") {
        let new = [("username", "evil"), ("password", PASSWORD)];
        let answer = with(&server, &member, "POST", &disguise, &new);
        assert!(answer.status >= 400, "{disguise}: {}", answer.text());
    }
    assert_eq!(server.security.users().len(), 2);
}

#[test]
fn a_method_in_a_header_is_no_method() {
    let server = Server::signed_in();
    let parameters = [("username", "admin"), ("_method", "DELETE")];
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let answer =
            ask(server.address, "GET", "/nacos/v1/auth/users", &parameters, &[(header, "DELETE")]);
        assert_eq!(answer.status, 403, "{header}");
    }
    assert_eq!(server.security.users().len(), 1);
}
