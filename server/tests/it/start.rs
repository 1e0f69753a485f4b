//! Start, what a person is told, and graceful stop.

use std::fs;

use crate::harness::{Server, eventually, folder};

#[test]
fn tells_people_and_scripts_where_everything_is() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let doors: Vec<&str> = server.doors.keys().map(String::as_str).collect();
    assert_eq!(doors, ["api", "eureka", "gateway"]);
    let banner = eventually("the banner", || Some(server.out()).filter(|out| !out.is_empty()));
    for (door, address) in &server.doors {
        assert!(banner.contains(&format!("{door} ")) && banner.contains(address), "{banner}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let console = format!("console   http://{}/", server.doors["api"]);
    for part in [&format!("Rialto {version}"), &console, "with the password "] {
        assert!(banner.contains(part), "{part}: {banner}");
    }
    assert!(server.get("api", "/health").starts_with("HTTP/1.1 200"));
    assert!(server.get("api", "/ready").starts_with("HTTP/1.1 200"));
    let eureka = server.get("eureka", "/eureka/apps");
    assert!(eureka.starts_with("HTTP/1.1 200"), "{eureka}");
    let nowhere = server.get("gateway", "/nowhere");
    assert!(nowhere.starts_with("HTTP/1.1 404"), "{nowhere}");
}

#[test]
fn stops_gracefully_and_starts_again_without_a_new_password() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let ready = folder.path().join("ready.json");
    assert!(ready.exists());
    assert_eq!(server.stop().code(), Some(0));
    assert!(!ready.exists(), "it no longer serves");
    let server = Server::start(folder.path(), &[]);
    assert!(!server.out().contains("with the password "), "{}", server.out());
    server.signal("INT");
    let mut server = server;
    assert_eq!(server.wait().code(), Some(0));
    assert!(server.err().contains("stopped"), "{}", server.err());
}

#[test]
fn speaks_json_to_machines() {
    let folder = folder();
    let server = Server::start(folder.path(), &["--log-format", "json"]);
    let out = eventually("the line", || Some(server.out()).filter(|out| out.ends_with('\n')));
    let line: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(line["doors"]["api"], server.doors["api"].as_str());
    assert!(line["generated_admin_password"].is_string(), "{line}");
    server.signal("TERM");
    let mut server = server;
    server.wait();
    for line in server.err().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn doors_that_are_off_are_absent() {
    let folder = folder();
    let off = ["--set", "eureka.listen=off", "--set", "gateway.listen=off"];
    let server = Server::start(folder.path(), &off);
    assert_eq!(server.doors.keys().collect::<Vec<_>>(), ["api"]);
    let banner = eventually("the banner", || Some(server.out()).filter(|out| !out.is_empty()));
    assert!(banner.contains("eureka    off") && banner.contains("gateway   off"), "{banner}");
}

#[test]
fn a_changed_file_brings_its_routes_into_force() {
    let folder = folder();
    let file = folder.path().join("rialto.toml");
    let route =
        |id: &str| format!("[[routes]]\nid = '{id}'\nuri = 'lb://a'\npaths = ['/{id}/**']\n");
    fs::write(&file, route("one")).unwrap();
    let server = Server::start(folder.path(), &["--config", file.to_str().unwrap()]);
    let routes = || {
        let routes = server.ctl_json(&["routes"]);
        let ids = routes.as_array().unwrap().iter();
        ids.map(|route| route["spec"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(routes(), ["one"]);
    fs::write(&file, route("one") + &route("two")).unwrap();
    eventually("both routes", || (routes() == ["one", "two"]).then_some(()));
    fs::write(&file, "[[routes]]\nid = 'three'\n").unwrap();
    server.signal("HUP");
    eventually("the refusal", || server.err().contains("needs a uri").then_some(()));
    assert_eq!(routes(), ["one", "two"], "a file that is refused changes nothing");
}
