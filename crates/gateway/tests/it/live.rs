//! Changes while requests flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rialto_api::route::RouteSpec;
use rialto_catalog::{Command, DocumentKey, DocumentKind};
use rialto_gateway::Origin;

use crate::support::{Backend, Client, Rig, eventually, route};

fn put(rig: &Rig, name: &str, body: &[u8]) {
    let key = DocumentKey::new(DocumentKind::Route, name).expect("a valid name");
    let command = Command::PutDocument { key, body: body.to_vec().into() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(rig.engine.propose(command)).expect("the catalog takes it");
}

#[test]
fn routes_of_the_catalog_come_change_and_go() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let rig = Rig::start(vec![route(&format!("/a/**={}", one.uri()))]);
    assert_eq!(rig.get("/a").text(), "one");
    let to_two = route(&format!("/a/**={}", two.uri()));
    put(&rig, "a", &serde_json::to_vec(&to_two).expect("JSON"));
    eventually("the catalog's route wins", || rig.get("/a").text() == "two");
    assert_eq!(rig.gateway.table(), [(to_two, Origin::Catalog)]);
    put(&rig, "a", b"{\"id\":\"a\",\"uri\":\"nonsense\"}");
    eventually("a wrong one is reported", || rig.event_kinds().contains(&"warning".to_owned()));
    assert_eq!(rig.get("/a").text(), "two", "and what it would replace goes on");
    let key = DocumentKey::new(DocumentKind::Route, "a").expect("a valid name");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(rig.engine.propose(Command::RemoveDocument { key })).expect("removed");
    eventually("the configuration's route is back", || rig.get("/a").text() == "one");
}

#[test]
fn a_reload_under_load_drops_nothing() {
    let backend = Backend::named("x");
    let target = backend.uri();
    let rig = Rig::start(vec![route(&format!("/**={target}"))]);
    let address = rig.gateway.local_addr();
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                while !stop.load(Ordering::SeqCst) {
                    client.send("GET /a/b HTTP/1.1\r\nHost: a\r\n\r\n");
                    assert_eq!(client.answer().status, 200);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for round in 0..40 {
        let extra = (0..round).map(|at| RouteSpec {
            id: format!("extra-{at}"),
            ..route(&format!("/x{at}/**={target}"))
        });
        let all = extra.chain([route(&format!("/**={target}"))]).collect();
        rig.gateway.set_routes(all).expect("valid routes");
        let before = answered.load(Ordering::SeqCst);
        eventually("requests go on", || answered.load(Ordering::SeqCst) > before + 3);
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().expect("one connection, every answer 200");
    }
    let wrong = rig.gateway.set_routes(vec![route("/x/**=lb://"), route("/**=lb://a")]);
    assert!(wrong.unwrap_err().to_string().contains("lb://service"));
    assert_eq!(rig.gateway.table().len(), 40, "a wrong set changes nothing");
}
