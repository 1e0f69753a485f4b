//! What cannot be started says so in one line, with an exit code of its own.

use std::fs;
use std::net::TcpListener;

use crate::harness::{ANY_PORTS, Ended, Server, ended, folder, rialto};

/// Runs `rialto serve` on a fresh folder; it must end by itself.
fn refused(arguments: &[&str]) -> Ended {
    let folder = folder();
    let mut command = rialto(folder.path());
    ended(command.arg("serve").args(ANY_PORTS).args(arguments))
}

#[track_caller]
fn check(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.err.starts_with("rialto: "), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 1, "one clear line: {}", ended.err);
    for part in parts {
        assert!(ended.err.contains(part), "{part:?} in {}", ended.err);
    }
    assert_eq!(ended.out, "");
}

#[test]
fn a_port_in_use_names_the_door_and_the_way_out() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    for door in ["eureka", "nacos", "gateway", "api"] {
        let ended = refused(&["--set", &format!("{door}.listen={address}")]);
        let port = format!("port {} is in use by another program ({door} door)", address.port());
        check(&ended, 4, &[&port, &format!("--set {door}.listen=127.0.0.1:")]);
    }
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let ended = refused(&["--set", "eurka.listen=off"]);
    check(&ended, 3, &["flag --set eurka.listen", "did you mean \"eureka.listen\"?"]);
    let folder = folder();
    let file = folder.path().join("mine.toml");
    fs::write(&file, "[gateway]\nworker = 2\n").unwrap();
    let file = file.to_str().unwrap();
    let ended = refused(&["--config", file]);
    check(&ended, 3, &[&format!("{file}:2:1: "), "did you mean \"gateway.workers\"?"]);
    let mut command = rialto(folder.path());
    let ended = crate::harness::ended(command.arg("serve").env("RIALTO_LOG_LEVLE", "info"));
    check(&ended, 3, &["variable RIALTO_LOG_LEVLE", "did you mean \"RIALTO_LOG_LEVEL\"?"]);
}

#[test]
fn wrong_values_and_routes_are_refused_before_anything_starts() {
    check(&refused(&["--set", "gateway.workers=many"]), 3, &["expected a whole number from 0"]);
    check(&refused(&["--log-level", "?=?"]), 3, &["log filter"]);
    check(&refused(&["--config", "/nowhere/rialto.toml"]), 3, &["there is no such file"]);
    check(
        &refused(&["--route", "/a/**=ftp://a"]),
        3,
        &["flag --route '/a/**=ftp://a'", "route \"a\""],
    );
}

#[test]
fn beyond_loopback_sign_in_has_to_be_decided() {
    let ended = refused(&["--set", "eureka.listen=0.0.0.0:0"]);
    check(&ended, 3, &["--set eureka.auth=required"]);
}

#[test]
fn a_data_folder_in_use_is_refused() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let data = server.folder.join("data");
    let ended = refused(&["--data", data.to_str().unwrap()]);
    check(&ended, 5, &[data.to_str().unwrap(), "in use by another process"]);
    assert!(server.get("api", "/health").starts_with("HTTP/1.1 200"), "the first goes on");
}

#[test]
fn a_data_folder_of_another_version_is_refused_and_left_alone() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let data = server.folder.join("data");
    assert_eq!(server.stop().code(), Some(0));
    let format = data.join("format");
    let found = fs::read_to_string(&format).unwrap();
    assert!(found.contains('1'), "{found:?}");
    fs::write(&format, found.replace('1', "999")).unwrap();
    let ended = refused(&["--data", data.to_str().unwrap()]);
    check(&ended, 6, &["999", data.to_str().unwrap()]);
    fs::write(&format, found).unwrap();
    assert_eq!(Server::start(folder.path(), &[]).stop().code(), Some(0));
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let ended = refused(&["--data", file.to_str().unwrap()]);
    check(&ended, 6, &[file.to_str().unwrap()]);
    let ready = folder.path().join("none/ready.json");
    let ended = refused(&["--ready-file", ready.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("ready file") && ended.err.contains("none/ready.json"), "{ended:?}");
}

#[test]
fn a_mistyped_command_is_explained() {
    let folder = folder();
    let mut command = rialto(folder.path());
    let ended = crate::harness::ended(command.arg("serv"));
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("'serve'"), "{ended:?}");
}
