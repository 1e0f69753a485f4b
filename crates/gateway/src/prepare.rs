//! From a request head to what goes to an instance: routing, who may pass, limits, the new head.
//!
//! Everything here is synchronous, so that a head can be read where it lies in the worker's buffer.

use std::rc::Rc;

use rialto_balance::crc32;
use rialto_http1::{Fields, Framing, Kind, Refusal, SlashPolicy, normalise, write};
use rialto_resilience::{Deadline, Nanos};

use crate::accesslog::{Lines, Opening};
use crate::auth::Identity;
use crate::call::{Call, Incoming, Parts};
use crate::local::LocalRoute;
use crate::peer::Peer;
use crate::protect::Admission;
use crate::reply::Reply;
use crate::table::edits::Variables;
use crate::table::plan::{HashOn, LimitKey};
use crate::table::{Sought, path};
use crate::trace::{RequestId, Trace, is_word, request_id};
use crate::worker::{PathRoom, Worker};

const CALLER_HEADER: &str = "x-rialto-caller";

/// What is remembered of a request in its connection's own memory, for its log line and for errors.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The beginning of its log line.
    pub(crate) opening: Vec<u8>,
    path: Vec<u8>,
    pub(crate) to_head: bool,
}

impl Notes {
    pub(crate) fn take(
        &mut self,
        worker: &Worker,
        peer: &Peer,
        method: &str,
        host: &str,
        path: &str,
    ) {
        if let Some(format) = worker.shared.log_format() {
            Lines::open(
                format,
                &Opening { client: &peer.text, method, path, host },
                &mut self.opening,
            );
        }
        self.path.clear();
        self.path.extend_from_slice(path.as_bytes());
        self.to_head = method == "HEAD";
    }

    pub(crate) fn path_text(&self) -> &str {
        std::str::from_utf8(&self.path).unwrap_or_default()
    }
}

/// Decides about a request and writes its new head to `out`, without the address of the instance
/// ([`Call::set_host`]).
pub(crate) fn prepare(
    worker: &Rc<Worker>,
    peer: &Peer,
    incoming: &Incoming<'_>,
    out: &mut Vec<u8>,
    notes: &mut Notes,
) -> Result<Box<Call>, Box<Refused>> {
    let started = worker.now();
    notes.take(worker, peer, incoming.method, incoming.host, incoming.path);
    let mut random = worker.random.borrow_mut();
    let trace = Trace::of(incoming.fields, &mut *random);
    let request_id = request_id(incoming.fields, peer.trusted, &trace);
    let refuse = |reply: Reply, route: Option<Rc<LocalRoute>>| {
        Box::new(Refused { reply, route, started, request_id: request_id.clone(), trace })
    };
    let mut room = worker.path.borrow_mut();
    let PathRoom { path, new, spare } = &mut *room;
    let path_text = match read_path(worker, incoming, path) {
        Ok(text) => text,
        Err(reply) => return Err(refuse(reply, None)),
    };
    let sought = Sought {
        path: path_text,
        host: without_port(incoming.host),
        method: incoming.method,
        fields: incoming.fields,
    };
    let Some(local) = worker.find(&sought, &mut random) else {
        return Err(refuse(Reply::new(404, "NR", "no route leads there"), None));
    };
    let extras = Extras::of(incoming.fields);
    let admitted = match admit(worker, &local, incoming, peer, &extras, started) {
        Ok(admitted) => admitted,
        Err(reply) => return Err(refuse(reply, Some(local))),
    };
    let Admitted { identity, times, admission } = admitted;
    let parts = Parts {
        started,
        deadline_ms: times.deadline.at().as_millis(),
        hash: hash(&local, incoming, peer, path_text),
        admission,
        trace,
        request_id: RequestId::from_slice(&request_id),
        caller: local.caller(extras.caller),
        response_timeout_ms: (!times.bounded).then_some(times.own_ms),
        local: Rc::clone(&local),
    };
    let mut call = Call::new(worker, incoming, parts);
    let variables = Variables { patterns: &local.route.plan.patterns, path: path_text };
    let mut head = Head { call: &mut call, incoming, peer, out, variables };
    head.begin(new, spare);
    head.fields(&extras, identity.as_deref());
    head.forwarding();
    if times.tells {
        head.deadline(times.deadline.remaining(started));
    }
    head.end();
    Ok(call)
}

