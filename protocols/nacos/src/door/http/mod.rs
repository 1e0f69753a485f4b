//! The HTTP half of the door: v1, v2 and v3 of Nacos's API over one table of routes.
//!
//! A handler says what a call means once; the [`style`] of its route says how parameters are named
//! and answers look.

mod ask;
mod auth;
mod catalog;
mod check;
mod client;
mod config;
mod desk;
mod history;
mod instance;
mod listen;
mod loader;
mod names;
mod namespace;
mod node;
mod publish;
mod read;
mod refusal;
mod service;
mod style;
mod table;
mod transfer;

use rialto_door::http::{Answer, Call, Reply};
use rialto_security::Identity;

use self::ask::Ask;
pub(crate) use self::desk::Desk;
use self::refusal::Refusal;
use self::style::Style;
pub(crate) use self::table::routes;
use self::table::{Found, Route};
use crate::access::{Identified, Mode, Pending, Presented, Rule, denied};
use crate::codec::form::Form;
use crate::problem::{Code, Problem};

/// What is kept for one connection: a password that is being checked for the call at hand.
#[derive(Default)]
pub(crate) struct Session {
    pending: Option<Pending>,
    known: Option<Result<Identity, Problem>>,
}

impl Session {
    /// Checks the password that the last call was answered [`Reply::Again`] for.
    pub(crate) async fn prepare(&mut self) {
        let Some(pending) = self.pending.take() else { return };
        let work = tokio::task::spawn_blocking(move || pending.finish());
        let failed = || Err(Problem::new(500, Code::Server, "the password could not be checked"));
        self.known = Some(work.await.unwrap_or_else(|_| failed()));
    }
}

impl Desk {
    /// Answers one call.
    pub(crate) fn answer(&self, session: &mut Session, call: &Call<'_>) -> Reply {
        let Some(path) = below(call.path) else {
            return self.refused(Refusal::nothing_here(), Style::V1, call).into();
        };
        let (route, segments) = match table::find(call.method, path) {
            Found::Route(route, segments) => (route, segments),
            Found::OtherMethod(style) => {
                let refused = Refusal::other_method(call.method, call.path, path);
                return self.refused(refused, style, call).into();
            }
            Found::Nothing(style) => {
                let refused = Refusal::unknown(call.method, call.path, path);
                return self.refused(refused, style, call).into();
            }
        };
        match self.carry_out(session, route, segments, call) {
            Ok(reply) => reply,
            Err(refused) => self.refused(refused, route.style, call).into(),
        }
    }

    fn carry_out(
        &self,
        session: &mut Session,
        route: &'static Route,
        segments: Vec<String>,
        call: &Call<'_>,
    ) -> Result<Reply, Refusal> {
        let form = Form::read(call.query, form_body(call))
            .map_err(|error| Refusal::Argument(error.to_string()))?;
        let who = match session.known.take() {
            Some(known) => known?,
            None => match self.identify(route, &form, call) {
                Identified::Now(who) => who?,
                Identified::Later(pending) => {
                    session.pending = Some(pending);
                    return Ok(Reply::Again);
                }
            },
        };
        if self.is_of_a_page(route, call) {
            return Err(denied("calls of web pages are not taken without sign-in").into());
        }
        check::check(route.checks(), &form).map_err(Refusal::Checked)?;
        let ask = Ask { route, call, form, segments, who };
        self.access.admit(&ask.who, route.rule, ask.names())?;
        (route.answer)(self, &ask)
    }

    fn identify(&self, route: &Route, form: &Form<'_>, call: &Call<'_>) -> Identified {
        // What anybody may call is not told whose credentials hold: signing in checks its own.
        let is_public = route.rule == Rule::Public;
        let presented = Presented {
            access_token: form.filled("accessToken").or_else(|| call.header("accessToken")),
            authorization: call.header("authorization"),
            username: form.filled("username").filter(|_| !is_public),
            password: form.filled("password").filter(|_| !is_public),
        };
        match self.access.identify(&presented, call.origin.peer.ip()) {
            Identified::Now(Ok(who)) => Identified::Now(Ok(who)),
            _ if is_public => Identified::Now(Ok(Identity::anonymous())),
            other => other,
        }
    }

    /// Whether a page in a browser calls where nobody has to sign in: what somebody on this
    /// machine looks at must not register services, and must not read configurations under a name
    /// that was made to lead here. No client names an origin.
    fn is_of_a_page(&self, route: &Route, call: &Call<'_>) -> bool {
        let changes = || route.method != "GET" && call.fields.get("origin").is_some();
        match self.access.mode() {
            Mode::Loopback => changes() || call.is_rebound(),
            Mode::Open => changes(),
            Mode::SignedIn => false,
        }
    }

    fn refused(&self, refused: Refusal, style: Style, call: &Call<'_>) -> Answer {
        desk::written(refused, style, call.path, self.now_ms())
    }
}

/// The path below `/nacos`. The console of 3.x has a port of its own without that prefix.
fn below(path: &str) -> Option<&str> {
    match path.strip_prefix("/nacos") {
        Some("") => Some("/"),
        Some(below) if below.starts_with('/') => Some(below),
        _ => Some(path).filter(|path| path.starts_with("/v3/console/")),
    }
}

/// The body, when it is a form; other bodies are the business of the calls that take them.
fn form_body<'a>(call: &Call<'a>) -> Option<&'a [u8]> {
    const FORM: &str = "application/x-www-form-urlencoded";
    if call.body.is_empty() {
        return None;
    }
    let kind = call.header("content-type")?.split(';').next()?.trim();
    kind.eq_ignore_ascii_case(FORM).then_some(call.body)
}
