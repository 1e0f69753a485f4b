//! Plays the clients' side of the transcript to our door, call by call, and compares what it says
//! with what the real server said. Where the two differ on purpose, `golden/grpc-deviations.txt`
//! says so and why; any other difference fails, and so does a listed one that no longer is one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rialto_nacos::codec::payload::encode;
use serde_json::Value;

use crate::golden_grpc::{GOLDEN, Line, Said, Session, What, read};
use crate::grpc_client::{Client, Message, Pushes, run};
use crate::server::Server;

const DEVIATIONS: &str = include_str!("../golden/grpc-deviations.txt");

/// How long a push may take that the real server sent.
const PUSH_WITHIN: Duration = Duration::from_secs(2);

/// Values that are other ones each time.
const VARYING: [&str; 6] =
    ["requestId", "connectionId", "lastRefTime", "lastModified", "headers", "module"];
/// Lists whose order means nothing.
const UNORDERED: [&str; 4] = ["hosts", "serviceNames", "changedConfigs", "contexts"];

/// A client's connection in the replay.
struct Connection {
    client: Client,
    stream: Option<Pushes>,
    heard: Arc<Mutex<Vec<Message>>>,
    listening: Option<tokio::task::JoinHandle<()>>,
}

/// What differs on purpose, by type and member.
type Listed = BTreeMap<(String, String), String>;

#[test]
fn every_recorded_session_is_answered_alike_or_listed() {
    let listed = deviations();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for session in read(GOLDEN) {
        let server = Server::start();
        for (number, kind, difference) in run(replay(&server, &session, &listed)) {
            let key = key(&kind, &difference);
            if listed.contains_key(&key) {
                seen.insert(key);
            } else {
                wrong.push(format!("{number} ({}): {kind} {difference}", session.name));
            }
        }
    }
    let gone = listed.keys().filter(|key| !seen.contains(*key));
    wrong.extend(gone.map(|(kind, path)| format!("{kind} {path}: listed, but no deviation")));
    assert!(wrong.is_empty(), "{}\n{} differences", wrong.join("\n"), wrong.len());
}

/// Differences with the line and the type that they are of.
async fn replay(
    server: &Server,
    session: &Session,
    listed: &Listed,
) -> Vec<(usize, String, String)> {
    let mut connections: BTreeMap<u32, Connection> = BTreeMap::new();
    // Calls are made in the order in which the real server answered them.
    let mut asked: Vec<(u32, &Said)> = Vec::new();
    let mut found = Vec::new();
    for Line { number, connection, what } in &session.lines {
        let mut differ = |kind: &str, all: Vec<String>| {
            found.extend(all.into_iter().map(|it| (*number, kind.to_owned(), it)));
        };
        if matches!(what, What::Ended) {
            connections.remove(connection);
            continue;
        }
        if !connections.contains_key(connection) {
            connections.insert(*connection, Connection::open(server).await);
        }
        let on = *connection;
        let Some(connection) = connections.get_mut(connection) else { continue };
        match what {
            What::Opened => connection.stream = Some(connection.client.pushes().await),
            What::Told(said) if said.kind == "ConnectionSetupRequest" => {
                connection.set_up(server, said).await;
            }
            What::Asked(said) => asked.push((on, said)),
            What::Answered(said) => {
                let at =
                    asked.iter().position(|(by, it)| *by == on && answers(&it.kind, &said.kind));
                let ours = match at {
                    Some(at) => Some(connection.ask(asked.remove(at).1).await),
                    None => None,
                };
                differ(&said.kind, compared(said, ours.as_ref()));
            }
            What::Pushed(said) => {
                let ours = connection.pushed(said, listed).await;
                differ(&said.kind, compared(said, ours.as_ref()));
            }
            // Acknowledgements are given as pushes come.
            What::Told(_) | What::Ended => {}
        }
    }
    found
}

impl Connection {
    async fn open(server: &Server) -> Self {
        Connection {
            client: Client::connect(server.grpc).await,
            stream: None,
            heard: Arc::default(),
            listening: None,
        }
    }