/// What a request was granted.
struct Admitted {
    identity: Option<Rc<Identity>>,
    times: Times,
    admission: Admission,
}

/// Asks everybody who may refuse.
fn admit(
    worker: &Worker,
    local: &LocalRoute,
    incoming: &Incoming<'_>,
    peer: &Peer,
    extras: &Extras<'_>,
    started: Nanos,
) -> Result<Admitted, Reply> {
    let identity = authenticate(worker, local, incoming, started)?;
    let own = local.route.spec.body_max_bytes;
    let body_max_bytes = own.unwrap_or(worker.shared.limits.body_max_bytes);
    if matches!(incoming.framing, Framing::Length(bytes) if bytes > body_max_bytes) {
        let message = format!("the body is larger than {body_max_bytes} bytes");
        return Err(Reply::new(413, "SZ", message));
    }
    let now = started;
    let times = Times::of(worker, local, incoming.fields, extras, now);
    let key = || limit_key(local, incoming.fields, peer, identity.as_deref());
    let guard = &local.route.guard;
    match guard.admit(now, key, times.deadline) {
        Ok(admission) => Ok(Admitted { identity, times, admission }),
        Err(blocked) => {
            let (telemetry, id) = (&worker.shared.telemetry, &local.route.spec.id);
            guard.tell_refusal(telemetry, id, &blocked, now.as_millis());
            Err(guard.reply(&blocked))
        }
    }
}

/// Fields that mean something to the gateway alone, found in one pass.
#[derive(Default)]
struct Extras<'a> {
    caller: Option<&'a [u8]>,
    /// The client has set a time in one of the ways that are understood.
    timed: bool,
}

impl<'a> Extras<'a> {
    fn of(fields: &Fields<'a, 'a>) -> Self {
        let mut extras = Self::default();
        let timers = [Deadline::HTTP_HEADER, Deadline::GRPC_HEADER, Deadline::ENVOY_HEADER];
        for (line, _) in fields.iter().filter(|(_, kind)| *kind == Kind::Ordinary) {
            let is = |name: &str| line.name.eq_ignore_ascii_case(name);
            if timers.iter().any(|timer| is(timer)) {
                extras.timed = true;
            } else if is(CALLER_HEADER) && is_word(line.value) {
                extras.caller = Some(line.value);
            }
        }
        extras
    }
}

/// A request that goes nowhere.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) reply: Reply,
    pub(crate) route: Option<Rc<LocalRoute>>,
    pub(crate) started: Nanos,
    pub(crate) request_id: RequestId,
    pub(crate) trace: Trace,
}

impl Refused {
    /// Of something of which not even the head could be read.
    pub(crate) fn unread(worker: &Worker, reply: Reply) -> Self {
        let fields = Fields::empty();
        let trace = Trace::of(&fields, &mut *worker.random.borrow_mut());
        let request_id = request_id(&fields, false, &trace);
        Self { reply, route: None, started: worker.now(), request_id, trace }
    }
}

