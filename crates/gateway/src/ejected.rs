//! Who is ejected, over all workers: each judges for itself, people are told once.

use std::collections::HashMap;

use parking_lot::Mutex;
use rialto_balance::{Nanos, Transition};
use rialto_telemetry::{EventKind, Telemetry};

use crate::limits::EJECTED_MAX;

/// Endpoints that are held back, with the time until when.
#[derive(Debug, Default)]
pub(crate) struct Ejected {
    until: Mutex<HashMap<String, Nanos>>,
}

impl Ejected {
    /// Takes note of a transition seen by one worker; only the first of several is an event.
    pub(crate) fn tell(
        &self,
        telemetry: &Telemetry,
        service: &str,
        authority: &str,
        transition: &Transition<u32>,
        now: Nanos,
    ) {
        let subject = format!("{service}/{authority}");
        let mut known = self.until.lock();
        match transition {
            Transition::Ejected { reason, until, .. } => {
                if known.len() >= EJECTED_MAX {
                    // Those that left while they were ejected never return.
                    known.retain(|_, until| *until > now);
                }
                let before = known.insert(subject.clone(), *until);
                if before.is_none_or(|until| until <= now) {
                    let seconds = until.since(now).as_millis().div_ceil(1_000);
                    let detail = format!("{reason}; no traffic for {seconds} s");
                    telemetry.events().push(EventKind::Ejected, subject, detail);
                }
            }
            Transition::Returned { .. } => {
                if known.remove(&subject).is_some() {
                    telemetry.events().push(EventKind::Returned, subject, "gets traffic again");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_balance::EjectionReason;

    #[test]
    fn people_are_told_once() {
        let (ejected, telemetry) = (Ejected::default(), Telemetry::new());
        let reason = EjectionReason::ConsecutiveFailures(5);
        let out = Transition::Ejected { id: 1, reason, until: Nanos::from_secs(30) };
        let back = Transition::Returned { id: 1 };
        for transition in [&out, &out, &back, &back] {
            ejected.tell(&telemetry, "stock", "127.0.0.1:9001", transition, Nanos(0));
        }
        let events = telemetry.events().recent(10, None);
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["returned", "ejected"]);
        assert_eq!(events[1].subject, "stock/127.0.0.1:9001");
        assert_eq!(events[1].detail, "5 failures in a row; no traffic for 30 s");
    }
}
