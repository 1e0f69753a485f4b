//! Judging the endpoints: who is given a rest, who returns, who has warmed up.

use std::hash::Hash;

use super::Balancer;
use crate::limits::TRANSITIONS_MAX;
use crate::outlier::{self, Pace};
use crate::{EjectionReason, Nanos, Transition};

impl<E: Clone + Eq + Hash> Balancer<E> {
    pub(super) fn return_ejected(&mut self, now: Nanos) {
        for position in 0..self.order.len() {
            let slot = &mut self.slots[self.order[position] as usize];
            match slot.health.ejected_until() {
                Some(until) if until > now => self.refresh_at = self.refresh_at.min(until),
                Some(_) => {
                    slot.health.return_to_traffic();
                    slot.warm_since = Some(now);
                    let id = slot.endpoint.id.clone();
                    self.announce(Transition::Returned { id });
                }
                None => {}
            }
        }
    }

    /// Ends slow starts that are over. When everyone starts slowly nobody does: all would get the
    /// same share anyway.
    pub(super) fn settle_warmth(&mut self, now: Nanos) {
        let window = Nanos::from_millis(self.set.slow_start_ms);
        let mut all = true;
        for slot in &self.order {
            let slot = &mut self.slots[*slot as usize];
            slot.warm_since = slot.warm_since.filter(|since| since.plus(window) > now);
            match slot.warm_since {
                Some(since) => self.refresh_at = self.refresh_at.min(since.plus(window)),
                None => all &= !slot.available(),
            }
        }
        if all {
            self.order.iter().for_each(|slot| self.slots[*slot as usize].warm_since = None);
        }
    }

    pub(super) fn compare_latencies(&mut self, now: Nanos) {
        self.suspect = None;
        if self.set.outlier.latency_factor <= 0.0 {
            return;
        }
        self.sorted.clear();
        let available = self.order.iter().map(|slot| &self.slots[*slot as usize]);
        let typical = available.filter(|slot| slot.available());
        self.sorted.extend(typical.filter_map(|slot| slot.health.typical_ns()));
        self.sorted.sort_unstable_by(f64::total_cmp);
        for position in 0..self.order.len() {
            let index = self.order[position];
            let slot = &mut self.slots[index as usize];
            if !slot.available() {
                continue;
            }
            let skip = (slot.health.typical_ns())
                .map(|own| self.sorted.partition_point(|typical| *typical < own))
                .filter(|skip| *skip < self.sorted.len());
            let Some(others_ns) = outlier::median_without(&self.sorted, skip) else { continue };
            match slot.health.look(others_ns, &self.set.outlier) {
                Pace::Usual => {}
                Pace::Suspect if self.suspect.is_none() && self.may_eject() => {
                    self.suspect = Some((index, now));
                }
                Pace::Suspect => {}
                Pace::Slow { ms } => {
                    let others_ms = others_ns / 1e6;
                    self.eject(now, index, EjectionReason::Latency { ms, others_ms });
                }
            }
        }
    }

    pub(super) fn compare_success_rates(&mut self, now: Nanos) {
        let set = &self.set.outlier;
        let slots = &mut self.slots;
        let mut rates: Vec<(u32, f64)> = Vec::new();
        for &index in &self.order {
            let slot = &mut slots[index as usize];
            let rate = slot.health.end_interval(set).filter(|_| slot.available());
            rates.extend(rate.map(|rate| (index, rate)));
        }
        if set.success_rate_stdev_millis == 0 || rates.len() < set.success_rate_hosts_min {
            return;
        }
        let percents = rates.iter().map(|(_, percent)| *percent);
        let demanded = outlier::demanded_percent(percents, set.success_rate_stdev_millis);
        for (index, percent) in rates.into_iter().filter(|(_, percent)| *percent < demanded) {
            self.eject(now, index, EjectionReason::SuccessRate { percent, demanded });
        }
    }

    pub(super) fn eject(&mut self, now: Nanos, index: u32, reason: EjectionReason) {
        if !self.slots[index as usize].available() || !self.may_eject() {
            return;
        }
        let jitter = self.next_jitter();
        let slot = &mut self.slots[index as usize];
        let until = slot.health.eject(now, jitter, &self.set.outlier);
        let id = slot.endpoint.id.clone();
        self.announce(Transition::Ejected { id, reason, until });
        self.refresh(now);
    }

    fn may_eject(&self) -> bool {
        let slots = self.order.iter().map(|slot| &self.slots[*slot as usize]);
        let present = slots.clone().filter(|slot| slot.present()).count();
        let ejected = slots.filter(|slot| slot.health.ejected_until().is_some()).count();
        let share = (ejected + 1) * 100;
        let max_percent = self.set.outlier.ejected_percent_max as usize;
        share <= present * max_percent || (ejected == 0 && present >= 2 && max_percent > 0)
    }

    pub(super) fn announce(&mut self, transition: Transition<E>) {
        if self.transitions.len() == TRANSITIONS_MAX {
            self.transitions.remove(0);
        }
        self.transitions.push(transition);
    }

    /// Uniform in 0 to 1 (SplitMix64): reports come without a generator, and this need not be good.
    fn next_jitter(&mut self) -> f64 {
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.jitter;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
