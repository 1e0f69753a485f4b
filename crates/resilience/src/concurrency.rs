//! A limit on calls under way, with a bounded queue before it.
//!
//! A caller that finds no room gets a [`Waiter`]: a future that is ready when it is its turn, woken
//! by whoever leaves. It knows no clock; when to stop waiting is [`Waiter::until`], and dropping it
//! leaves the queue.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::keyed::Idle;
use crate::limits::QUEUE_MAX;
use crate::{Blocked, Deadline, Nanos};

/// How many, and how long the others wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConcurrencySettings {
    /// Calls under way, at least 1.
    pub in_flight_max: u32,
    /// Calls waiting, at most [`QUEUE_MAX`]. 0 for no queue.
    pub queue_max: usize,
    /// Longest wait, in ms.
    pub wait_max_ms: u64,
    /// Who goes first.
    pub order: QueueOrder,
}

impl Default for ConcurrencySettings {
    fn default() -> Self {
        let order = QueueOrder::default();
        Self { in_flight_max: 1_024, queue_max: 0, wait_max_ms: 1_000, order }
    }
}

/// Who goes first when there is room again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueOrder {
    /// Who waited longest.
    #[default]
    Fifo,
    /// Who waited longest, but who came last while the queue is more than half full: under overload
    /// the oldest have mostly given up, and serving them only makes everybody late.
    LifoUnderOverload,
}

/// Limits calls under way. Clones share the limit.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit {
    core: Arc<Core>,
}

#[derive(Debug)]
struct Core {
    queue_max: usize,
    wait_max: Nanos,
    order: QueueOrder,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    in_flight_max: u32,
    in_flight: u32,
    next: u64,
    queue: VecDeque<u64>,
    waiting: HashMap<u64, Waiting>,
    /// Whose turn it is but who has not looked yet; they count as under way.
    granted: HashSet<u64>,
}

#[derive(Debug)]
struct Waiting {
    until: Nanos,
    waker: Option<Waker>,
}

/// What a caller gets at the door.
#[derive(Debug)]
pub enum Entry {
    /// Go.
    Admitted(Permit),
    /// Wait for your turn.
    Queued(Waiter),
}

impl ConcurrencyLimit {
    /// A limit with nobody under way.
    pub fn new(settings: &ConcurrencySettings) -> Self {
        let state = State {
            in_flight_max: settings.in_flight_max.max(1),
            in_flight: 0,
            next: 0,
            queue: VecDeque::new(),
            waiting: HashMap::new(),
            granted: HashSet::new(),
        };
        let core = Core {
            queue_max: settings.queue_max.min(QUEUE_MAX),
            wait_max: Nanos::from_millis(settings.wait_max_ms),
            order: settings.order,
            state: Mutex::new(state),
        };
        Self { core: Arc::new(core) }
    }

    /// Enters without waiting.
    ///
    /// # Errors
    /// [`Blocked::QueueFull`] when there is no room.
    pub fn try_acquire(&self) -> Result<Permit, Blocked> {
        let mut state = self.core.state.lock();
        if state.has_room() {
            state.in_flight += 1;
            return Ok(Permit { core: Arc::clone(&self.core) });
        }
        Err(self.full(&state))
    }

    /// Enters, or queues until the longest wait or the deadline is over.
    ///
    /// # Errors
    /// [`Blocked::QueueFull`], or [`Blocked::Deadline`] when the deadline has passed already.
    pub fn enter(&self, now: Nanos, deadline: Option<Deadline>) -> Result<Entry, Blocked> {
        if deadline.is_some_and(|deadline| deadline.passed(now)) {
            return Err(Blocked::Deadline);
        }
        let mut state = self.core.state.lock();
        if state.has_room() {
            state.in_flight += 1;
            return Ok(Entry::Admitted(Permit { core: Arc::clone(&self.core) }));
        }
        let mut late = Vec::new();
        if state.queue.len() >= self.core.queue_max && self.core.queue_max > 0 {
            late = state.turn_out_late(now);
        }
        if state.queue.len() >= self.core.queue_max {
            return Err(self.full(&state));
        }
        let patience = now.plus(self.core.wait_max);
        let until = deadline.map_or(patience, |deadline| deadline.at().min(patience));
        let id = state.next;
        state.next += 1;
        state.queue.push_back(id);
        state.waiting.insert(id, Waiting { until, waker: None });
        drop(state);
        late.into_iter().for_each(Waker::wake);
        let by_deadline = deadline.is_some_and(|deadline| deadline.at() <= patience);
        Ok(Entry::Queued(Waiter {
            core: Arc::clone(&self.core),
            id,
            until,
            by_deadline,
            done: false,
        }))
    }

