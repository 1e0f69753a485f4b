//! `rialto import nacos`, with one server of ours as the Nacos that is copied into another.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use crate::harness::{Ended, PATIENCE, Server, ended, folder, rialto, run};

/// What signs in as an administrator: users are told to nobody else, whoever may call otherwise.
fn token(server: &Server) -> String {
    std::fs::read_to_string(server.folder.join("data/admin.token")).unwrap().trim().to_owned()
}

/// A call of the Nacos door: what follows the head of a successful answer.
#[track_caller]
fn call(server: &Server, method: &str, path: &str, form: &str) -> String {
    let mut stream = TcpStream::connect(&server.doors["nacos"]).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (length, token) = (form.len(), token(server));
    write!(
        stream,
        "{method} /nacos{path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
    body.to_owned()
}

fn fill(server: &Server) {
    let post = |path: &str, form: &str| call(server, "POST", path, form);
    post("/v3/admin/core/namespace", "namespaceId=dev&namespaceName=Dev&namespaceDesc=d");
    for version in 1..=3 {
        let form = format!("dataId=a.yaml&group=G&content=v%3A+{version}&type=yaml&desc=d");
        post("/v1/cs/configs", &form);
    }
    post("/v1/cs/configs", "dataId=b&group=G&tenant=dev&content=x&encryptedDataKey=key");
    post(
        "/v1/ns/service",
        "serviceName=GG@@s&protectThreshold=0.5&metadata=%7B%22a%22%3A%22b%22%7D",
    );
    let instance = "serviceName=GG@@s&ip=10.9.0.4&port=81&ephemeral=false&weight=3";
    post("/v1/ns/instance", instance);
    post("/v1/ns/instance", "serviceName=e&ip=10.9.0.5&port=81");
    post("/v3/auth/user", "username=ann&password=long-enough-1");
    post("/v3/auth/role", "role=r1&username=ann");
    post("/v3/auth/permission", "role=r1&resource=dev%3A%2A%3A%2A&action=rw");
}

fn import(from: &Server, into: &Server, home: &Path, more: &[&str]) -> Ended {
    let address = |server: &Server| format!("http://{}", server.doors["nacos"]);
    let mut command = rialto(home);
    command.args(["import", "nacos", "--from", &address(from), "--into", &address(into)]);
    command.arg("--journal").arg(home.join("journal"));
    command.arg("--data").arg(into.folder.join("data"));
    command.args(["--user", "admin", "--password", &token(from)]);
    ended(command.args(more))
}

#[test]
fn what_one_holds_the_other_gets_and_a_second_run_finds_it_there() {
    let (one, other, home) = (folder(), folder(), folder());
    let from = Server::start(one.path(), &[]);
    let into = Server::start(other.path(), &[]);
    fill(&from);

    let first = import(&from, &into, home.path(), &[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    for line in [
        "namespaces                    1 carried\n",
        "configurations                2 carried\n",
        "old versions                  2 carried\n",
        "persistent instances          1 carried\n",
        "users                         1 carried",
        "permissions                   1 carried",
        "1 ephemeral instances register by themselves",
    ] {
        assert!(first.out.contains(line), "{line}: {first:?}");
    }
    let get = |path: &str| call(&into, "GET", path, "");
    assert_eq!(get("/v1/cs/configs?dataId=a.yaml&group=G"), "v: 3");
    let detail = get("/v1/cs/configs?dataId=b&group=G&tenant=dev&show=all");
    assert!(detail.contains("\"encryptedDataKey\":\"key\""), "{detail}");
    let history = get("/v1/cs/history?search=accurate&dataId=a.yaml&group=G&pageNo=1&pageSize=9");
    assert!(history.contains("\"totalCount\":3"), "{history}");
    let service = get("/v3/admin/ns/service?serviceName=s&groupName=GG");
    assert!(service.contains("\"protectThreshold\":0.5"), "{service}");
    let list = get("/v1/ns/instance/list?serviceName=GG@@s");
    assert!(list.contains("10.9.0.4") && list.contains("\"ephemeral\":false"), "{list}");

    // The new password signs in, and is not told a second time.
    let shown = first.out.lines().find_map(|line| line.trim().strip_prefix("ann  ")).unwrap();
    let signed = call(&into, "POST", "/v1/auth/login", &format!("username=ann&password={shown}"));
    assert!(signed.contains("accessToken"), "{signed}");

    call(&from, "POST", "/v1/cs/configs", "dataId=a.yaml&group=G&content=v%3A+4&type=yaml");
    let second = import(&from, &into, home.path(), &[]);
    assert_eq!(second.code, Some(0), "{second:?}");
    let line = "configurations                1 carried, 1 there already\n";
    assert!(second.out.contains(line), "{second:?}");
    assert!(!second.out.contains("New passwords"), "{second:?}");
    assert_eq!(get("/v1/cs/configs?dataId=a.yaml&group=G"), "v: 4");

    // Without its journal it sees by the MD5 what is there.
    std::fs::remove_file(home.path().join("journal")).unwrap();
    let third = import(&from, &into, home.path(), &["--no-users", "--namespace", "dev"]);
    let line = "configurations                0 carried, 1 there already\n";
    assert!(third.code == Some(0) && third.out.contains(line), "{third:?}");
    assert!(!third.out.contains("users"), "{third:?}");
}

#[test]
fn what_cannot_begin_says_why() {
    let home = folder();
    let journal = home.path().join("journal");
    let journal = journal.to_str().unwrap();
    let usage = run(home.path(), &["import", "nacos", "--from", "ftp://x", "--journal", journal]);
    assert!(usage.code == Some(2) && usage.err.contains("like http://"), "{usage:?}");

    // Nobody listens where this one listened.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let from = format!("http://{free}");
    let nobody = run(home.path(), &["import", "nacos", "--from", &from, "--journal", journal]);
    assert_eq!(nobody.code, Some(8), "{nobody:?}");
    assert!(
        nobody.err.contains("--from") && nobody.err.contains("goes on from there"),
        "{nobody:?}"
    );

    let other = run(
        home.path(),
        &["import", "nacos", "--from", "http://127.0.0.1:1", "--journal", journal],
    );
    assert!(other.code == Some(2) && other.err.contains("belongs to the import"), "{other:?}");
}
