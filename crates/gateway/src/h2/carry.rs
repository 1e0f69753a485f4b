//! An HTTP/2 request: what is decided before it goes to an instance.

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming as Frames;
use rialto_http1::{Fields, Refusal, Target, kinds};
use tokio::sync::oneshot;

use super::body::AnswerBody;
use super::job::Job;
use super::request::Read;
use crate::accesslog::Ending;
use crate::call::{Call, Incoming};
use crate::peer::Peer;
use crate::prepare::{Notes, Refused, prepare};
use crate::reply::{About, Reply};
use crate::worker::Worker;

/// Answers one request. What is left of it goes on in a task of its own.
pub(super) async fn carry(
    worker: Rc<Worker>,
    peer: Rc<Peer>,
    request: Request<Frames>,
) -> Response<AnswerBody> {
    let (parts, frames) = request.into_parts();
    let mut notes = Notes::default();
    let mut out = Vec::new();
    let refuse = |reply: Reply| Box::new(Refused::unread(&worker, reply));
    let prepared = match Read::new(&parts, &frames) {
        Ok(read) => begin(&worker, &peer, &parts, &read, &mut out, &mut notes),
        Err(refusal) => Err(refuse(Reply::new(400, "BR", refusal.to_string()))),
    };
    let call = match prepared {
        Ok(call) => call,
        Err(refused) => return refused_answer(&worker, &notes, &refused),
    };
    let (answer, answered) = oneshot::channel();
    drop(tokio::task::spawn_local(Job::new(worker, call, notes, out, frames).run(answer)));
    answered.await.unwrap_or_else(|_| {
        let mut response = Response::new(AnswerBody::Whole(None));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

fn begin(
    worker: &Rc<Worker>,
    peer: &Peer,
    parts: &http::request::Parts,
    read: &Read,
    out: &mut Vec<u8>,
    notes: &mut Notes,
) -> Result<Box<Call>, Box<Refused>> {
    let refuse = |refusal: Refusal| {
        let reply = Reply::new(refusal.status(), "BR", refusal.to_string());
        Box::new(Refused::unread(worker, reply))
    };
    let lines = read.lines(parts);
    let mut kinds = kinds();
    let fields = Fields::classify(&lines, &mut kinds).map_err(refuse)?;
    let target = Target::parse(&read.target).map_err(refuse)?;
    let incoming = Incoming {
        method: parts.method.as_str(),
        path: target.path,
        query: target.query,
        plain: target.plain,
        host: &read.host,
        minor: 2,
        fields: &fields,
        framing: read.framing,
        keep_alive: true,
        upgrade: None,
    };
    prepare(worker, peer, &incoming, out, notes)
}

fn refused_answer(worker: &Worker, notes: &Notes, refused: &Refused) -> Response<AnswerBody> {
    let Refused { reply, route, started, request_id, trace } = refused;
    let latency_us = worker.now().since(*started).0 / 1_000;
    if let Some(local) = route {
        let shard = local.route.meter.shard(worker.number);
        shard.begin();
        shard.finish(reply.class, latency_us);
    }
    worker.log(&notes.opening, || Ending {
        wall_ms: worker.shared.clock.wall_ms(worker.now()),
        status: reply.status,
        route: route.as_ref().map_or("-", |local| &local.route.spec.id),
        service: "",
        instance: "",
        tries: 0,
        bytes: 0,
        latency_us,
        request_id,
        trace_id: &trace.id,
        flag: reply.flag,
    });
    own_answer(worker, notes, reply, request_id)
}

/// An answer that no instance gave.
pub(super) fn own_answer(
    worker: &Worker,
    notes: &Notes,
    reply: &Reply,
    id: &[u8],
) -> Response<AnswerBody> {
    let wall_ms = worker.shared.clock.wall_ms(worker.now());
    let about = About { wall_ms, path: notes.path_text(), request_id: id };
    let body = (!notes.to_head).then(|| Bytes::from(reply.body(&about)));
    let mut response = Response::new(AnswerBody::Whole(body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    for (name, value) in reply.lines() {
        add(response.headers_mut(), name.as_bytes(), value.as_bytes());
    }
    add(response.headers_mut(), b"x-request-id", id);
    response
}

/// Adds a line; one that HTTP/2 cannot carry is left out.
pub(super) fn add(headers: &mut HeaderMap, name: &[u8], value: &[u8]) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        headers.append(name, value);
    }
}
