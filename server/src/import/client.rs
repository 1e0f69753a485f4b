//! Calls the HTTP interface of a Nacos server: the one that is copied, and our own door.

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value as Json;
use tokio::time::{sleep, timeout};

use crate::ctl::escape;
use crate::exit::{Exit, Failure, chain};

/// Largest answer read: a page of configurations, each up to 10 MiB.
const ANSWER_MAX_BYTES: usize = 256 * 1024 * 1024;
/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Tries of a call whose connection broke: a server may restart in the middle of an import.
const TRIES_MAX: u32 = 4;
/// Before the second try; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(250);
/// Where the interface lies when the address does not say so.
const CONTEXT_PATH: &str = "/nacos";
/// Characters of a refusal that are shown.
const REFUSAL_MAX_CHARS: usize = 200;

/// Parameters of a call.
pub(super) type Parameters<'a> = &'a [(&'a str, &'a str)];

/// Why a call did not do what it should.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nothing further can be done with this server.
    Stop(Failure),
    /// This item is refused; others may not be.
    Item {
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
}

/// How to sign in.
#[derive(Clone)]
pub(super) enum SignIn {
    Nobody,
    Password { user: String, password: String },
    Token(String),
}

/// A server.
pub(super) struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    base: String,
    sign_in: SignIn,
    token: RefCell<Option<HeaderValue>>,
    /// The flag that named the server, for messages.
    flag: &'static str,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Client {
    /// A client of the server at `http://host:port[/path]`, which `flag` named.
    ///
    /// # Errors
    /// When the address has another form.
    pub(super) fn new(address: &str, flag: &'static str, sign_in: SignIn) -> Result<Self, Failure> {
        let base = base_of(address, flag)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_MAX));
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        let token = match &sign_in {
            SignIn::Token(token) => Some(bearer(token)?),
            SignIn::Nobody | SignIn::Password { .. } => None,
        };
        Ok(Self { http, base, sign_in, token: RefCell::new(token), flag })
    }

    /// The address with its context path.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// `GET`, successful or not.
    ///
    /// # Errors
    /// Only [`Trouble::Stop`]: no answer, or the sign-in is not accepted.
    pub(super) async fn try_get(
        &self,
        path: &str,
        parameters: Parameters<'_>,
    ) -> Result<Answer, Trouble> {
        let target = format!("{path}?{}", form(parameters));
        self.exchange(Method::GET, &target, String::new(), &[]).await
    }

    /// Any other method with its parameters in a form, decoded.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        parameters: Parameters<'_>,
        headers: Parameters<'_>,
    ) -> Result<Json, Trouble> {
        self.exchange(method, path, form(parameters), headers).await?.decoded()
    }

    /// Signs in where a password was given; a token or nobody needs no call.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub(super) async fn sign_in(&self) -> Result<(), Trouble> {
        let SignIn::Password { user, password } = &self.sign_in else { return Ok(()) };
        let body = form(&[("username", user), ("password", password)]);
        let mut last = None;
        // The newest first; the others are of servers that do not have it.
        for path in ["/v3/auth/user/login", "/v1/auth/users/login", "/v1/auth/login"] {
            let answer = self.call(&Method::POST, path, &body, &[]).await?;
            if answer.status.is_success() {
                let json: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
                let token = json["accessToken"].as_str().or(json["data"]["accessToken"].as_str());
                if let Some(token) = token {
                    *self.token.borrow_mut() = Some(bearer(token).map_err(Trouble::Stop)?);
                    return Ok(());
                }
            }
            let is_refusal =
                matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
            last = Some(answer);
            if is_refusal {
                break;
            }
        }
        let said = last.map(|answer| answer.message()).unwrap_or_default();
        let message = format!("{} does not sign in {user}: {said}", self.base);
        Err(Trouble::Stop(Failure::new(Exit::Refused, message)))
    }

    async fn exchange(
        &self,
        method: Method,
        target: &str,
        body: String,
        headers: Parameters<'_>,
    ) -> Result<Answer, Trouble> {
        let answer = self.call(&method, target, &body, headers).await?;
        if !answer.is_sign_in_wanted() {
            return Ok(answer);
        }
        if matches!(self.sign_in, SignIn::Password { .. }) {
            // A token lives for hours, an import may live longer.
            self.sign_in().await?;
            let again = self.call(&method, target, &body, headers).await?;
            if !again.is_sign_in_wanted() {
                return Ok(again);
            }
        }
        let flag = match self.flag {
            "--into" => "--into-user and --into-password",
            _ => "--user and --password",
        };
        let message = format!(
            "{} wants another sign-in for {}: {}. Give {flag} of an administrator",
            self.base,
            target.split('?').next().unwrap_or_default(),
            answer.message(),
        );
        Err(Trouble::Stop(Failure::new(Exit::Refused, message)))
    }

    async fn call(
        &self,
        method: &Method,
        target: &str,
        body: &str,
        headers: Parameters<'_>,
    ) -> Result<Answer, Trouble> {
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            match self.once(method, target, body, headers).await {
                Ok(answer) => return Ok(answer),
                Err(_) if tries < TRIES_MAX => {
                    tries += 1;
                    sleep(pause).await;
                    pause *= 2;
                }
                Err(why) => {
                    let message = format!(
                        "no Nacos interface answers at {}: {why}. Say where it is with {}",
                        self.base, self.flag
                    );
                    return Err(Trouble::Stop(Failure::new(Exit::Unreachable, message)));
                }
            }
        }
    }

    async fn once(
        &self,
        method: &Method,
        target: &str,
        body: &str,
        headers: Parameters<'_>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{target}", self.base));
        if method != Method::GET {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = self.token.borrow().as_ref() {
            request = request.header(AUTHORIZATION, token);
        }
        let body = Full::new(Bytes::from(body.to_owned()));
        let request = request.body(body).map_err(|error| error.to_string())?;
        let whole = async {
            let response = self.http.request(request).await.map_err(|error| chain(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await;
            let body = body.map_err(|error| format!("{status}, then it broke: {error}"))?;
            Ok(Answer { status, body: body.to_bytes() })
        };
        match timeout(ANSWER_MAX, whole).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", ANSWER_MAX.as_secs())),
        }
    }
}

impl Answer {
    /// True when this path is not served there at all.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.status.as_u16(), 404 | 405 | 410 | 501)
    }

    /// The data: what is in the envelope of v2 and v3, or the whole body of v1.
    ///
    /// # Errors
    /// [`Trouble::Item`] when the status or the envelope's code is none of success.
    pub(super) fn decoded(&self) -> Result<Json, Trouble> {
        let json: Json = serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| Json::String(String::from_utf8_lossy(&self.body).into_owned()));
        let code = json.get("code").and_then(Json::as_i64);
        let is_good = code.is_none_or(|code| code == 0 || code == 200);
        if !self.status.is_success() || !is_good {
            let status = self.status.as_u16();
            return Err(Trouble::Item { status, message: self.message() });
        }
        Ok(match json {
            Json::Object(mut fields) if code.is_some() && fields.contains_key("data") => {
                fields.remove("data").unwrap_or_default()
            }
            other => other,
        })
    }

    fn is_sign_in_wanted(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// The server's words about a refusal.
    fn message(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let json: Json = serde_json::from_str(&text).unwrap_or_default();
        let said = [&json["data"], &json["message"], &json["error"]]
            .into_iter()
            .find_map(|part| part.as_str().filter(|text| !text.is_empty()))
            .unwrap_or(text.trim());
        let short: String = said.chars().take(REFUSAL_MAX_CHARS).collect();
        if short.is_empty() {
            self.status.to_string()
        } else {
            format!("{} {short}", self.status.as_u16())
        }
    }
}

