//! What goes to clients unasked: the words between those who push and the transport that carries
//! it.

use bytes::Bytes;
use std::sync::Arc;

/// A gRPC connection, by a number that no other one of this process has or had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One push to one connection.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// The payload's type, e.g. `NotifySubscriberRequest`.
    pub kind: &'static str,
    /// The body's JSON after `{"headers":{},"requestId":"N",`, to its closing brace; one copy for
    /// all receivers.
    pub shared: Bytes,
    /// How long an acknowledgement is waited for.
    pub ack_timeout_ms: u64,
    /// Given back with the outcome; means nothing to the transport.
    pub token: u64,
    /// Who hears of the outcome.
    pub outcome: Arc<dyn PushOutcome>,
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The client has it.
    Acked,
    /// The client says that it failed.
    Refused,
    /// No acknowledgement in time, or there was no room to send it.
    TimedOut,
    /// The connection is no more.
    Gone,
}

/// Sends pushes; implemented by the registry of connections.
pub trait Push: Send + Sync + 'static {
    /// Sends without waiting. The outcome is told exactly once, never from inside this call.
    fn push(&self, connection: ConnectionId, push: PushRequest);

    /// Ends a connection whose client takes nothing.
    fn cut(&self, connection: ConnectionId) {
        _ = connection;
    }
}

/// Hears what became of pushes.
pub trait PushOutcome: Send + Sync + std::fmt::Debug + 'static {
    /// Called by the transport; must be quick.
    fn done(&self, connection: ConnectionId, token: u64, outcome: Outcome);
}
