//! Who is ejected, over all workers: each judges for itself, people are told once.

use std::collections::HashMap;

use parking_lot::Mutex;
use rialto_balance::{Nanos, Transition};
use rialto_telemetry::{EventKind, Telemetry};

/// How many workers hold each endpoint back.
#[derive(Debug, Default)]
pub(crate) struct Ejected {
    workers: Mutex<HashMap<String, u32>>,
}

impl Ejected {
    /// Counts a transition seen by one worker; the first ejection and the last return are events.
    pub(crate) fn tell(
        &self,
        telemetry: &Telemetry,
        service: &str,
        authority: &str,
        transition: &Transition<u32>,
        now: Nanos,
    ) {
        let subject = format!("{service}/{authority}");
        let mut workers = self.workers.lock();
        match transition {
            Transition::Ejected { reason, until, .. } => {
                let count = workers.entry(subject.clone()).or_default();
                *count += 1;
                if *count == 1 {
                    let seconds = until.since(now).as_millis().div_ceil(1_000);
                    let detail = format!("{reason}; no traffic for {seconds} s");
                    telemetry.events().push(EventKind::Ejected, subject, detail);
                }
            }
            Transition::Returned { .. } => {
                let Some(count) = workers.get_mut(&subject) else { return };
                *count -= 1;
                if *count == 0 {
                    workers.remove(&subject);
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
        for transition in [&out, &out, &back, &back, &back] {
            ejected.tell(&telemetry, "stock", "127.0.0.1:9001", transition, Nanos(0));
        }
        let events = telemetry.events().recent(10, None);
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["returned", "ejected"]);
        assert_eq!(events[1].subject, "stock/127.0.0.1:9001");
        assert_eq!(events[1].detail, "5 failures in a row; no traffic for 30 s");
    }
}