    /// Changes the number of calls that may be under way, at least 1. Those under way stay.
    pub fn set_in_flight_max(&self, in_flight_max: u32) {
        let mut wakers = Vec::new();
        let mut state = self.core.state.lock();
        state.in_flight_max = in_flight_max.max(1);
        while state.in_flight < state.in_flight_max {
            let Some(waker) = state.grant(&self.core) else { break };
            state.in_flight += 1;
            wakers.extend(waker);
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Calls under way.
    pub fn in_flight(&self) -> u32 {
        self.core.state.lock().in_flight
    }

    /// Calls waiting.
    pub fn queued(&self) -> usize {
        self.core.state.lock().queue.len()
    }

    fn full(&self, state: &State) -> Blocked {
        Blocked::QueueFull {
            in_flight: state.in_flight,
            queued: u32::try_from(state.queue.len()).unwrap_or(u32::MAX),
            retry_after: self.core.wait_max,
        }
    }
}

impl Idle for ConcurrencyLimit {
    fn idle(&self, _now: Nanos) -> bool {
        let state = self.core.state.lock();
        state.in_flight == 0 && state.queue.is_empty()
    }
}

impl State {
    fn has_room(&self) -> bool {
        // With room, nobody waits: whoever leaves lets the next in.
        self.in_flight < self.in_flight_max
    }

    /// Removes from the queue who waited too long. They see it when they look.
    fn turn_out_late(&mut self, now: Nanos) -> Vec<Waker> {
        let waiting = &mut self.waiting;
        let mut wakers = Vec::new();
        self.queue.retain(|id| {
            let late = waiting.get(id).is_none_or(|waiting| waiting.until <= now);
            if late {
                wakers.extend(waiting.remove(id).and_then(|waiting| waiting.waker));
            }
            !late
        });
        wakers
    }

    /// Gives a place to the next in the queue. `None` when nobody waits.
    fn grant(&mut self, core: &Core) -> Option<Option<Waker>> {
        let newest =
            core.order == QueueOrder::LifoUnderOverload && self.queue.len() * 2 > core.queue_max;
        let id = if newest { self.queue.pop_back() } else { self.queue.pop_front() }?;
        let waiting = self.waiting.remove(&id).expect("who is in the queue is waiting");
        self.granted.insert(id);
        Some(waiting.waker)
    }
}

impl Core {
    /// Somebody leaves: the place goes to the next in the queue, if the limit was not lowered.
    fn leave(&self) {
        let mut state = self.state.lock();
        let next = if state.in_flight <= state.in_flight_max { state.grant(self) } else { None };
        match next {
            Some(waker) => {
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            None => state.in_flight -= 1,
        }
    }
}

/// A call under way. Dropping it makes room.
#[derive(Debug)]
#[must_use = "a dropped permit no longer counts"]
pub struct Permit {
    core: Arc<Core>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.core.leave();
    }
}

/// A place in the queue: a future that gives the permit when it is its turn. Poll it no longer than
/// [`Waiter::until`]. Dropping it leaves the queue, or passes the turn on.
#[derive(Debug)]
#[must_use = "a dropped waiter leaves the queue"]
pub struct Waiter {
    core: Arc<Core>,
    id: u64,
    until: Nanos,
    by_deadline: bool,
    done: bool,
}

impl Waiter {
    /// When to stop waiting.
    pub fn until(&self) -> Nanos {
        self.until
    }

    /// Stops waiting because [`Waiter::until`] has come: the reason to tell.
    pub fn give_up(self) -> Blocked {
        self.blocked()
    }

    fn blocked(&self) -> Blocked {
        match self.by_deadline {
            true => Blocked::Deadline,
            false => Blocked::QueueTimeout { retry_after: self.core.wait_max },
        }
    }
}

impl Future for Waiter {
    type Output = Result<Permit, Blocked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let core = Arc::clone(&self.core);
        let mut state = core.state.lock();
        if state.granted.remove(&self.id) {
            drop(state);
            self.done = true;
            return Poll::Ready(Ok(Permit { core }));
        }
        let Some(waiting) = state.waiting.get_mut(&self.id) else {
            drop(state);
            self.done = true;
            return Poll::Ready(Err(self.blocked()));
        };
        if waiting.waker.as_ref().is_some_and(|old| old.will_wake(context.waker())) {
            return Poll::Pending;
        }
        let old = waiting.waker.replace(context.waker().clone());
        // Dropping a waker may drop a task, and that another permit of ours: not under the lock.
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut state = self.core.state.lock();
        let waiting = state.waiting.remove(&self.id);
        if waiting.is_some() {
            state.queue.retain(|id| *id != self.id);
            drop(state);
        } else if state.granted.remove(&self.id) {
            drop(state);
            self.core.leave();
        }
    }
}
