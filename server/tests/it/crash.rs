//! SIGKILL at any moment: what was agreed is there again.

use crate::harness::{Server, eventually, folder};

#[test]
fn agreed_records_survive_a_kill() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    for number in 0..5 {
        let route = format!("/r{number}/**=lb://hello");
        assert_eq!(server.ctl(&["routes", "add", &route]).code, Some(0));
        let port = (9_000 + number).to_string();
        let register = ["instances", "register", "hello", "--host", "10.0.0.1", "--port", &port];
        let ended = server.ctl(&register);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(server.ctl(&["routes", "remove", "r0"]).code, Some(0));
    server.kill();

    let server = Server::start(folder.path(), &[]);
    let routes = eventually("the routes", || {
        let routes = server.ctl_json(&["routes"]);
        let ids = routes.as_array().unwrap().iter();
        let ids: Vec<_> = ids.map(|r| r["spec"]["id"].as_str().unwrap().to_owned()).collect();
        Some(ids).filter(|ids| !ids.is_empty())
    });
    assert_eq!(routes, ["r1", "r2", "r3", "r4"]);
    let service = server.ctl_json(&["service", "hello"]);
    assert_eq!(service["summary"]["instances"], 5, "{service}");
    assert_eq!(service["instances"][0]["promise"], "agreed", "{service}");
}

#[test]
fn ephemeral_instances_are_there_at_once_after_a_graceful_stop() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let register =
        ["instances", "register", "hi", "--host", "10.0.0.1", "--port", "1", "--ttl-ms", "60000"];
    assert_eq!(server.ctl(&register).code, Some(0));
    assert_eq!(server.stop().code(), Some(0));
    let server = Server::start(folder.path(), &[]);
    let service = server.ctl_json(&["service", "hi"]);
    assert_eq!(service["instances"][0]["promise"], "ephemeral", "{service}");
    assert!(service["instances"][0]["lease"]["ttl_ms"] == 60_000, "{service}");
}
