//! Who listens to what, and long polls.

use std::collections::BTreeMap;

use rialto_configuration::Labels;
use rialto_door::http::{Answer, Reply, Value};
use rialto_security::Action::Read;
use serde_json::json;

use super::ask::Ask;
use super::config::may;
use super::desk::Desk;
use super::names::PUBLIC;
use super::refusal::Refusal;
use super::style::JSON_UTF8;
use super::style::Style::{V1Config, V3};
use super::table::{Route, each, reads};
use crate::access::Mode;
use crate::access::Scope::{Clients, Configuration};
use crate::config::{Configs, ListenerRow, Poll, PollForm};
use crate::problem::Problem;

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    each((Read, Configuration), "POST", "/v1/cs/configs/listener", V1Config, poll),
    reads(Configuration, "/v1/cs/configs/listener", V1Config, listeners),
    reads(Clients, "/v1/cs/listener", V1Config, listened_by),
    reads(Configuration, "/v3/admin/cs/config/listener", V3, listeners),
    reads(Clients, "/v3/admin/cs/listener", V3, listened_by),
    reads(Configuration, "/v3/console/cs/config/listener", V3, listeners),
    reads(Clients, "/v3/console/cs/config/listener/ip", V3, listened_by),
];

/// Answers with what differs, at once or when something changes. The caller must have the right to
/// read everything that it listens to.
fn poll(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let invalid = || Refusal::Argument("invalid probeModify".to_owned());
    let listening = ask.get("Listening-Configs").ok_or_else(invalid)?;
    let unread = |problem: Problem| match problem.status {
        // The real server has no handler for what this one throws.
        400 => Refusal::Container { status: 500, message: problem.message },
        _ => problem.into(),
    };
    if desk.access.mode() == Mode::SignedIn {
        for key in Configs::listened(listening).map_err(unread)? {
            may(desk, ask, Read, &key)?;
        }
    }
    let ip = ask.client_ip();
    let form = PollForm {
        listening,
        timeout_ms: ask.header("long-pulling-timeout").and_then(|it| it.trim().parse().ok()),
        no_hangup: ask.header("long-pulling-timeout-no-hangup") == Some("true"),
        labels: Labels { client_ip: &ip, tag: ask.header("vipserver-tag").unwrap_or_default() },
    };
    Ok(match desk.configs.poll(&form).map_err(unread)? {
        Poll::Now(body) => changed(body).into(),
        Poll::Later(wait) => Reply::Held(Box::pin(async move { changed(wait.await) })),
    })
}

fn changed(body: Vec<u8>) -> Answer {
    if body.is_empty() {
        return Answer::text(200, JSON_UTF8, "");
    }
    Answer::owned(200, JSON_UTF8, body).with("pragma", Value::Text("no-cache"))
}

/// Addresses that listen to a configuration, with the digest of what each has.
fn listeners(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let rows = desk.configs.listeners_of(&ask.config_key()?);
    let all: BTreeMap<String, String> = rows.into_iter().map(|row| (row.ip, row.md5)).collect();
    told(ask, "config", &all)
}

/// What an address listens to, in one namespace or, when asked for, in all.
fn listened_by(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let rows = desk.configs.listened_by(ask.need("ip")?);
    let everywhere = ask.flag("all") == Some(true);
    let namespace = ask.any(&["tenant", "namespaceId"]).unwrap_or(PUBLIC);
    let wanted = |row: &ListenerRow| everywhere || row.key.namespace() == namespace;
    let rows = rows.into_iter().filter(wanted);
    let all: BTreeMap<String, String> = rows.map(|row| (row.key.group_key(), row.md5)).collect();
    told(ask, "ip", &all)
}

fn told(ask: &Ask<'_>, kind: &str, all: &BTreeMap<String, String>) -> Result<Reply, Refusal> {
    Ok(match ask.style() {
        // The real server's own spelling.
        V1Config => {
            ask.data(&json!({ "collectStatus": 200, "lisentersGroupkeyStatus": all })).into()
        }
        _ => ask.data(&json!({ "queryType": kind, "listenersStatus": all })).into(),
    })
}
