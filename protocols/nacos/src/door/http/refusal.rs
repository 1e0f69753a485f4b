//! Why a call is not carried out, and how each generation of the API says so.

use std::fmt::Write;

use serde::Serialize;

use super::style::{JSON, JSON_UTF8, Style, TEXT};
use crate::codec::date;
use crate::problem::{Code, Problem};

/// A call that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// By the check of parameters before every call.
    Checked(String),
    /// A parameter that the call needs is not there.
    Missing(&'static str),
    /// A parameter has a value that cannot be read.
    Argument(String),
    /// What the call means cannot be done.
    Problem(Problem),
    /// In the words of the container around the real server: nothing there, not for you, broken.
    Container {
        /// Status of the answer.
        status: u16,
        /// What was wrong.
        message: String,
    },
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Problem(problem)
    }
}

impl Refusal {
    /// No such path below `/nacos`. Naming has a filter of its own, with words of its own.
    pub(super) fn unknown(method: &str, path: &str, below: &str) -> Self {
        if below.starts_with("/v1/ns/") || below.starts_with("/v2/ns/") {
            return Refusal::Container {
                status: 501,
                message: format!("no such api:{method}:{path}"),
            };
        }
        let elsewhere = ["/v3/admin/ai/", "/v3/console/ai/", "/v3/client/ai/", "/v3/client/lock"];
        if elsewhere.iter().any(|prefix| below.starts_with(prefix)) {
            let message = "registries of AI tools and agents, and locks, are not served here";
            return Refusal::disabled(message);
        }
        Refusal::nothing_here()
    }

    /// The path is there, with other methods.
    pub(super) fn other_method(method: &str, path: &str, below: &str) -> Self {
        match Refusal::unknown(method, path, below) {
            Refusal::Container { status: 404, .. } => Refusal::Container {
                status: 405,
                message: format!("Request method '{method}' not supported"),
            },
            other => other,
        }
    }

    /// No such path at all.
    pub(super) fn nothing_here() -> Self {
        Refusal::Container { status: 404, message: "No message available".to_owned() }
    }

    /// Not served here.
    pub(super) fn disabled(message: &str) -> Self {
        Refusal::coded(501, Code::Disabled, message)
    }

    /// A refusal with one of Nacos's codes.
    pub(super) fn coded(status: u16, code: Code, message: impl Into<String>) -> Self {
        Refusal::Problem(Problem::new(status, code, message))
    }
}

/// An answer's status, content type and body.
pub(super) type Written = (u16, Option<&'static str>, Vec<u8>);

/// Writes a refusal as the generation of the route does.
pub(super) fn write(refusal: Refusal, style: Style, path: &str, now_ms: u64) -> Written {
    match refusal {
        Refusal::Checked(sentence) => {
            let typed = (style == Style::V1Config).then_some(JSON_UTF8);
            (400, typed, format!("{sentence}\r\n").into_bytes())
        }
        Refusal::Container { status, message } => container(style, status, &message, path, now_ms),
        Refusal::Problem(problem) if problem.code == Code::AccessDenied => {
            container(style, problem.status, &problem.message, path, now_ms)
        }
        other if style.is_v1() => naked(other, style),
        other => wrapped(other),
    }
}

#[derive(Serialize)]
struct Container<'a> {
    timestamp: String,
    status: u16,
    error: &'static str,
    message: &'a str,
    path: &'a str,
}

fn container(style: Style, status: u16, message: &str, path: &str, now_ms: u64) -> Written {
    let error = match status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    let timestamp = date::iso(now_ms);
    let body = json(&Container { timestamp, status, error, message, path });
    (status, Some(style.json()), body)
}

fn naked(refusal: Refusal, style: Style) -> Written {
    let (status, message) = match refusal {
        Refusal::Missing(name) if style == Style::V1Config => (
            500,
            escaped(&format!(
                "Required request parameter '{name}' for method parameter type String is not \
                 present"
            )),
        ),
        Refusal::Missing(name) => (400, format!("Param '{name}' is required.")),
        Refusal::Argument(message) => (400, message),
        Refusal::Problem(Problem { status: status @ (413 | 429 | 503), message, .. }) => {
            return (status, Some(TEXT), message.into_bytes());
        }
        Refusal::Problem(problem) => (500, escaped(&problem.message)),
        Refusal::Checked(message) | Refusal::Container { message, .. } => (500, message),
    };
    (status, Some(TEXT), format!("caused: {message};").into_bytes())
}

