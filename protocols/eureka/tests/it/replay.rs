//! Plays the transcript of a real server to ours, in order. Where the two answer differently on
//! purpose, `vectors/deviations.txt` says so and why; any other difference fails, and so does a
//! listed one that no longer is one.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;

use flate2::Compression;
use flate2::write::GzEncoder;
use rialto_catalog::{Millis, Policy};

use crate::client::{Response, call};
use crate::compare::difference;
use crate::golden::{Case, Expected, read, read_clients};
use crate::server::Server;

pub(crate) const GOLDEN: &str = include_str!("../../vectors/golden.txt");
const DEVIATIONS: &str = include_str!("../../vectors/deviations.txt");

/// A case that we answer otherwise on purpose.
#[derive(Debug, Default)]
struct Deviation {
    status: u16,
    reason: String,
    /// Calls that bring our server back to where the recorded one stood.
    then: Vec<Then>,
}

#[derive(Debug)]
struct Then {
    method: String,
    path: String,
    body: Option<String>,
}

impl Then {
    fn make(&self, address: SocketAddr) {
        let headers = [("Content-Type", "application/json")];
        let body = self.body.as_deref().map(str::as_bytes);
        let answer = call(address, &self.method, &self.path, &headers, body);
        assert!(answer.status < 300, "{self:?}: {}", answer.text());
    }
}

#[test]
fn every_recorded_case_is_answered_alike_or_listed() {
    let cases = read(GOLDEN);
    let deviations = deviations();
    let bodies: BTreeMap<u32, String> = cases
        .iter()
        .filter_map(|case| match &case.body {
            Expected::Whole(body) => Some((case.number, body.clone())),
            _ => None,
        })
        .collect();
    let (server, clock) = Server::held(Policy::default());
    let mut wrong = Vec::new();
    for case in &cases {
        clock.advance(Millis(1));
        let ours = play(server.address, case);
        let recorded = match case.body {
            Expected::SameAs(other) => bodies.get(&other).map(String::as_str),
            _ => None,
        };
        let found = difference(case, recorded, &ours);
        match (found, deviations.get(&case.number)) {
            (None, None) => {}
            (Some(found), None) => wrong.push(format!("{}: {found}", case.number)),
            (None, Some(_)) => wrong.push(format!("{}: listed, but no deviation", case.number)),
            (Some(_), Some(listed)) => {
                if listed.status != ours.status {
                    let status = ours.status;
                    wrong.push(format!("{}: listed with another status: {status}", case.number));
                }
                for then in &listed.then {
                    then.make(server.address);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n\n"));
    let played: Vec<u32> = cases.iter().map(|case| case.number).collect();
    assert!(deviations.keys().all(|number| played.contains(number)), "a listed case is unknown");
}

#[test]
fn what_real_clients_sent_is_answered_as_it_was() {
    let server = Server::start();
    let cases = read_clients(GOLDEN);
    assert_eq!(cases.len(), 20);
    for mut case in cases {
        // Those of the recorded connection; the client of the tests has its own.
        const OF_THE_CONNECTION: [&str; 3] = ["host", "connection", "content-length"];
        case.headers.retain(|(name, _)| !OF_THE_CONNECTION.contains(&&*name.to_lowercase()));
        // Here no default header was left out of the recording.
        (case.no_accept, case.no_content_type) = (true, true);
        let ours = play(server.address, &case);
        assert_eq!(ours.status, case.status, "{}: {}", case.number, ours.text());
        let typed = |it: &Response| it.header("content-type").map(str::to_owned);
        let expected = case.response_headers.iter().find(|(name, _)| name == "content-type");
        assert_eq!(typed(&ours), expected.map(|(_, value)| value.clone()), "{}", case.number);
    }
}

#[test]
fn every_deviation_has_a_reason() {
    for (number, deviation) in deviations() {
        assert!(deviation.reason.len() > 20, "{number} is not explained: {}", deviation.reason);
    }
}

fn play(address: SocketAddr, case: &Case) -> Response {
    let mut headers: Vec<(&str, &str)> = Vec::new();
    let given = |name: &str| case.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    if !case.no_accept && !given("accept") {
        headers.push(("Accept", "application/json"));
    }
    if case.request_body.is_some() && !case.no_content_type && !given("content-type") {
        headers.push(("Content-Type", "application/json"));
    }
    headers.extend(case.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let body = case.request_body.as_ref().map(|body| match case.gzip {
        true => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(body.as_bytes()).expect("writing to memory cannot fail");
            packed.finish().expect("writing to memory cannot fail")
        }
        false => body.clone().into_bytes(),
    });
    call(address, &case.method, &case.path, &headers, body.as_deref())
}

/// Lines of `NUMBER STATUS reason`, each followed by indented lines of `then METHOD PATH BODY`.
fn deviations() -> BTreeMap<u32, Deviation> {
    let mut all: BTreeMap<u32, Deviation> = BTreeMap::new();
    for line in DEVIATIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(then) = line.strip_prefix("    then ") {
            let mut parts = then.splitn(3, ' ').map(str::to_owned);
            let mut next = || parts.next();
            let (method, path) = (next().expect("a method"), next().expect("a path"));
            let then = Then { method, path, body: next() };
            all.last_entry().expect("`then` follows a case").get_mut().then.push(then);
            continue;
        }
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().expect("NUMBER STATUS reason");
        let number = next().parse().expect("a number");
        let status = next().parse().expect("a status");
        let reason = next().to_owned();
        let known = all.insert(number, Deviation { status, reason, then: Vec::new() });
        assert!(known.is_none(), "{number} is listed twice");
    }
    all
}
