//! Reads the transcript of sessions over gRPC between real clients and real servers.

use serde_json::Value;

pub(crate) const GOLDEN: &str = include_str!("../golden/grpc.txt");

/// What one client said to one server, and what it heard.
#[derive(Debug)]
pub(crate) struct Session {
    /// E.g. `Java nacos-client 2.5.1 on 2.3.2`.
    pub(crate) name: String,
    pub(crate) lines: Vec<Line>,
}

/// One thing that happened on a connection.
#[derive(Debug)]
pub(crate) struct Line {
    /// Of the transcript, from 1.
    pub(crate) number: usize,
    pub(crate) connection: u32,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The stream for pushes was opened.
    Opened,
    /// The client hung up.
    Ended,
    /// The client made a call.
    Asked(Said),
    /// The server answered a call.
    Answered(Said),
    /// The client said something on the stream.
    Told(Said),
    /// The server said something on the stream.
    Pushed(Said),
}

/// A message.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) kind: String,
    pub(crate) client_ip: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

/// All sessions of a transcript.
pub(crate) fn read(transcript: &str) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    for (at, text) in transcript.lines().enumerate() {
        if let Some(name) = text.strip_prefix("# ") {
            sessions.push(Session { name: name.to_owned(), lines: Vec::new() });
        } else if let (Some(session), Some((connection, what))) =
            (sessions.last_mut(), line(text.trim_start()))
        {
            session.lines.push(Line { number: at + 1, connection, what });
        }
    }
    sessions.retain(|session| !session.lines.is_empty());
    sessions
}

/// `<seconds> #<connection> ...`
fn line(text: &str) -> Option<(u32, What)> {
    let (_, rest) = text.split_once(" #")?;
    let (connection, rest) = rest.split_once(' ')?;
    let what = if rest.starts_with("open /BiRequestStream") {
        What::Opened
    } else {
        let (direction, rest) = rest.split_once(' ')?;
        let (way, rest) = rest.split_once(' ')?;
        match (direction, way) {
            ("C>S", "stream") if rest.trim_start().starts_with("end:") => What::Ended,
            ("C>S", "unary") => What::Asked(said(rest)?),
            ("S>C", "unary") => What::Answered(said(rest)?),
            ("C>S", "stream") => What::Told(said(rest)?),
            ("S>C", "stream") if !rest.trim_start().starts_with("e") => What::Pushed(said(rest)?),
            _ => return None,
        }
    };
    Some((connection.parse().ok()?, what))
}

/// `Kind ip=... type_url=... headers={name="value", ...} {json}`
fn said(text: &str) -> Option<Said> {
    let (kind, mut rest) = text.trim_start().split_once(' ')?;
    let mut said = Said {
        kind: kind.to_owned(),
        client_ip: String::new(),
        headers: Vec::new(),
        body: Value::Null,
    };
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("headers={") {
            let end = headers(after, &mut said.headers)?;
            rest = &after[end..];
        } else if rest.starts_with('{') {
            said.body = serde_json::from_str(rest).ok()?;
            return Some(said);
        } else {
            let (word, after) = rest.split_once(' ')?;
            if let Some(ip) = word.strip_prefix("ip=") {
                said.client_ip = ip.to_owned();
            }
            rest = after;
        }
    }
}

/// Reads `name="value", ...}` and gives where it ends.
fn headers(text: &str, into: &mut Vec<(String, String)>) -> Option<usize> {
    let mut at = 0;
    loop {
        if text[at..].starts_with('}') {
            return Some(at + 1);
        }
        let name_end = at + text[at..].find("=\"")?;
        let value_start = name_end + 2;
        let value_end = value_start + text[value_start..].find('"')?;
        let name = text[at..name_end].trim_start_matches([',', ' ']);
        into.push((name.to_owned(), text[value_start..value_end].to_owned()));
        at = value_end + 1;
    }
}

#[test]
fn the_transcript_is_read_whole() {
    let sessions = read(GOLDEN);
    assert_eq!(sessions.len(), 8);
    let count = |of: fn(&What) -> bool| {
        sessions.iter().flat_map(|it| &it.lines).filter(|line| of(&line.what)).count()
    };
    assert_eq!(count(|what| matches!(what, What::Asked(_))), 290);
    assert_eq!(count(|what| matches!(what, What::Answered(_))), 290);
    assert_eq!(count(|what| matches!(what, What::Opened)), 23);
    assert_eq!(count(|what| matches!(what, What::Pushed(_))), 85);
}
