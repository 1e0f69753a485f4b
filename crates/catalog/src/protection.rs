//! Self-preservation of one service: when too many of its leases run out at once, it is more likely
//! that they cannot be renewed than that all of their owners died, and expiry is held back.
//!
//! One lost instance always goes in time, and so does a small share of many. What is held goes when
//! its owner says so, when it is again a small share while nothing else moves, or at the latest
//! when the protection's time is over.

use std::sync::Arc;

use crate::policy::ExactPolicy;
use crate::time::{Millis, Timestamp};

/// Why and how long expiry is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectionState {
    /// What was seen, in words.
    pub reason: Arc<str>,
    /// When it began.
    pub since: Timestamp,
    /// When it ends at the latest.
    pub until: Timestamp,
}

/// What to do with a lease that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Expire,
    Hold,
    /// Hold, and say that protection began.
    BeginAndHold,
}

/// The memory of one service.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    window_from: Timestamp,
    /// Leases when the window began.
    window_leases: usize,
    /// Leases that ran out and went in the window.
    window_lost: usize,
    /// Leases that ran out and are kept.
    held: usize,
    /// When a lease was held or came back last.
    moved: Timestamp,
    protection: Option<ProtectionState>,
    /// Whether protection ended and nobody was told.
    ended: bool,
}

impl Guard {
    pub(crate) const fn protection(&self) -> Option<&ProtectionState> {
        self.protection.as_ref()
    }

    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    /// What was seen when protection began.
    pub(crate) fn reason(&self) -> Arc<str> {
        self.protection.as_ref().map_or_else(|| "".into(), |one| Arc::clone(&one.reason))
    }

    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.protection.as_ref().map(|protection| protection.until)
    }

    /// Whether protection has ended since this was asked last.
    pub(crate) const fn take_ended(&mut self) -> bool {
        std::mem::replace(&mut self.ended, false)
    }

    /// Judges a lease of length `ttl` that has just run out, one of `leases`.
    pub(crate) fn judge(
        &mut self,
        policy: &ExactPolicy,
        now: Timestamp,
        ttl: Millis,
        leases: usize,
    ) -> Verdict {
        if now.since(self.window_from) >= ttl || self.window_leases == 0 {
            self.window_from = now;
            self.window_leases = leases;
            self.window_lost = 0;
        }
        let all = self.window_leases.max(leases);
        let protects = policy.protection && all >= policy.leases_min;
        let begins = self.window_lost + 1 > allowed(policy, all);
        if !protects || (self.protection.is_none() && !begins) {
            self.window_lost += 1;
            return Verdict::Expire;
        }
        self.held += 1;
        self.moved = now;
        if self.protection.is_some() {
            return Verdict::Hold;
        }
        let reason = format!(
            "{} of {all} leases ran out within {} s, more than {}; instances are kept until they \
             renew or leave, at most {} s",
            self.window_lost + 1,
            ttl.0.div_ceil(1_000),
            allowed(policy, all),
            policy.protection_max.0.div_ceil(1_000),
        );
        let until = now.plus(policy.protection_max);
        self.protection = Some(ProtectionState { reason: reason.into(), since: now, until });
        Verdict::BeginAndHold
    }

    /// Whether a held lease that still is not renewed may go now. May end the protection.
    pub(crate) fn releases(
        &mut self,
        policy: &ExactPolicy,
        now: Timestamp,
        ttl: Millis,
        leases: usize,
    ) -> bool {
        let Some(protection) = &self.protection else { return true };
        let calm = now.since(self.moved) >= ttl && self.held <= allowed(policy, leases);
        let over = now >= protection.until || calm;
        if over {
            self.end();
        }
        over
    }

    /// A held lease was renewed or its instance left. Ends the protection with the last one.
    pub(crate) fn let_go(&mut self, now: Timestamp) {
        self.held -= 1;
        self.moved = now;
        if self.held == 0 && self.protection.is_some() {
            self.end();
        }
    }

    fn end(&mut self) {
        self.protection = None;
        self.window_leases = 0;
        self.ended = true;
    }
}

/// How many of `leases` may run out within one lease time.
fn allowed(policy: &ExactPolicy, leases: usize) -> usize {
    ((leases as f64 * policy.lost_ratio_max).ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Millis = Millis(30_000);

    #[track_caller]
    fn judged(leases: usize, lost: usize) -> Vec<Verdict> {
        let (policy, mut guard) = (ExactPolicy::default(), Guard::default());
        let mut left = leases;
        let mut judge = |_| {
            let verdict = guard.judge(&policy, Timestamp(1), TTL, left);
            left -= usize::from(verdict == Verdict::Expire);
            verdict
        };
        (0..lost).map(&mut judge).collect()
    }

    #[test]
    fn small_losses_go_in_time() {
        for (leases, lost) in [(1, 1), (2, 1), (2, 2), (4, 4), (5, 1), (10, 2), (100, 15)] {
            assert_eq!(judged(leases, lost), vec![Verdict::Expire; lost], "{lost} of {leases}");
        }
    }

    #[test]
    fn large_losses_are_held() {
        use Verdict::{BeginAndHold, Expire, Hold};
        assert_eq!(judged(5, 3), [Expire, BeginAndHold, Hold]);
        let verdicts = judged(100, 100);
        assert_eq!(verdicts.iter().filter(|one| **one == Expire).count(), 15);
    }

    #[test]
    fn losses_far_apart_do_not_add_up() {
        let (policy, mut guard) = (ExactPolicy::default(), Guard::default());
        for round in 0..5 {
            let now = Timestamp(round * TTL.0);
            let leases = 10 - round as usize;
            assert_eq!(guard.judge(&policy, now, TTL, leases), Verdict::Expire);
        }
    }
}
