//! Plays the transcript of real servers to ours, in order. Where the two answer differently on
//! purpose, `golden/http-deviations.txt` says so and why; any other difference fails, and so does a
//! listed one that no longer is one.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::client::{Response, call, form};
use crate::compare::difference;
use crate::golden_http::{Case, GOLDEN, Recorded, read};
use crate::server::Server;

const DEVIATIONS: &str = include_str!("../golden/http-deviations.txt");

/// A case that we answer otherwise on purpose.
#[derive(Debug)]
struct Deviation {
    /// Of our answer; 0 for none.
    status: u16,
    reason: String,
}

#[test]
fn every_recorded_case_is_answered_alike_or_listed() {
    let cases: Vec<Case> = read(GOLDEN).into_iter().filter(|it| it.section != 'G').collect();
    let wrong = replay(&Server::start(), &cases, "");
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn every_recorded_case_with_sign_in_is_answered_alike_or_listed() {
    let mut cases: Vec<Case> = read(GOLDEN).into_iter().filter(|it| it.section == 'G').collect();
    let last = cases.pop().expect("the last case sums up several calls");
    assert_eq!(last.number, 181);
    let wrong = replay(&Server::signed_in(), &cases, " auth");
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn every_listed_case_exists() {
    let known: Vec<u32> = read(GOLDEN).iter().map(|case| case.number).collect();
    assert!(deviations().keys().all(|number| known.contains(number)), "a listed case is unknown");
}

/// Plays cases in order, and tells those that neither are answered alike nor are listed.
fn replay(server: &Server, cases: &[Case], suffix: &str) -> Vec<String> {
    let deviations = deviations();
    let mut wrong = Vec::new();
    for case in cases {
        let ours = play(server.address, case);
        let found = difference(of_our_generation(case, suffix), ours.as_ref());
        let status = ours.map_or(0, |ours| ours.status);
        match (found, deviations.get(&case.number)) {
            (None, None) => {}
            (Some(found), None) => wrong.push(format!("{}: {found}", case.number)),
            (None, Some(_)) => wrong.push(format!("{}: listed, but no deviation", case.number)),
            (Some(found), Some(listed)) if listed.status != status => {
                wrong.push(format!("{}: listed with another status: {found}", case.number));
            }
            (Some(_), Some(_)) => {}
        }
    }
    wrong
}

#[test]
fn every_deviation_has_a_reason() {
    for (number, deviation) in deviations() {
        assert!(deviation.reason.len() > 20, "{number} is not explained: {}", deviation.reason);
    }
}

/// v1 and v2 were recorded with 2.3.2, which serves them by default; v3 with 3.1.0.
fn of_our_generation<'c>(case: &'c Case, suffix: &str) -> &'c Recorded {
    let server = if case.path.contains("/v3/") { "3.1.0" } else { "2.3.2" };
    let server = format!("{server}{suffix}");
    let found = case.answers.iter().find(|recorded| recorded.server == server);
    found.unwrap_or_else(|| panic!("{} was not recorded with {server}", case.number))
}

fn play(address: SocketAddr, case: &Case) -> Option<Response> {
    let mut headers: Vec<(&str, &str)> =
        case.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut parameters = form(&case.parameters);
    if case.with_token {
        // The recorded sign-in had failed, so that there was no token to send.
        parameters.push_str("&accessToken=");
    }
    let reads = matches!(case.method.as_str(), "GET" | "DELETE");
    if reads || case.in_query || case.body.is_some() {
        let path = match parameters.as_str() {
            "" => case.path.clone(),
            parameters => format!("{}?{parameters}", case.path),
        };
        let body = case.body.as_deref().map(str::as_bytes);
        return call(address, &case.method, &path, &headers, body);
    }
    headers.push(("Content-Type", "application/x-www-form-urlencoded"));
    call(address, &case.method, &case.path, &headers, Some(parameters.as_bytes()))
}

/// Lines of `NUMBER STATUS reason`; STATUS is ours.
fn deviations() -> BTreeMap<u32, Deviation> {
    let mut all = BTreeMap::new();
    for line in DEVIATIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().expect("NUMBER STATUS reason");
        let number = next().parse().expect("a number");
        let status = next().parse().expect("a status");
        let known = all.insert(number, Deviation { status, reason: next().to_owned() });
        assert!(known.is_none(), "{number} is listed twice");
    }
    all
}
