//! How the passing of time changes the state: only leases that come up in the wheel are looked at.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::State;
use crate::event::Change;
use crate::instance::Instance;
use crate::limits::TICK_LEASES_MAX;
use crate::netflix::OVERDUE_LIST;
use crate::protection::Verdict;
use crate::time::{Millis, Timestamp};

/// How soon a held lease is looked at again, at least and at most.
const HELD_RECHECK_MIN: Millis = Millis(500);
const HELD_RECHECK_MAX: Millis = Millis(30_000);

impl State {
    /// Lets time pass: leases that ran out end, unless self-preservation holds them. Looks at no
    /// more than [`TICK_LEASES_MAX`] leases and says whether some are left; call it again then.
    pub fn tick(&mut self, now: Timestamp) -> bool {
        self.now = self.now.max(now);
        self.notice_pause();
        for _ in 0..TICK_LEASES_MAX {
            let Some(instance) = self.wheel.pop(self.now) else {
                self.evict();
                return false;
            };
            self.come_up(instance);
        }
        true
    }

    /// Lets a new lease wait for its end.
    pub(super) fn schedule(&mut self, instance: &Arc<Instance>) {
        if let Some(due) = self.due_of(instance) {
            self.wheel.insert(self.now, due, Arc::clone(instance));
        }
    }

    pub(super) fn unschedule(&mut self, instance: &Instance) {
        if instance.lease().list.load(Ordering::Relaxed) == OVERDUE_LIST {
            if let Some(netflix) = &mut self.netflix {
                netflix.remove_overdue(instance);
            }
        } else {
            self.wheel.remove(instance);
        }
    }

    /// A held instance is no longer held: it was renewed, replaced or left.
    pub(super) fn let_go(&mut self, number: u32, instance: &Instance) {
        if instance.lease().held.swap(false, Ordering::Relaxed) {
            self.directory.get_mut(number).guard.let_go(self.now);
        }
    }

    /// Puts the end of a protection on record, if one just ended.
    pub(super) fn end_protection(&mut self, number: u32) {
        let service = self.directory.get_mut(number);
        if service.guard.take_ended() {
            let service = service.key.clone();
            self.record_service(number, Change::ProtectionEnded { service });
        }
    }

    fn notice_pause(&mut self) {
        let ticked = self.ticked.replace(self.now);
        if let (Some(ticked), Some(limit)) = (ticked, self.policy.pause)
            && self.now.since(ticked) > limit
        {
            self.pause = (self.now, self.now.since(ticked));
        }
    }

    /// A lease has come up: it was renewed meanwhile, or it ends, or it is held.
    fn come_up(&mut self, instance: Arc<Instance>) {
        let number = instance.lease().service;
        let (Some(due), Some(end)) = (self.due_of(&instance), self.end_of(&instance)) else {
            return;
        };
        if due > self.now {
            self.let_go(number, &instance);
            self.end_protection(number);
            self.wheel.insert(self.now, due, instance);
            return;
        }
        if end > self.now {
            self.lapse(number, &instance);
            return;
        }
        if instance.protocol().protects_itself() {
            self.expire(number, &instance);
            return;
        }
        if self.is_netflix(&instance) {
            if let Some(netflix) = &mut self.netflix {
                netflix.put_overdue(instance);
            }
            return;
        }
        let ttl = instance.lease().ttl().unwrap_or_default();
        let held = instance.lease().held();
        let service = self.directory.get_mut(number);
        let (guard, leases) = (&mut service.guard, service.leases);
        if held {
            if guard.releases(&self.policy.exact, self.now, ttl, leases) {
                self.expire(number, &instance);
            } else {
                self.hold(instance, ttl);
            }
            return;
        }
        match guard.judge(&self.policy.exact, self.now, ttl, leases) {
            Verdict::Expire => self.expire(number, &instance),
            Verdict::Hold => self.hold(instance, ttl),
            Verdict::BeginAndHold => {
                let service = service.key.clone();
                let reason = self.directory.get(number).guard.reason();
                self.record_service(number, Change::ProtectionBegan { service, reason });
                self.hold(instance, ttl);
            }
        }
    }

    /// Was not renewed in time, but may still come back: it is down from now on.
    fn lapse(&mut self, number: u32, old: &Arc<Instance>) {
        let mut instance = self.remake(number, old);
        instance.lapse();
        self.put_back(number, old, Arc::new(instance));
    }

    fn hold(&mut self, instance: Arc<Instance>, ttl: Millis) {
        instance.lease().held.store(true, Ordering::Relaxed);
        let recheck = Millis(ttl.0 / 3).clamp(HELD_RECHECK_MIN, HELD_RECHECK_MAX);
        let guard = &self.directory.get(instance.lease().service).guard;
        let at = self.now.plus(recheck).min(guard.until().unwrap_or(Timestamp(u64::MAX)));
        self.wheel.insert(self.now, at, instance);
    }

    fn expire(&mut self, number: u32, instance: &Arc<Instance>) {
        self.take_out(number, instance);
        let service = self.service_of(number).key.clone();
        let change = Change::Expired { service, instance: Arc::clone(instance) };
        self.record_service(number, change);
        self.end_protection(number);
        self.settle_service(number);
    }

    /// Netflix's eviction, when its timer says so.
    fn evict(&mut self) {
        let now = self.now;
        let Some(netflix) = &mut self.netflix else { return };
        let Some(compensation) = netflix.tick(now) else { return };
        if !netflix.expires() {
            return;
        }
        let mut evictions_left = netflix.evictions_max();
        let mut expired = Vec::new();
        for instance in netflix.overdue.clone() {
            let end = self.end_of(&instance).unwrap_or(now);
            if end > now {
                self.unschedule(&instance);
                self.wheel.insert(now, end, instance);
            } else if end.plus(compensation) < now {
                expired.push(instance);
            }
        }
        // Which ones go first is arbitrary but must not depend on the order of registration: else
        // a whole service would go before another loses one. The revision is as good as chance.
        let mut dice = self.revision.0 | 1;
        while evictions_left > 0 && !expired.is_empty() {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let chosen = expired.swap_remove(dice as usize % expired.len());
            self.expire(chosen.lease().service, &chosen);
            evictions_left -= 1;
        }
    }
}