    /// Sets the client up, and from then on acknowledges whatever is pushed.
    async fn set_up(&mut self, server: &Server, said: &Said) {
        let before = server.bound.connections.count();
        let mut stream = self.stream.take().expect("the stream is open");
        stream.say_from(&said.kind, &said.client_ip, said.body.clone()).await;
        let end = Instant::now() + PUSH_WITHIN;
        while server.bound.connections.count() == before {
            assert!(Instant::now() < end, "the set-up is not taken");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let heard = Arc::clone(&self.heard);
        self.listening = Some(tokio::spawn(async move {
            while let Some((kind, body)) = stream.hear_ever().await {
                if let Some(name) = kind.strip_suffix("Request")
                    && kind != "SetupAckRequest"
                {
                    stream.acknowledge(&format!("{name}Response"), &body).await;
                }
                heard.lock().push((kind, body));
            }
        }));
    }

    async fn ask(&mut self, said: &Said) -> Message {
        let headers: Vec<_> =
            said.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut out = Vec::new();
        let body = said.body.to_string();
        encode(&mut out, &said.kind, &said.client_ip, &headers, body.as_bytes());
        let told = self.client.raw("/Request/request", out.into()).await;
        told.message.expect("an answer")
    }

    /// Our push that is the same; the last one of that type when there is none in time.
    async fn pushed(&self, said: &Said, listed: &Listed) -> Option<Message> {
        let end = Instant::now() + PUSH_WITHIN;
        loop {
            let is_listed = |it: &String| listed.contains_key(&key(&said.kind, it));
            let same = |(kind, body): &&Message| {
                *kind == said.kind && differences(&said.body, body).iter().all(is_listed)
            };
            if let Some(ours) = self.heard.lock().iter().find(same) {
                return Some(ours.clone());
            }
            if Instant::now() >= end {
                let heard = self.heard.lock();
                return heard.iter().rev().find(|(kind, _)| *kind == said.kind).cloned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
    }
}

fn compared(said: &Said, ours: Option<&Message>) -> Vec<String> {
    match ours {
        None => vec!["-: never said".to_owned()],
        Some((kind, body)) if *kind != said.kind => vec![format!("-: {kind} {body}")],
        Some((_, body)) => differences(&said.body, body),
    }
}

/// What is different, each beginning with the path of the member.
fn differences(theirs: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differ("", theirs, ours, &mut found);
    found
}

fn differ(path: &str, theirs: &Value, ours: &Value, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
            for name in names.into_iter().filter(|name| !VARYING.contains(&name.as_str())) {
                let path = format!("{path}/{name}");
                match (theirs.get(name), ours.get(name)) {
                    (Some(theirs), Some(ours)) => differ(&path, theirs, ours, found),
                    (Some(theirs), None) => found.push(format!("{path}: {theirs} is missing")),
                    (None, Some(ours)) => found.push(format!("{path}: {ours} is ours alone")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            let (mut theirs, mut ours) = (theirs.clone(), ours.clone());
            if UNORDERED.iter().any(|name| path.ends_with(name)) {
                theirs.sort_by_key(order);
                ours.sort_by_key(order);
            }
            for (theirs, ours) in theirs.iter().zip(&ours) {
                differ(path, theirs, ours, found);
            }
        }
        (theirs, ours) if theirs != ours => found.push(format!("{path}: {theirs} and ours {ours}")),
        _ => {}
    }
}

fn order(value: &Value) -> String {
    let names = ["instanceId", "dataId", "serviceKey", "groupKey"];
    let named = names.iter().find_map(|name| value.get(name));
    named.unwrap_or(value).to_string()
}

fn key(kind: &str, difference: &str) -> (String, String) {
    (kind.to_owned(), difference.split(':').next().unwrap_or_default().to_owned())
}

/// Whether a type of request is answered with a type.
fn answers(asked: &str, answered: &str) -> bool {
    let name = match asked {
        "ConfigBatchListenRequest" => "ConfigChangeBatchListen",
        "ServiceQueryRequest" => "QueryService",
        "PersistentInstanceRequest" => "Instance",
        other => other.strip_suffix("Request").unwrap_or(other),
    };
    answered.strip_suffix("Response") == Some(name)
}

/// `Kind path reason`, a line each.
fn deviations() -> Listed {
    let lines = DEVIATIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |line: &str| {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let (kind, path, reason) = (words.next()?, words.next()?, words.next()?);
        Some(((kind, path), reason))
    };
    lines.map(|line| read(line).unwrap_or_else(|| panic!("no deviation: {line}"))).collect()
}
