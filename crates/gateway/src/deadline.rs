//! Deadlines of many connections at the cost of a store each.
//!
//! A timer for each request would cost more than the request's own work. Here setting a deadline
//! writes one number; one task looks at all of them when the earliest known one is due, at least
//! once a second.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;

/// Longest time between two looks, in milliseconds.
const LOOK_MAX_MS: u64 = 1_000;
/// Shortest time between two looks, in milliseconds: how exact a deadline is.
const LOOK_MIN_MS: u64 = 5;
const NEVER_MS: u64 = u64::MAX;

/// All deadlines of one worker.
#[derive(Debug)]
pub(crate) struct Deadlines {
    slots: RefCell<Vec<Rc<State>>>,
    next_ms: Cell<u64>,
    earlier: Notify,
    clock: Clock,
}

/// The deadline of one connection. Times are milliseconds of the worker's clock.
#[derive(Debug)]
pub(crate) struct Slot {
    state: Rc<State>,
    all: Rc<Deadlines>,
}

#[derive(Debug)]
struct State {
    at_ms: Cell<u64>,
    expired: Cell<bool>,
    idle: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Deadlines {
    pub(crate) fn new(clock: Clock) -> Rc<Self> {
        Rc::new(Self {
            slots: RefCell::default(),
            next_ms: Cell::new(NEVER_MS),
            earlier: Notify::new(),
            clock,
        })
    }

    pub(crate) fn slot(self: &Rc<Self>) -> Slot {
        let state = Rc::new(State {
            at_ms: Cell::new(NEVER_MS),
            expired: Cell::new(false),
            idle: Cell::new(false),
            waker: RefCell::default(),
        });
        self.slots.borrow_mut().push(Rc::clone(&state));
        Slot { state, all: Rc::clone(self) }
    }

    /// Wakes those whose time has come, for as long as the worker lives.
    pub(crate) async fn run(&self) {
        loop {
            let now_ms = self.clock.now_ms();
            let next_ms = self.look(now_ms).clamp(now_ms + LOOK_MIN_MS, now_ms + LOOK_MAX_MS);
            self.next_ms.set(next_ms);
            let pause = tokio::time::sleep(Duration::from_millis(next_ms - now_ms));
            tokio::select! {
                () = pause => {}
                () = self.earlier.notified() => {
                    tokio::time::sleep(Duration::from_millis(LOOK_MIN_MS)).await;
                }
            }
        }
    }

    /// Ends every connection that has no request under way.
    pub(crate) fn expire_idle(&self) {
        for state in self.slots.borrow().iter().filter(|state| state.idle.get()) {
            state.expire();
        }
    }

    /// Returns the earliest deadline left.
    fn look(&self, now_ms: u64) -> u64 {
        let mut earliest_ms = NEVER_MS;
        self.slots.borrow_mut().retain(|state| {
            if Rc::strong_count(state) == 1 {
                return false;
            }
            let at_ms = state.at_ms.get();
            if at_ms <= now_ms {
                state.expire();
            } else {
                earliest_ms = earliest_ms.min(at_ms);
            }
            true
        });
        earliest_ms
    }
}

impl State {
    fn expire(&self) {
        self.at_ms.set(NEVER_MS);
        self.expired.set(true);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl Slot {
    /// Sets the time at which [`Slot::expired`] becomes true and the task is woken.
    pub(crate) fn set(&self, at_ms: u64) {
        self.state.expired.set(false);
        self.state.at_ms.set(at_ms);
        if at_ms < self.all.next_ms.get() {
            self.all.next_ms.set(at_ms);
            self.all.earlier.notify_one();
        }
    }

    /// Makes an earlier deadline of the present one, or leaves it.
    pub(crate) fn set_earlier(&self, at_ms: u64) {
        if at_ms < self.state.at_ms.get() {
            self.set(at_ms);
        }
    }

    pub(crate) fn expired(&self) -> bool {
        self.state.expired.get()
    }

    /// Says whether the connection waits for a request.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.state.idle.set(idle);
    }

    /// Says which task to wake. A task keeps its waker, so once is enough.
    pub(crate) fn register(&self, context: &Context<'_>) {
        *self.state.waker.borrow_mut() = Some(context.waker().clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_find_what_is_due() {
        let all = Deadlines::new(Clock::start());
        let (soon, later, gone) = (all.slot(), all.slot(), all.slot());
        soon.set(10);
        later.set(20);
        gone.set(5);
        drop(gone);
        assert_eq!(all.look(10), 20);
        assert!(soon.expired() && !later.expired());
        assert_eq!(all.slots.borrow().len(), 2, "the place of the gone one is free");
        soon.set(30);
        assert!(!soon.expired());
        soon.set_earlier(40);
        assert_eq!(all.look(19), 20);
        later.set_idle(true);
        all.expire_idle();
        assert!(later.expired() && !soon.expired());
    }
}
