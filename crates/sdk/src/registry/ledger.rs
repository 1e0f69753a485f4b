//! What this process has registered, and what the server answered: pure, driven by `link`.

use std::time::Duration;

use rialto_api::proto::session_request::Kind;
use rialto_api::proto::{self, Deregister, Instance, Lost, Refused, Register, ServiceName};
use tokio::sync::oneshot;

use crate::limits::REGISTRATIONS_MAX;

/// Told to the one who registered.
pub(crate) type Answer = oneshot::Sender<Result<(), Refused>>;

/// Every registration of the process.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    leaving: Vec<(u64, oneshot::Sender<()>)>,
    requests: u64,
}

/// Wanted until it is left.
#[derive(Debug)]
struct Entry {
    request: u64,
    service: ServiceName,
    instance: Instance,
    ttl: Duration,
    answer: Option<Answer>,
}

impl Ledger {
    /// Adds a registration, in place of one with the same service and identifier; the message to
    /// send, or `None` when there are too many.
    pub(crate) fn add(
        &mut self,
        service: ServiceName,
        instance: Instance,
        ttl: Duration,
        answer: Answer,
    ) -> Option<Kind> {
        self.entries.retain(|entry| !entry.is(&service, &instance.id));
        if self.entries.len() >= REGISTRATIONS_MAX {
            let detail = format!("a process registers at most {REGISTRATIONS_MAX} instances");
            let refused = Refused { request: 0, code: "too_many".to_owned(), detail };
            _ = answer.send(Err(refused));
            return None;
        }
        self.requests += 1;
        let request = self.requests;
        self.entries.push(Entry { request, service, instance, ttl, answer: Some(answer) });
        self.entries.last().map(Entry::message)
    }

    /// Removes a registration; the message to send. `done` is told when the server confirms, or at
    /// once when there is nothing to remove.
    pub(crate) fn remove(
        &mut self,
        service: &ServiceName,
        id: &str,
        done: oneshot::Sender<()>,
    ) -> Option<Kind> {
        let position = self.entries.iter().position(|entry| entry.is(service, id))?;
        self.entries.swap_remove(position);
        self.requests += 1;
        self.leaving.push((self.requests, done));
        Some(Kind::Deregister(Deregister {
            request: self.requests,
            service: Some(service.clone()),
            id: id.to_owned(),
        }))
    }

    /// Everything, for a session that has just begun. Whoever waits for a departure waits no more:
    /// the session that was asked is gone, and the lease ends by itself.
    pub(crate) fn all(&mut self) -> Vec<Kind> {
        self.leaving.clear();
        self.entries.iter().map(Entry::message).collect()
    }

    /// Takes an answer in; the messages to send for it.
    pub(crate) fn take(&mut self, reply: proto::session_reply::Kind) -> Vec<Kind> {
        use proto::session_reply::Kind as Reply;
        match reply {
            Reply::Welcome(_) => {}
            Reply::Registered(registered) => self.registered(&registered),
            Reply::Renewed(renewed) => return self.again(&renewed.lost),
            Reply::Deregistered(done) => {
                self.leaving.retain(|(request, _)| *request != done.request);
            }
            Reply::Refused(refused) => self.refused(refused),
        }
        Vec::new()
    }

    /// How often to renew: a third of the shortest lease. `None` when nothing is registered.
    pub(crate) fn renew_every(&self) -> Option<Duration> {
        self.entries.iter().map(|entry| entry.ttl / 3).min()
    }

    /// Removes everything; the messages to send.
    pub(crate) fn leave_all(&mut self) -> Vec<Kind> {
        let entries = std::mem::take(&mut self.entries);
        entries
            .into_iter()
            .map(|entry| {
                self.requests += 1;
                Kind::Deregister(Deregister {
                    request: self.requests,
                    service: Some(entry.service),
                    id: entry.instance.id,
                })
            })
            .collect()
    }

    fn registered(&mut self, registered: &proto::Registered) {
        let found = self.entries.iter_mut().find(|entry| entry.request == registered.request);
        if let Some(entry) = found {
            entry.ttl = match registered.ttl_ms {
                0 => entry.ttl,
                ttl_ms => Duration::from_millis(ttl_ms),
            };
            if let Some(answer) = entry.answer.take() {
                _ = answer.send(Ok(()));
            }
        }
    }

    fn again(&self, lost: &[Lost]) -> Vec<Kind> {
        let is_lost = |entry: &&Entry| {
            lost.iter().any(|lost| {
                lost.service.as_ref().is_some_and(|service| entry.is(service, &lost.id))
            })
        };
        self.entries.iter().filter(is_lost).map(Entry::message).collect()
    }