/// The one reading of the path, in `room` when it is not the received one.
fn read_path<'a>(
    worker: &Worker,
    incoming: &Incoming<'a>,
    room: &'a mut Vec<u8>,
) -> Result<&'a str, Reply> {
    let refuse = |refusal: Refusal| Reply::new(refusal.status(), "BR", refusal.to_string());
    if incoming.method == "CONNECT" {
        return Err(Reply::new(405, "BR", "CONNECT is not served here"));
    }
    if !incoming.path.starts_with('/') {
        return Err(refuse(Refusal::Target));
    }
    if incoming.plain {
        return Ok(incoming.path);
    }
    room.clear();
    let keep = worker.shared.encoded_slashes;
    let policy = if keep { SlashPolicy::Keep } else { SlashPolicy::Reject };
    normalise(incoming.path, policy, room).map_err(refuse)?;
    std::str::from_utf8(room).map_err(|_| refuse(Refusal::Target))
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host.ends_with(']') => &host[..at],
        _ => host,
    }
}

fn authenticate(
    worker: &Worker,
    local: &LocalRoute,
    incoming: &Incoming<'_>,
    now: Nanos,
) -> Result<Option<Rc<Identity>>, Reply> {
    let Some(auth) = &local.route.plan.auth else { return Ok(None) };
    let now_s = worker.shared.clock.wall_ms(now) / 1_000;
    match auth.check(incoming.fields, now_s, &mut worker.tokens.borrow_mut()) {
        Ok(identity) => Ok(Some(identity)),
        Err(denied) => {
            let challenge = Some(auth.challenge());
            Err(Reply { challenge, ..Reply::new(401, "UA", denied.0) })
        }
    }
}

/// How long a request may take.
struct Times {
    deadline: Deadline,
    /// The route's own time for an answer.
    own_ms: u64,
    /// The client has set the deadline.
    bounded: bool,
    /// The instance is told of it: when the client or the route has set one.
    tells: bool,
}

impl Times {
    fn of(
        worker: &Worker,
        local: &LocalRoute,
        fields: &Fields<'_, '_>,
        extras: &Extras<'_>,
        now: Nanos,
    ) -> Self {
        let given_ms = local.route.spec.response_timeout_ms;
        let own_ms = given_ms.unwrap_or(worker.shared.limits.response_timeout_ms);
        let ours = Deadline::after(now, Nanos::from_millis(own_ms));
        let header = |name| fields.get(name).and_then(|value| std::str::from_utf8(value).ok());
        let theirs = if extras.timed { Deadline::from_headers(now, header) } else { None };
        Self {
            deadline: theirs.map_or(ours, |theirs| ours.min(theirs)),
            own_ms,
            bounded: theirs.is_some(),
            tells: theirs.is_some() || given_ms.is_some(),
        }
    }
}

fn limit_key(
    local: &LocalRoute,
    fields: &Fields<'_, '_>,
    peer: &Peer,
    identity: Option<&Identity>,
) -> Vec<u8> {
    match &local.route.plan.limit_key {
        LimitKey::Route => Vec::new(),
        LimitKey::Ip => peer.text.as_bytes().to_vec(),
        LimitKey::Header(name) => fields.get(name).unwrap_or_default().to_vec(),
        LimitKey::Principal => {
            identity.map(|identity| identity.principal.as_bytes().to_vec()).unwrap_or_default()
        }
    }
}

fn hash(local: &LocalRoute, incoming: &Incoming<'_>, peer: &Peer, path: &str) -> Option<u32> {
    match local.route.plan.hash_on.as_ref()? {
        HashOn::Ip => Some(crc32(peer.text.as_bytes())),
        HashOn::Path => Some(crc32(path.as_bytes())),
        HashOn::Header(name) => incoming.fields.get(name).map(crc32),
        HashOn::Cookie(name) => cookie(incoming.fields, name).map(crc32),
    }
}

fn cookie<'a>(fields: &Fields<'_, 'a>, name: &str) -> Option<&'a [u8]> {
    let lines = fields.iter().filter(|(line, _)| line.name.eq_ignore_ascii_case("cookie"));
    let pairs = lines.flat_map(|(line, _)| line.value.split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
        let value = pair.strip_prefix(name.as_bytes())?;
        value.strip_prefix(b"=")
    })
}

