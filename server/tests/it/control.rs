//! `rialto ctl` against a running server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use crate::harness::{Server, eventually, folder, rialto, run};

#[test]
fn services_and_instances_there_and_back() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let empty = server.ctl(&["services"]);
    assert!(empty.out.contains("rialto ctl instances register"), "{empty:?}");
    let register = [
        "instances",
        "register",
        "stock",
        "--host",
        "10.0.0.1",
        "--port",
        "80",
        "--zone",
        "a",
        "--meta",
        "version=2",
        "--weight",
        "0.5",
    ];
    let registered = server.ctl(&register);
    assert_eq!(registered.out, "stock/10.0.0.1:80 is registered\n", "{registered:?}");

    let services = server.ctl_json(&["services"]);
    assert_eq!(services[0]["name"], "stock");
    let instances = server.ctl_json(&["instances", "list", "stock"]);
    assert_eq!(instances[0]["metadata"]["version"], "2");
    assert_eq!(instances[0]["weight"], 0.5);
    let text = server.ctl(&["service", "stock"]).out;
    for part in ["stock: 1 of 1 instance available", "10.0.0.1:80", "until removed"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let id = "10.0.0.1:80";
    let out = ["instances", "status", "stock", id, "out_of_service", "--reason", "repair"];
    assert_eq!(server.ctl(&out).code, Some(0));
    let instances = server.ctl_json(&["instances", "list", "stock"]);
    assert_eq!(instances[0]["status"], "out_of_service");
    assert_eq!(instances[0]["available"], false);
    assert_eq!(server.ctl(&["instances", "status", "stock", id, "clear"]).code, Some(0));
    let removed = server.ctl(&["instances", "deregister", "stock", id]);
    assert_eq!(removed.out, "stock/10.0.0.1:80 is removed\n", "{removed:?}");

    let kinds = eventually("events", || {
        let events = server.ctl_json(&["events"]);
        let kinds = events.as_array().unwrap().iter();
        let kinds: Vec<_> = kinds.map(|e| e["kind"].as_str().unwrap().to_owned()).collect();
        kinds.contains(&"deregistered".to_owned()).then_some(kinds)
    });
    assert!(kinds.contains(&"registered".to_owned()), "{kinds:?}");
}

#[test]
fn routes_there_and_back() {
    let folder = folder();
    let server = Server::start(folder.path(), &["--route", "/fixed/**=http://127.0.0.1:9"]);
    assert_eq!(
        server.ctl(&["routes", "add", "/shop/**=lb://storefront", "--strip", "1"]).code,
        Some(0)
    );
    let mut command = rialto(folder.path());
    let mut child = command
        .args(["ctl", "--server", &format!("http://{}", server.doors["api"]), "--data"])
        .arg(server.folder.join("data"))
        .args(["routes", "add", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let json = br#"{"id":"json","uri":"lb://a","paths":["/json"],"response_timeout_ms":500}"#;
    child.stdin.take().unwrap().write_all(json).unwrap();
    assert!(child.wait().unwrap().success());

    let shown: serde_json::Value = server.ctl(&["routes", "show", "shop"]).json();
    assert_eq!(shown["filters"][0]["parts"], 1);
    let routes = eventually("three routes in force", || {
        let routes = server.ctl_json(&["routes"]);
        (routes.as_array().unwrap().len() == 3).then_some(routes)
    });
    let origin = |id: &str| {
        let found = routes.as_array().unwrap().iter().find(|r| r["spec"]["id"] == id);
        found.unwrap()["origin"].as_str().unwrap().to_owned()
    };
    assert_eq!((origin("fixed"), origin("json")), ("configuration".into(), "catalog".into()));

    let unknown = server.ctl(&["routes", "show", "shpo"]);
    assert_eq!(unknown.code, Some(9));
    assert!(unknown.err.contains("did you mean \"shop\"?"), "{unknown:?}");
    let bad = server.ctl(&["routes", "add", "/x/**=ftp://x"]);
    assert_eq!(bad.code, Some(9), "{bad:?}");
    assert_eq!(server.ctl(&["routes", "remove", "json"]).code, Some(0));
    assert_eq!(server.ctl(&["routes", "remove", "json"]).code, Some(9));
}

#[test]
fn overview_for_people_and_tools() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let overview = server.ctl_json(&["overview"]);
    assert_eq!(overview["doors"]["gateway"], server.doors["gateway"].as_str());
    let text = server.ctl(&["overview"]).out;
    assert!(text.starts_with("Rialto ") && text.contains("gateway"), "{text}");
}

#[test]
fn watch_and_follow_tell_what_happens_as_it_does() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let ways = [&["watch"][..], &["events", "--follow"], &["--json", "watch"]];
    for (number, arguments) in ways.into_iter().enumerate() {
        let mut child = rialto(folder.path())
            .args(["ctl", "--server", &format!("http://{}", server.doors["api"]), "--data"])
            .arg(server.folder.join("data"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let started = lines.next().unwrap().unwrap();
        assert!(started.contains("started"), "{arguments:?}: {started}");
        let name = format!("new-{number}");
        let register = ["instances", "register", &name, "--host", "a", "--port", "1"];
        assert_eq!(server.ctl(&register).code, Some(0));
        // The end of the stream would end the search, too.
        let seen = lines.map_while(Result::ok).find(|line| line.contains(&name));
        assert!(seen.is_some_and(|line| line.contains("registered")), "{arguments:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn who_is_not_signed_in_is_told_how() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let url = format!("http://{}", server.doors["api"]);
    let ended = run(folder.path(), &["ctl", "--server", &url, "services"]);
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.err.contains("--token") && ended.err.contains("--data"), "{ended:?}");
    let ended = run(folder.path(), &["ctl", "--server", &url, "--token", "wrong", "services"]);
    assert_eq!(ended.code, Some(9), "{ended:?}");
}

#[test]
fn without_a_server_it_says_how_to_start_one() {
    let folder = folder();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = run(folder.path(), &["ctl", "--server", &format!("http://{free}"), "services"]);
    assert_eq!(ended.code, Some(8), "{ended:?}");
    assert!(ended.err.contains("rialto serve"), "{ended:?}");
}