    /// A first registration that is refused is given up and told. One that was held before stays:
    /// the next session asks again.
    fn refused(&mut self, refused: Refused) {
        self.leaving.retain(|(request, _)| *request != refused.request);
        let position = self.entries.iter().position(|entry| entry.request == refused.request);
        let Some(position) = position else { return };
        match self.entries[position].answer.take() {
            Some(answer) => {
                self.entries.swap_remove(position);
                if let Err(Err(refused)) = answer.send(Err(refused)) {
                    tracing::error!(detail = refused.detail, "registration refused");
                }
            }
            None => tracing::error!(detail = refused.detail, "registration refused"),
        }
    }
}

impl Entry {
    fn is(&self, service: &ServiceName, id: &str) -> bool {
        self.instance.id == id && self.service == *service
    }

    fn message(&self) -> Kind {
        Kind::Register(Register {
            request: self.request,
            service: Some(self.service.clone()),
            instance: Some(self.instance.clone()),
            ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rialto_api::proto::session_reply::Kind as Reply;
    use rialto_api::proto::session_request::Kind;
    use rialto_api::proto::{Instance, Lost, Refused, Registered, Renewed, ServiceName};
    use tokio::sync::oneshot;

    use super::Ledger;
    use crate::limits::REGISTRATIONS_MAX;

    fn named(name: &str) -> ServiceName {
        ServiceName { name: name.to_owned(), ..ServiceName::default() }
    }

    fn add(ledger: &mut Ledger, id: &str) -> oneshot::Receiver<Result<(), Refused>> {
        let (answer, answered) = oneshot::channel();
        let instance = Instance { id: id.to_owned(), ..Instance::default() };
        let sent = ledger.add(named("stock"), instance, Duration::from_secs(9), answer);
        assert!(matches!(sent, Some(Kind::Register(_))));
        answered
    }

    fn registered(request: u64, ttl_ms: u64) -> Reply {
        Reply::Registered(Registered { request, revision: 1, ttl_ms })
    }

    #[test]
    fn registers_again_on_a_new_session_and_what_was_lost() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.renew_every(), None);
        let mut answered = add(&mut ledger, "a");
        drop(add(&mut ledger, "b"));
        assert!(answered.try_recv().is_err());
        ledger.take(registered(1, 6_000));
        assert_eq!(answered.try_recv(), Ok(Ok(())));
        assert_eq!(ledger.renew_every(), Some(Duration::from_secs(2)));
        assert_eq!(ledger.all().len(), 2);
        let lost = vec![Lost { service: Some(named("stock")), id: "a".into() }];
        let again = ledger.take(Reply::Renewed(Renewed { lost }));
        assert!(matches!(&again[..], [Kind::Register(one)] if one.request == 1));
    }

    #[test]
    fn the_same_instance_is_held_once() {
        let mut ledger = Ledger::default();
        drop(add(&mut ledger, "a"));
        drop(add(&mut ledger, "a"));
        assert_eq!(ledger.all().len(), 1);
    }

    #[test]
    fn a_first_refusal_ends_it_and_a_later_one_does_not() {
        let mut ledger = Ledger::default();
        let mut answered = add(&mut ledger, "a");
        let refused = |request| Reply::Refused(Refused { request, ..Refused::default() });
        ledger.take(refused(1));
        assert!(matches!(answered.try_recv(), Ok(Err(_))));
        assert!(ledger.all().is_empty());
        drop(add(&mut ledger, "b"));
        ledger.take(registered(2, 0));
        ledger.take(refused(2));
        assert_eq!(ledger.all().len(), 1);
    }

    #[test]
    fn a_process_registers_a_bounded_number() {
        let mut ledger = Ledger::default();
        for id in 0..REGISTRATIONS_MAX {
            drop(add(&mut ledger, &id.to_string()));
        }
        let (answer, mut answered) = oneshot::channel();
        let one_more = Instance { id: "more".into(), ..Instance::default() };
        assert!(ledger.add(named("stock"), one_more, Duration::from_secs(9), answer).is_none());
        let refused = answered.try_recv().unwrap().unwrap_err();
        assert_eq!(refused.code, "too_many");
        assert_eq!(ledger.leave_all().len(), REGISTRATIONS_MAX);
    }

    #[test]
    fn leaving_waits_for_the_server_or_the_end_of_the_session() {
        let mut ledger = Ledger::default();
        drop(add(&mut ledger, "a"));
        let (done, mut left) = oneshot::channel();
        assert!(matches!(ledger.remove(&named("stock"), "a", done), Some(Kind::Deregister(_))));
        assert_eq!(left.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        assert!(ledger.all().is_empty());
        assert_eq!(left.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        let (done, mut left) = oneshot::channel();
        assert!(ledger.remove(&named("stock"), "a", done).is_none());
        assert_eq!(left.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
