//! Pushes that are repeated until they are acknowledged, one after the other for each target of a
//! connection. A client that never acknowledges is cut; others do not notice.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::inbox::Inbox;
use crate::limits::{
    CONFIG_ACK_MS, CONFIG_PUSH_TRIES_MAX, CONFIG_RETRY_STEP_MS, CONFIG_WAITING_PUSHES_MAX,
};
use crate::naming::{ConnectionId, Outcome, Push, PushOutcome, PushRequest};

/// Messages for targets `T` of connections.
pub(super) struct Outbox<T> {
    push: Arc<dyn Push>,
    inbox: Arc<Inbox>,
    state: Mutex<State<T>>,
}

/// One push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The payload's type.
    pub(super) kind: &'static str,
    /// The body, as in [`PushRequest::shared`].
    pub(super) body: Bytes,
}

#[derive(Debug)]
struct State<T> {
    next_token: u64,
    targets: HashMap<ConnectionId, BTreeMap<T, Target>>,
    tokens: HashMap<u64, (ConnectionId, T)>,
    retries: BTreeSet<(Instant, u64)>,
}

#[derive(Debug)]
struct Target {
    token: u64,
    /// What is under way, or will be tried again.
    current: Message,
    tries: u32,
    waiting: VecDeque<Message>,
}

type Sending = Option<(u64, Message)>;

impl<T: Ord + Clone + Send + fmt::Debug + 'static> Outbox<T> {
    pub(super) fn new(push: Arc<dyn Push>, inbox: Arc<Inbox>) -> Self {
        let state = State {
            next_token: 0,
            targets: HashMap::new(),
            tokens: HashMap::new(),
            retries: BTreeSet::new(),
        };
        Self { push, inbox, state: Mutex::new(state) }
    }

    /// Changes what waits for a target, and sends the first of it if nothing is under way.
    pub(super) fn put(
        self: &Arc<Self>,
        connection: ConnectionId,
        target: &T,
        edit: impl FnOnce(&mut VecDeque<Message>),
    ) {
        let put = self.state.lock().put(connection, target, edit);
        match put {
            Ok(Some((token, message))) => self.send(connection, token, message),
            Ok(None) => {}
            Err(Full) => self.push.cut(connection),
        }
    }

    /// Sends again what was not acknowledged, and what follows on an acknowledgement.
    pub(super) fn retry(self: &Arc<Self>) {
        let now = Instant::now();
        loop {
            let due = self.state.lock().due(now);
            let Some((connection, token, message)) = due else { return };
            self.send(connection, token, message);
        }
    }

    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.state.lock().retries.first().map(|(at, _)| *at)
    }

    /// Forgets what one target still is to get.
    pub(super) fn forget(&self, connection: ConnectionId, target: &T) {
        self.state.lock().forget(connection, target);
    }

    /// Forgets all of a connection.
    pub(super) fn end(&self, connection: ConnectionId) {
        self.state.lock().end(connection);
    }

    fn send(self: &Arc<Self>, connection: ConnectionId, token: u64, message: Message) {
        let outcome = Arc::clone(self) as Arc<dyn PushOutcome>;
        let (kind, shared, ack_timeout_ms) = (message.kind, message.body, CONFIG_ACK_MS);
        let push = PushRequest { kind, shared, ack_timeout_ms, token, outcome };
        self.push.push(connection, push);
    }
}

impl<T: Ord + Clone + Send + fmt::Debug + 'static> PushOutcome for Outbox<T> {
    fn done(&self, connection: ConnectionId, token: u64, outcome: Outcome) {
        let next = self.state.lock().done(token, outcome);
        match next {
            Next::Nothing => {}
            // Never sent from here: the transport may hold a lock of its own.
            Next::Later => self.inbox.wake(),
            Next::Cut => self.push.cut(connection),
        }
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

enum Next {
    Nothing,
    Later,
    Cut,
}

/// Too much waits for a client that takes nothing.
struct Full;

impl<T: Ord + Clone> State<T> {
    fn put(
        &mut self,
        connection: ConnectionId,
        target: &T,
        edit: impl FnOnce(&mut VecDeque<Message>),
    ) -> Result<Sending, Full> {
        let held = self.targets.get_mut(&connection).and_then(|all| all.get_mut(target));
        if let Some(held) = held {
            edit(&mut held.waiting);
            if held.waiting.len() > CONFIG_WAITING_PUSHES_MAX {
                self.end(connection);
                return Err(Full);
            }
            return Ok(None);
        }
        let mut waiting = VecDeque::new();
        edit(&mut waiting);
        let Some(current) = waiting.pop_front() else { return Ok(None) };
        let token = self.next_token;
        self.next_token += 1;
        let sending = Some((token, current.clone()));
        self.tokens.insert(token, (connection, target.clone()));
        let held = Target { token, current, tries: 1, waiting };
        self.targets.entry(connection).or_default().insert(target.clone(), held);
        Ok(sending)
    }

    fn done(&mut self, token: u64, outcome: Outcome) -> Next {
        let Some((connection, target)) = self.tokens.get(&token).cloned() else {
            return Next::Nothing;
        };
        let held = self.targets.get_mut(&connection).and_then(|all| all.get_mut(&target));
        let Some(held) = held else { return Next::Nothing };
        let wait_ms = match outcome {
            Outcome::Gone => {
                self.forget(connection, &target);
                return Next::Nothing;
            }
            Outcome::Acked => {
                let Some(next) = held.waiting.pop_front() else {
                    self.forget(connection, &target);
                    return Next::Nothing;
                };
                held.current = next;
                held.tries = 0;
                0
            }
            Outcome::Refused | Outcome::TimedOut => {
                if held.tries >= CONFIG_PUSH_TRIES_MAX {
                    self.end(connection);
                    return Next::Cut;
                }
                u64::from(held.tries) * CONFIG_RETRY_STEP_MS
            }
        };
        self.retries.insert((Instant::now() + Duration::from_millis(wait_ms), token));
        Next::Later
    }

    fn due(&mut self, now: Instant) -> Option<(ConnectionId, u64, Message)> {
        loop {
            let (at, token) = *self.retries.first()?;
            if at > now {
                return None;
            }
            self.retries.pop_first();
            // Its connection may have ended meanwhile.
            let Some((connection, target)) = self.tokens.get(&token) else { continue };
            let held = self.targets.get_mut(connection).and_then(|all| all.get_mut(target));
            if let Some(held) = held {
                held.tries += 1;
                return Some((*connection, token, held.current.clone()));
            }
        }
    }

    fn forget(&mut self, connection: ConnectionId, target: &T) {
        let Some(all) = self.targets.get_mut(&connection) else { return };
        if let Some(held) = all.remove(target) {
            self.tokens.remove(&held.token);
        }
        if all.is_empty() {
            self.targets.remove(&connection);
        }
    }

    fn end(&mut self, connection: ConnectionId) {
        for held in self.targets.remove(&connection).into_iter().flatten() {
            self.tokens.remove(&held.1.token);
        }
    }
}

#[cfg(test)]
mod tests;
