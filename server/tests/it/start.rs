//! Start, what a person is told, and graceful stop.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::{PATIENCE, Server, eventually, folder, rialto};

#[test]
fn tells_people_and_scripts_where_everything_is() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let doors: Vec<&str> = server.doors.keys().map(String::as_str).collect();
    assert_eq!(doors, ["api", "eureka", "gateway", "nacos", "nacos-grpc"]);
    let banner = eventually("the banner", || Some(server.out()).filter(|out| !out.is_empty()));
    for (door, address) in &server.doors {
        assert!(banner.contains(&format!("{door} ")) && banner.contains(address), "{banner}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let console = format!("console     http://{}/", server.doors["api"]);
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
fn a_request_under_way_is_finished_and_streams_hold_nothing_up() {
    let folder = folder();
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let route = format!("/slow/**=http://{}", upstream.local_addr().unwrap());
    let mut server = Server::start(folder.path(), &["--route", &route]);
    let mut follower = rialto(folder.path())
        .args(["ctl", "--server", &format!("http://{}", server.doors["api"]), "--data"])
        .arg(server.folder.join("data"))
        .args(["events", "--follow"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert!(lines.next().is_some(), "the stream is open");

    let mut client = TcpStream::connect(&server.doors["gateway"]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(client, "GET /slow/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let (mut instance, _) = upstream.accept().unwrap();
    let mut head = [0; 4_096];
    assert!(instance.read(&mut head).unwrap() > 0);
    server.signal("TERM");
    eventually("the stop has begun", || server.err().contains("stopping").then_some(()));
    instance.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    let began = Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(8), "no wait for the open stream");
    assert_eq!(follower.wait().unwrap().code(), Some(8), "its server is gone");
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
    let off = ["eureka", "nacos", "gateway"].map(|door| format!("{door}.listen=off"));
    let off: Vec<&str> = off.iter().flat_map(|off| ["--set", off]).collect();
    let server = Server::start(folder.path(), &off);
    assert_eq!(server.doors.keys().collect::<Vec<_>>(), ["api"]);
    let banner = eventually("the banner", || Some(server.out()).filter(|out| !out.is_empty()));
    assert!(banner.contains("eureka      off") && banner.contains("gateway     off"), "{banner}");
}

#[test]
fn doors_that_are_open_to_others_are_said_at_each_start() {
    let folder = folder();
    let open = ["--set", "eureka.listen=0.0.0.0:0", "--set", "eureka.auth=none"];
    let server = Server::start(folder.path(), &open);
    eventually("the warning", || server.err().contains("eureka.auth=none").then_some(()));
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