/// The head for the instance while it is written.
struct Head<'a, 'b> {
    call: &'a mut Call,
    incoming: &'a Incoming<'b>,
    peer: &'a Peer,
    out: &'a mut Vec<u8>,
    variables: Variables<'a>,
}

impl Head<'_, '_> {
    /// Request line and Host.
    fn begin(&mut self, new: &mut Vec<u8>, spare: &mut Vec<u8>) {
        let plan = &self.call.local.route.plan;
        let incoming = self.incoming;
        self.out.clear();
        let query = incoming.query.map(str::as_bytes);
        let received = self.variables.path.as_bytes();
        if plan.path_edits.is_empty() {
            write::request_line(self.out, incoming.method.as_bytes(), received, query);
        } else {
            new.clear();
            new.extend_from_slice(received);
            path::apply(&plan.path_edits, &self.variables, new, spare);
            write::request_line(self.out, incoming.method.as_bytes(), new, query);
            if let Some(prefix) = received.strip_suffix(new.as_slice())
                && !prefix.is_empty()
            {
                write::field(self.out, b"x-forwarded-prefix", prefix);
            }
        }
        self.out.extend_from_slice(b"host: ");
        let begin = self.out.len();
        self.call.fixed_host = plan.preserve_host && !incoming.host.is_empty();
        if self.call.fixed_host {
            self.out.extend_from_slice(incoming.host.as_bytes());
        }
        self.call.host_at = begin..self.out.len();
        self.out.extend_from_slice(b"\r\n");
    }

    /// The client's lines that pass, and those that filters add.
    fn fields(&mut self, extras: &Extras<'_>, identity: Option<&Identity>) {
        let plan = &self.call.local.route.plan;
        let edits = &plan.request;
        let selective = extras.timed || edits.drops_any() || plan.auth.is_some();
        let stays = |name: &str| {
            let time = extras.timed && name.eq_ignore_ascii_case(Deadline::HTTP_HEADER);
            let hidden = plan.auth.as_ref().is_some_and(|auth| auth.hides(name));
            time || hidden || edits.drops(name)
        };
        self.incoming.fields.write(self.out, |line, kind| {
            matches!(kind, Kind::Ordinary | Kind::Authorization) && !(selective && stays(line.name))
        });
        if let Some(identity) = identity {
            self.out.extend_from_slice(&identity.lines);
        }
        edits.write(self.out, &self.variables);
    }

    /// How much time is left.
    fn deadline(&mut self, left: Nanos) {
        self.out.extend_from_slice(Deadline::HTTP_HEADER.as_bytes());
        self.out.extend_from_slice(b": ");
        write::decimal(self.out, left.as_millis());
        self.out.extend_from_slice(b"\r\n");
    }

    /// Who asked, for whom, and in which trace.
    fn forwarding(&mut self) {
        let out = &mut *self.out;
        let mut host = self.incoming.host.as_bytes();
        if self.peer.trusted {
            host = self.peer.append(self.incoming.fields, out).unwrap_or(host);
        } else {
            out.extend_from_slice(&self.peer.lines);
        }
        out.extend_from_slice(b"x-forwarded-host: ");
        out.extend_from_slice(host);
        out.extend_from_slice(b"\r\nx-request-id: ");
        out.extend_from_slice(&self.call.request_id);
        out.extend_from_slice(b"\r\n");
        self.call.trace.write(out);
    }

    /// Framing, generated from what was understood.
    fn end(&mut self) {
        match self.incoming.framing {
            Framing::Length(bytes) => write::content_length(self.out, bytes),
            Framing::Chunked => write::transfer_chunked(self.out),
            Framing::None | Framing::UntilClose => {}
        }
        if let Some(protocol) = self.incoming.upgrade {
            self.out.extend_from_slice(b"connection: upgrade\r\n");
            write::field(self.out, b"upgrade", protocol);
        }
        write::end(self.out);
    }
}
