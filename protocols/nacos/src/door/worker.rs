//! What one thread of the door serves: HTTP on the main port, gRPC on both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rialto_door::http::{Answer, Call, Handler, Origin, Reply, Stream, Work};

use super::Parts;
use super::http::{Desk, Session as Http};

/// The main address, in the order in which the door was opened.
const MAIN: usize = 0;

/// The connections of one thread.
pub(super) struct Worker {
    desk: Desk,
    parts: Parts,
    /// What a stop has to wait for: calls over gRPC, and connections that have not been told.
    busy: Arc<AtomicUsize>,
}

/// What is kept for a connection that speaks HTTP/1.1.
pub(super) struct Session {
    http: Http,
    is_main: bool,
}

impl Worker {
    pub(super) fn new(desk: Desk, parts: Parts) -> Self {
        Worker { desk, parts, busy: Arc::default() }
    }
}

impl Handler for Worker {
    const HTTP2: bool = true;

    type Session = Session;

    fn session(&self, origin: Origin) -> Session {
        Session { http: Http::default(), is_main: origin.listener == MAIN }
    }

    fn answer(&self, session: &mut Session, call: &Call<'_>) -> Reply {
        if !session.is_main {
            // Whoever opens this port to others means to open gRPC alone.
            let sentence = "This port speaks gRPC; HTTP is served 1000 below.";
            return Answer::text(400, "text/plain", sentence).into();
        }
        self.desk.answer(&mut session.http, call)
    }

    fn prepare(&self, session: &mut Session) -> impl Future<Output = ()> + Send {
        session.http.prepare()
    }

    fn http2(&self, stream: Stream, origin: Origin) -> Work<()> {
        Box::pin(super::grpc::serve(self.parts.clone(), Arc::clone(&self.busy), stream, origin))
    }

    fn busy(&self) -> usize {
        self.busy.load(Relaxed)
    }

    fn now_ms(&self) -> u64 {
        self.parts.connections.now_ms()
    }
}
