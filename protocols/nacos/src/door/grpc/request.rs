//! One request over gRPC, who sent it, and what it is answered with.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use rialto_security::Identity;
use serde_json::Value;

use crate::codec::payload::Headers;
use crate::limits::{GRPC_LABEL_BYTES_MAX, GRPC_LABELS_MAX};
use crate::naming::ConnectionId;
use crate::{Code, Problem};

/// Who is at the other end of a connection that was set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer<'a> {
    /// The connection, among all of this process.
    pub(crate) id: ConnectionId,
    /// The other end of the socket.
    pub(crate) remote: SocketAddr,
    /// What the client said of itself.
    pub(crate) setup: &'a Setup,
}

/// What a client says of itself at the beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Setup {
    /// E.g. `Nacos-Java-Client:v3.0.3`.
    pub(crate) version: String,
    /// Namespace that it works in, as it wrote it.
    pub(crate) tenant: String,
    /// Labels: `source`, `module`, `AppName`, and others for gray versions.
    pub(crate) labels: Vec<(String, String)>,
    /// The client's own idea of its address; may be empty.
    pub(crate) client_ip: String,
}

impl Setup {
    /// Reads a `ConnectionSetupRequest`, and whether it wants an acknowledgement; `None` when it is
    /// no JSON object. What is of the wrong type counts as absent.
    pub(super) fn read(body: &[u8], client_ip: &str) -> Option<(Self, bool)> {
        let body: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(cut).unwrap_or_default();
        let mut labels = Vec::new();
        if let Some(Value::Object(given)) = body.get("labels") {
            let texts = given.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
            labels.extend(texts.take(GRPC_LABELS_MAX).map(|(name, value)| (cut(name), cut(value))));
        }
        let wants_ack = body.get("abilityTable").is_some_and(|table| !table.is_null());
        let (version, tenant) = (text("clientVersion"), text("tenant"));
        Some((Setup { version, tenant, labels, client_ip: cut(client_ip) }, wants_ack))
    }

    /// A label's value.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The payload's type, e.g. `InstanceRequest`.
    pub(crate) kind: &'a str,
    /// The payload's headers.
    pub(crate) headers: Headers<'a>,
    /// The client's own idea of its address; may be empty.
    pub(crate) client_ip: &'a str,
    /// The JSON of the request.
    pub(crate) body: &'a [u8],
    /// Who asks. The dispatcher has admitted it for the entry's rule; a handler of
    /// [`crate::access::Rule::Each`] decides on each resource itself.
    pub(crate) identity: &'a Identity,
}

impl<'a> Request<'a> {
    /// Reads the JSON, which must be an object: members without names would be others here than
    /// where rights are decided.
    ///
    /// # Errors
    /// The answer to give: error 502, as the real server's for what it cannot parse.
    pub(crate) fn parse<T: serde::Deserialize<'a>>(&self) -> Result<T, Response> {
        if self.body.trim_ascii_start().first() != Some(&b'{') {
            let message = format!("{} cannot be read: it is no JSON object", self.kind);
            return Err(Response::error(PARSE_FAILED, message));
        }
        serde_json::from_slice(self.body).map_err(|error| {
            let message = format!("{} cannot be read: {error}", self.kind);
            Response::error(PARSE_FAILED, message)
        })
    }
}

/// An answer now, or one that takes a while. Nothing else of the connection waits for it.
pub(crate) enum Answer {
    Now(Response),
    Later(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Answer::Now(response)
    }
}

/// An answer. The transport adds `resultCode`, `errorCode`, `requestId` and `success`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    /// The payload's type, e.g. `InstanceResponse`.
    pub(crate) kind: &'static str,
    /// 0, or why the request is refused.
    pub(crate) error_code: u32,
    /// In words, if there is something to say.
    pub(crate) message: Option<Cow<'static, str>>,
    /// What the answer says beyond that.
    pub(crate) fields: Members,
}

/// Members of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Members {
    /// None.
    None,
    /// Written out, with commas between them and none around: `"count":1,"serviceNames":["a"]`.
    Written(Vec<u8>),
    /// One, whose value many answers share; a long one is sent without being copied.
    Shared(&'static str, Bytes),
}

/// Error code for a request that cannot be parsed.
pub(crate) const PARSE_FAILED: u32 = 502;

impl Response {
    /// A success.
    pub(crate) fn ok(kind: &'static str, fields: Members) -> Self {
        Response { kind, error_code: 0, message: None, fields }
    }

    /// The same with a sentence.
    pub(crate) fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// A refusal in the request's own type of response.
    pub(crate) fn refused(
        kind: &'static str,
        error_code: u32,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let message = Some(message.into());
        Response { kind, error_code, message, fields: Members::None }
    }

    /// A refusal with a problem: its status where Nacos's clients look at that, otherwise its
    /// code.
    pub(crate) fn problem(kind: &'static str, problem: Problem) -> Self {
        let code = match (problem.status, problem.code) {
            (403, _) => 403,
            (400, Code::ParameterMissing | Code::ParameterInvalid) => 400,
            (_, code) => code as u32,
        };
        Self::refused(kind, code, problem.message)
    }

    /// An `ErrorResponse`.
    pub(crate) fn error(error_code: u32, message: impl Into<Cow<'static, str>>) -> Self {
        Self::refused("ErrorResponse", error_code, message)
    }
}

/// A text, or as much of it as may be kept.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(GRPC_LABEL_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_what_it_is() {
        let body = r#"{"headers":{},"clientVersion":"Nacos-Java-Client:v2.5.1","tenant":null,
            "labels":{"source":"sdk","AppName":"shop","odd":7},"abilityTable":{}}"#;
        let (setup, wants_ack) = Setup::read(body.as_bytes(), "192.0.2.2").unwrap();
        assert!(wants_ack);
        assert_eq!(
            (setup.version.as_str(), setup.tenant.as_str()),
            ("Nacos-Java-Client:v2.5.1", "")
        );
        assert_eq!((setup.label("AppName"), setup.label("odd")), (Some("shop"), None));
        let (_, wants_ack) = Setup::read(b"{\"abilityTable\":null,\"labels\":[]}", "").unwrap();
        assert!(!wants_ack);
        for wrong in ["", "[]", "{", "7"] {
            assert_eq!(Setup::read(wrong.as_bytes(), ""), None, "{wrong}");
        }
    }

    #[test]
    fn what_a_client_says_of_itself_is_limited() {
        let labels: Vec<_> = (0..GRPC_LABELS_MAX + 5).map(|n| format!("\"l{n}\":\"v\"")).collect();
        let long = "\u{e4}".repeat(GRPC_LABEL_BYTES_MAX);
        let body = format!("{{\"clientVersion\":\"{long}\",\"labels\":{{{}}}}}", labels.join(","));
        let (setup, _) = Setup::read(body.as_bytes(), &long).unwrap();
        assert_eq!(setup.labels.len(), GRPC_LABELS_MAX);
        assert_eq!(setup.version.len(), GRPC_LABEL_BYTES_MAX);
        assert_eq!(setup.client_ip.len(), GRPC_LABEL_BYTES_MAX);
    }
}
