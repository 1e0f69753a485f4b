//! Spring's error answers. Tools show their texts to people, and some clients read the type.

use rialto_time::Civil;

use super::Media;

/// An answer that is an error of HTTP rather than of Eureka.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// The status code.
    pub status: u16,
    /// The words that go with the code.
    pub reason: &'a str,
    /// The path without its query.
    pub path: &'a str,
    /// When it happened, in ms since 1970.
    pub now_ms: u64,
}

/// In which form a problem is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemBody {
    /// One of the protocol's languages.
    Media(Media),
    /// For a person with a browser.
    Html,
    /// For a client that takes nothing that we have.
    Nothing,
}

impl ProblemBody {
    /// The Content-Type that goes with the body.
    #[must_use]
    pub fn content_type(self) -> Option<&'static str> {
        match self {
            ProblemBody::Media(Media::Json) => Some("application/json"),
            ProblemBody::Media(Media::Xml) => Some("application/xml;charset=UTF-8"),
            ProblemBody::Html => Some("text/html;charset=UTF-8"),
            ProblemBody::Nothing => None,
        }
    }
}

impl Problem<'_> {
    /// Writes the body.
    #[must_use]
    pub fn write(&self, body: ProblemBody) -> Vec<u8> {
        let (time, path) = (utc(self.now_ms), self.path);
        let (status, reason) = (self.status, self.reason);
        match body {
            ProblemBody::Media(Media::Json) => {
                let mut out = format!(
                    "{{\"timestamp\":\"{time}Z\",\"status\":{status},\"error\":\"{reason}\",\"path\":"
                )
                .into_bytes();
                super::json_write::text(&mut out, path);
                out.push(b'}');
                out
            }
            ProblemBody::Media(Media::Xml) => {
                let mut out = format!(
                    "<Map><timestamp>{time}+00:00</timestamp><status>{status}</status>\
                     <error>{reason}</error><path>"
                )
                .into_bytes();
                super::xml_write::text(&mut out, path);
                out.extend_from_slice(b"</path></Map>");
                out
            }
            ProblemBody::Html => {
                let mut out = format!("<html><body><h1>{status} {reason}</h1><p>").into_bytes();
                super::xml_write::text(&mut out, path);
                out.extend_from_slice(b"</p></body></html>");
                out
            }
            ProblemBody::Nothing => Vec::new(),
        }
    }
}

/// `2026-11-23T03:56:30.123`
fn utc(now_ms: u64) -> String {
    let ms = now_ms % 1_000;
    let Civil { year, month, day, hour, minute, second } = Civil::of(now_ms / 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000"),
            (951_826_154_123, "2000-02-29T12:09:14.123"),
            (1_795_406_185_717, "2026-11-23T03:56:25.717"),
        ] {
            assert_eq!(utc(ms), text);
        }
    }

    #[test]
    fn a_path_cannot_break_out_of_the_body() {
        let problem = Problem { status: 404, reason: "Not Found", path: "/\"<x>", now_ms: 0 };
        for body in [ProblemBody::Media(Media::Xml), ProblemBody::Html] {
            assert!(!String::from_utf8(problem.write(body)).unwrap().contains("<x>"));
        }
        let json = problem.write(ProblemBody::Media(Media::Json));
        assert!(String::from_utf8(json).unwrap().contains(r#""path":"/\"<x>""#));
    }
}