/// As Spring's `HtmlUtils` escapes what an exception says.
fn escaped(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for it in message.chars() {
        match it {
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            _ => out.push(it),
        }
    }
    out
}

fn wrapped(refusal: Refusal) -> Written {
    let (status, code, data) = match refusal {
        Refusal::Missing(name) => {
            let mut data = String::with_capacity(64);
            let _ = write!(data, "Required parameter '{name}' type String is not present");
            (400, Code::ParameterMissing, data)
        }
        Refusal::Argument(message) => (400, Code::ParameterInvalid, message),
        Refusal::Problem(Problem { status, code, message }) => (status, code, message),
        Refusal::Checked(message) | Refusal::Container { message, .. } => {
            (500, Code::Server, message)
        }
    };
    let body = json(&Wrapped { code: code as u32, message: code.words(), data: Some(data) });
    (status, Some(JSON), body)
}

/// The wrapper of every answer of v2 and v3.
#[derive(Serialize)]
pub(super) struct Wrapped<'a, T> {
    pub(super) code: u32,
    pub(super) message: &'a str,
    pub(super) data: Option<T>,
}

/// Writes JSON; what the door writes has no keys but texts, so that it cannot fail.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers have texts for keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(refusal: Refusal, style: Style) -> (u16, &'static str, String) {
        let (status, typed, body) = write(refusal, style, "/nacos/x", 1_795_409_170_171);
        (status, typed.unwrap_or("none"), String::from_utf8(body).expect("text"))
    }

    #[test]
    fn each_generation_has_its_words() {
        let missing = || Refusal::Missing("ip");
        let naked = "caused: Param 'ip' is required.;".to_owned();
        assert_eq!(written(missing(), Style::V1), (400, TEXT, naked));
        let config = "caused: Required request parameter &#39;ip&#39; for method parameter type \
                      String is not present;";
        assert_eq!(written(missing(), Style::V1Config), (500, TEXT, config.to_owned()));
        let data = "Required parameter 'ip' type String is not present";
        let body = format!(r#"{{"code":10000,"message":"parameter missing","data":"{data}"}}"#);
        assert_eq!(written(missing(), Style::V2), (400, JSON, body.clone()));
        assert_eq!(written(missing(), Style::V3), (400, JSON, body));
    }

    #[test]
    fn problems_are_naked_in_v1_and_coded_later() {
        let problem = || Refusal::coded(404, Code::NotFound, "no 'matched' ip found!");
        let naked = "caused: no &#39;matched&#39; ip found!;".to_owned();
        assert_eq!(written(problem(), Style::V1), (500, TEXT, naked));
        let body =
            r#"{"code":20004,"message":"resource not found","data":"no 'matched' ip found!"}"#;
        assert_eq!(written(problem(), Style::V2), (404, JSON, body.to_owned()));
    }

    #[test]
    fn what_comes_before_the_call_is_the_same_everywhere() {
        let checked = || Refusal::Checked("Param 'ip' is illegal.".to_owned());
        let body = "Param 'ip' is illegal.\r\n".to_owned();
        assert_eq!(written(checked(), Style::V1), (400, "none", body.clone()));
        assert_eq!(written(checked(), Style::V1Config), (400, JSON_UTF8, body.clone()));
        assert_eq!(written(checked(), Style::V3), (400, "none", body));
        let refused = Refusal::coded(403, Code::AccessDenied, "user not found!");
        let body = concat!(
            r#"{"timestamp":"2026-11-23T04:46:10.171+00:00","status":403,"error":"Forbidden","#,
            r#""message":"user not found!","path":"/nacos/x"}"#
        );
        assert_eq!(written(refused, Style::V1), (403, JSON, body.to_owned()));
    }
}
