//! HTTP/2 by hyper, behind the same routing, limits, instances, logs and metrics.

mod body;
mod carry;
mod io;
mod job;
mod request;
mod upload;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming as Frames;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::limits::{
    H2_CONNECTION_WINDOW_BYTES, H2_IDLE_LOOK_MS, H2_PING_MS, H2_RESETS_MAX, H2_STREAM_WINDOW_BYTES,
    H2_STREAMS_MAX,
};
use crate::peer::Peer;
use crate::worker::Worker;
use io::Begun;

/// Runs hyper's tasks in the worker's own thread.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, work: F) {
        drop(tokio::task::spawn_local(work));
    }
}

/// Counts a stream for as long as it lives.
struct Counted(Rc<Cell<usize>>);

impl Counted {
    fn new(streams: &Rc<Cell<usize>>) -> Self {
        streams.set(streams.get() + 1);
        Self(Rc::clone(streams))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Serves a connection that began with the HTTP/2 preface, which is in `begun`.
pub(crate) async fn serve(worker: Rc<Worker>, io: TcpStream, peer: Rc<Peer>, begun: Vec<u8>) {
    let streams = Rc::new(Cell::new(0));
    let (counts, serving) = (Rc::clone(&streams), Rc::clone(&worker));
    let service = service_fn(move |request: Request<Frames>| {
        let counted = Counted::new(&counts);
        let (worker, peer) = (Rc::clone(&serving), Rc::clone(&peer));
        async move {
            let response = carry::carry(worker, peer, request).await;
            drop(counted);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = Builder::new(Local)
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
        .max_header_list_size(
            u32::try_from(rialto_http1::limits::HEAD_MAX_BYTES).unwrap_or(u32::MAX),
        )
        .max_pending_accept_reset_streams(H2_RESETS_MAX)
        .keep_alive_interval(Duration::from_millis(H2_PING_MS))
        .keep_alive_timeout(Duration::from_millis(H2_PING_MS))
        .serve_connection(TokioIo::new(Begun::new(io, begun)), service);
    let mut connection = std::pin::pin!(connection);
    let mut looks = tokio::time::interval(Duration::from_millis(H2_IDLE_LOOK_MS));
    let mut busy_ms = worker.now_ms();
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "an HTTP/2 connection ended badly");
                }
                return;
            }
            () = worker.drain_begun(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = looks.tick() => {
                let now_ms = worker.now_ms();
                if streams.get() > 0 {
                    busy_ms = now_ms;
                } else if now_ms.saturating_sub(busy_ms) > worker.shared.limits.idle_timeout_ms {
                    if stopping {
                        return;
                    }
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
