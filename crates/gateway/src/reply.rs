//! Answers of the gateway itself.

use rialto_http1::write;
use rialto_telemetry::Class;
use rialto_time::Civil;

/// An answer that no instance gave.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// A sentence for the client.
    pub(crate) message: String,
    /// Seconds after which it makes sense to come back.
    pub(crate) retry_after_s: Option<u64>,
    /// What a 401 asks for.
    pub(crate) challenge: Option<&'static str>,
    /// A body of its own instead of the usual one.
    pub(crate) body: Option<String>,
    pub(crate) class: Class,
    /// Why, in one or two letters for the access log.
    pub(crate) flag: &'static str,
}

/// What the body of an error tells besides the message.
pub(crate) struct About<'a> {
    pub(crate) wall_ms: u64,
    pub(crate) path: &'a str,
    pub(crate) request_id: &'a [u8],
}

impl Reply {
    pub(crate) fn new(status: u16, flag: &'static str, message: impl Into<String>) -> Self {
        let class = if status < 500 { Class::ClientError } else { Class::ServerError };
        Self {
            status,
            message: message.into(),
            retry_after_s: None,
            challenge: None,
            body: None,
            class,
            flag,
        }
    }

    /// A refusal for load, to be tried again after some milliseconds.
    pub(crate) fn limited(status: u16, flag: &'static str, message: &str, after_ms: u64) -> Self {
        Self {
            retry_after_s: Some(after_ms.div_ceil(1_000).max(1)),
            class: Class::Limited,
            ..Self::new(status, flag, message)
        }
    }

    /// The body: the given one, or what Spring's users expect of an error.
    pub(crate) fn body(&self, about: &About<'_>) -> String {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let mut text = String::from("{\"timestamp\":\"");
        push_time(&mut text, about.wall_ms);
        text.push_str("\",\"path\":");
        push_json(&mut text, about.path);
        text.push_str(",\"status\":");
        text.push_str(itoa::Buffer::new().format(self.status));
        text.push_str(",\"error\":");
        push_json(&mut text, write::reason(self.status));
        text.push_str(",\"message\":");
        push_json(&mut text, &self.message);
        text.push_str(",\"requestId\":");
        push_json(&mut text, std::str::from_utf8(about.request_id).unwrap_or_default());
        text.push_str("}\n");
        text
    }

    /// Header lines besides framing, by name and value.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'static str, String)> {
        let json = self.body.as_ref().is_none_or(|body| body.trim_start().starts_with(['{', '[']));
        let kind = if json { "application/json" } else { "text/plain; charset=utf-8" };
        let after = self.retry_after_s.map(|seconds| ("retry-after", seconds.to_string()));
        let challenge = self.challenge.map(|scheme| ("www-authenticate", scheme.to_owned()));
        [Some(("content-type", kind.to_owned())), after, challenge].into_iter().flatten()
    }

    /// Writes the whole answer.
    pub(crate) fn write(&self, out: &mut Vec<u8>, about: &About<'_>, to_head: bool, close: bool) {
        let body = self.body(about);
        write::status_line(out, self.status, write::reason(self.status).as_bytes());
        for (name, value) in self.lines() {
            write::field(out, name.as_bytes(), value.as_bytes());
        }
        if !about.request_id.is_empty() {
            write::field(out, b"x-request-id", about.request_id);
        }
        write::content_length(out, body.len() as u64);
        if close {
            out.extend_from_slice(b"connection: close\r\n");
        }
        write::end(out);
        if !to_head {
            out.extend_from_slice(body.as_bytes());
        }
    }
}

/// Writes `2026-11-24T23:30:00.123Z`.
pub(crate) fn push_time(out: &mut String, wall_ms: u64) {
    use std::fmt::Write as _;
    let ms = wall_ms % 1_000;
    let Civil { year, month, day, hour, minute, second } = Civil::of(wall_ms / 1_000);
    let written =
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z");
    debug_assert!(written.is_ok(), "a String takes everything");
}

/// Writes a JSON string.
pub(crate) fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => {
                use std::fmt::Write as _;
                let written = write!(out, "\\u{:04x}", u32::from(control));
                debug_assert!(written.is_ok(), "a String takes everything");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About<'static> {
        About { wall_ms: 1_795_563_000_123, path: "/a\"b", request_id: b"r1" }
    }

    #[test]
    fn an_error_tells_what_happened() {
        let mut out = Vec::new();
        let reply = Reply::limited(429, "RL", "too many requests", 1_200);
        reply.write(&mut out, &about(), false, true);
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{head}");
        assert!(
            head.contains("retry-after: 2\r\n") && head.contains("connection: close"),
            "{head}"
        );
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["timestamp"], "2026-11-24T23:30:00.123Z");
        assert_eq!((&json["path"], &json["status"]), (&"/a\"b".into(), &429.into()));
        assert_eq!(
            (&json["requestId"], &json["error"]),
            (&"r1".into(), &"Too Many Requests".into())
        );
    }

    #[test]
    fn a_fallback_body_is_sent_as_it_is() {
        let reply = Reply { body: Some("sold out".to_owned()), ..Reply::new(200, "FB", "") };
        let mut out = Vec::new();
        reply.write(&mut out, &about(), false, false);
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("\r\n\r\nsold out") && text.contains("text/plain"), "{text}");
    }
}
