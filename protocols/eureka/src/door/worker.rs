//! What one thread of the door keeps: its gate, and the names that its clients use.

use std::sync::Arc;

use parking_lot::Mutex;
use rialto_door::http::{Call as Received, Handler, Origin, Reply};
use rialto_security::Security;

use super::call::Call;
use super::desk::{Desk, Keys};
use super::gate::{Admission, Gate};

/// What the connections of one thread share.
pub(super) struct Worker {
    desk: Arc<Desk>,
    /// None when everybody may call.
    security: Option<Security>,
    keys: Mutex<Keys>,
}

impl Worker {
    pub(super) fn new(desk: Arc<Desk>, security: Option<Security>) -> Self {
        Worker { desk, security, keys: Mutex::default() }
    }
}

impl Handler for Worker {
    type Session = Gate;

    fn session(&self, origin: Origin) -> Gate {
        Gate::new(self.security.clone(), origin.peer.ip())
    }

    fn answer(&self, gate: &mut Gate, received: &Received<'_>) -> Reply {
        let call = Call::new(received);
        match gate.admit(&call, self.now_ms()) {
            Admission::Allowed => self.desk.answer(&call, &mut self.keys.lock()),
            Admission::Refused(answer) => Reply::Now(answer),
            Admission::Check => Reply::Again,
        }
    }

    fn prepare(&self, gate: &mut Gate) -> impl Future<Output = ()> + Send {
        gate.check()
    }

    fn now_ms(&self) -> u64 {
        self.desk.now_ms()
    }
}