fn base_of(address: &str, flag: &str) -> Result<String, Failure> {
    let refuse = |reason: &str| {
        let example = "http://127.0.0.1:8848";
        let message = format!("{flag} {address:?}: {reason}; write it like {example}");
        Failure::new(Exit::Usage, message)
    };
    let rest = address.strip_prefix("http://").ok_or_else(|| refuse("it is not http://"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let parsed: http::uri::Authority =
        authority.parse().map_err(|_| refuse("it has no host and port"))?;
    if parsed.host().is_empty() || authority.contains('@') {
        return Err(refuse("it has no host"));
    }
    let path = path.trim_matches('/');
    let path = if path.is_empty() { CONTEXT_PATH.to_owned() } else { format!("/{path}") };
    Ok(format!("http://{}:{}{path}", parsed.host(), parsed.port_u16().unwrap_or(8_848)))
}

fn bearer(token: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.trim()))
        .map_err(|_| Failure::new(Exit::Usage, "the token holds characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn form(parameters: Parameters<'_>) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn addresses_get_their_context_path_and_port() {
        assert_eq!(base_of("http://n", "--from").unwrap(), "http://n:8848/nacos");
        assert_eq!(base_of("http://n:80/x/", "--from").unwrap(), "http://n:80/x");
        for bad in ["n:8848", "https://n", "http://", "http://u@n"] {
            let failure = base_of(bad, "--from").unwrap_err();
            assert!(failure.message().contains("--from"), "{failure:?}");
        }
    }

    #[test]
    fn envelopes_are_opened_and_their_codes_believed() {
        let inner = answer(200, r#"{"code":0,"message":"success","data":[1]}"#).decoded().unwrap();
        assert_eq!(inner, serde_json::json!([1]));
        let old = answer(200, r#"{"code":200,"message":null,"data":{}}"#).decoded().unwrap();
        assert_eq!(old, serde_json::json!({}));
        assert_eq!(answer(200, "ok").decoded().unwrap(), "ok");
        assert_eq!(answer(200, r#"{"count":1}"#).decoded().unwrap()["count"], 1);
        let refused = answer(400, r#"{"code":20002,"message":"m","data":"why"}"#).decoded();
        let Err(Trouble::Item { status, message }) = refused else { panic!("{refused:?}") };
        assert_eq!((status, message.as_str()), (400, "400 why"));
        assert!(answer(200, r#"{"code":22001,"message":"m","data":null}"#).decoded().is_err());
    }

    #[test]
    fn paths_that_a_server_does_not_have_are_told_from_refusals() {
        assert!(answer(410, "").is_absent() && answer(501, "").is_absent());
        assert!(!answer(403, "").is_absent());
        assert!(answer(403, "").is_sign_in_wanted());
    }

    #[test]
    fn forms_are_escaped() {
        assert_eq!(form(&[("a", "1 &é"), ("b", "")]), "a=1%20%26%C3%A9&b=");
    }
}
