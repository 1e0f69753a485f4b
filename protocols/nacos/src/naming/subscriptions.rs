//! Who subscribes to which service, and when what is pushed to whom. Pure: the time comes in,
//! pushes to send come out.
//!
//! A change is pushed a moment after it, so that all changes of that moment go in one push. Only
//! that something changed is remembered, never what: whoever sends looks at the newest state.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use rialto_catalog::{Millis, ServiceKey, Timestamp};

use super::push::{ConnectionId, Outcome};
use crate::limits::{PUSH_DELAY_MS_MAX, PUSH_DELAY_MS_MIN, PUSH_RETRY_MS};

/// Clusters that a subscriber asks for; `None` is all.
pub(super) type Clusters = Option<Arc<str>>;

/// All subscriptions.
#[derive(Default)]
pub(super) struct Subscriptions {
    topics: Vec<Option<Topic>>,
    free: Vec<u32>,
    by_service: HashMap<ServiceKey, u32>,
    /// Services that changed, by when their push is due.
    due: BinaryHeap<Reverse<(Timestamp, u32)>>,
    /// Single subscribers that need a push, by when it is due.
    single: BinaryHeap<Reverse<(Timestamp, u32, ConnectionId)>>,
    len: usize,
}

/// A push to be sent to some subscribers of one service.
#[derive(Debug, PartialEq)]
pub(super) struct Job {
    pub(super) service: ServiceKey,
    pub(super) topic: u32,
    /// Whether it is for all subscribers because the service changed; needless when the list looks
    /// the same as in the last one.
    pub(super) for_all: bool,
    /// With their tokens.
    pub(super) targets: Vec<(ConnectionId, Clusters, u64)>,
}

struct Topic {
    service: ServiceKey,
    subscribers: HashMap<ConnectionId, Subscriber>,
    scheduled: bool,
    delay: Millis,
    /// Subscribers whose last push was not acknowledged yet.
    waiting: usize,
    /// Digests of the lists in the last push to all.
    sent: Vec<(Clusters, u64)>,
}

struct Subscriber {
    clusters: Clusters,
    /// Which push was the last; outcomes of earlier ones do not matter any more.
    last: u32,
    waiting: bool,
}

impl Subscriptions {
    /// Adds or replaces a subscription; its first push follows shortly.
    pub(super) fn subscribe(
        &mut self,
        connection: ConnectionId,
        service: &ServiceKey,
        clusters: Clusters,
        now: Timestamp,
    ) {
        let number = self.topic_of(service);
        let Some(topic) = self.topics[number as usize].as_mut() else { return };
        match topic.subscribers.get_mut(&connection) {
            Some(subscriber) => subscriber.clusters = clusters,
            None => {
                let subscriber = Subscriber { clusters, last: 0, waiting: false };
                topic.subscribers.insert(connection, subscriber);
                self.len += 1;
            }
        }
        self.single.push(Reverse((now.plus(Millis(PUSH_DELAY_MS_MIN)), number, connection)));
    }

    pub(super) fn unsubscribe(&mut self, connection: ConnectionId, service: &ServiceKey) {
        let Some(&number) = self.by_service.get(service) else { return };
        let Some(topic) = self.topics[number as usize].as_mut() else { return };
        let Some(gone) = topic.subscribers.remove(&connection) else { return };
        topic.waiting -= usize::from(gone.waiting);
        self.len -= 1;
        if topic.subscribers.is_empty() {
            self.topics[number as usize] = None;
            self.by_service.remove(service);
            self.free.push(number);
        }
    }

    /// A connection is gone.
    pub(super) fn end<'a>(
        &mut self,
        connection: ConnectionId,
        services: impl Iterator<Item = &'a ServiceKey>,
    ) {
        services.for_each(|service| self.unsubscribe(connection, service));
    }

    /// A service changed.
    pub(super) fn changed(&mut self, service: &ServiceKey, now: Timestamp) {
        if let Some(&number) = self.by_service.get(service) {
            self.schedule(number, now);
        }
    }

    /// Any service may have changed.
    pub(super) fn all_changed(&mut self, now: Timestamp) {
        let numbers: Vec<u32> = self.by_service.values().copied().collect();
        numbers.into_iter().for_each(|number| self.schedule(number, now));
    }

    /// What is to be sent now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Job> {
        let mut jobs = Vec::new();
        while let Some(&Reverse((at, number))) = self.due.peek()
            && at <= now
        {
            self.due.pop();
            jobs.extend(self.job_for_all(number));
        }
        let served: HashSet<u32> = jobs.iter().map(|job| job.topic).collect();
        while let Some(&Reverse((at, number, connection))) = self.single.peek()
            && at <= now
        {
            self.single.pop();
            if !served.contains(&number) {
                self.job_for_one(number, connection, &mut jobs);
            }
        }
        jobs
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let all = self.due.peek().map(|Reverse((at, _))| *at);
        let one = self.single.peek().map(|Reverse((at, ..))| *at);
        [all, one].into_iter().flatten().min()
    }

    /// Remembers the list that a push to all carries; `false` when it is the one of the last push.
    pub(super) fn is_news(&mut self, number: u32, clusters: &Clusters, digest: u64) -> bool {
        let Some(Some(topic)) = self.topics.get_mut(number as usize) else { return false };
        match topic.sent.iter_mut().find(|(asked, _)| asked == clusters) {
            Some((_, last)) => std::mem::replace(last, digest) != digest,
            None => {
                topic.sent.push((clusters.clone(), digest));
                true
            }
        }
    }

    /// A push that was given out is not sent.
    pub(super) fn spare(&mut self, connection: ConnectionId, token: u64) {
        self.settle(connection, token);
    }

    /// What became of a push.
    pub(super) fn done(
        &mut self,
        connection: ConnectionId,
        token: u64,
        outcome: Outcome,
        now: Timestamp,
    ) {
        let Some(number) = self.settle(connection, token) else { return };
        // The end of a connection is told separately, with all that it subscribed to.
        if matches!(outcome, Outcome::Refused | Outcome::TimedOut) {
            self.single.push(Reverse((now.plus(Millis(PUSH_RETRY_MS)), number, connection)));
        }
    }

    /// Subscribers of a service with what they asked for, in no order.
    pub(super) fn of(
        &self,
        service: &ServiceKey,
    ) -> impl Iterator<Item = (ConnectionId, &Clusters)> {
        let number = self.by_service.get(service);
        let topic = number.and_then(|number| self.topics[*number as usize].as_ref());
        let subscribers = topic.into_iter().flat_map(|topic| &topic.subscribers);
        subscribers.map(|(connection, subscriber)| (*connection, &subscriber.clusters))
    }

    /// Services with subscribers.
    pub(super) fn services(&self) -> impl Iterator<Item = &ServiceKey> {
        self.by_service.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn schedule(&mut self, number: u32, now: Timestamp) {
        let Some(topic) = self.topics[number as usize].as_mut() else { return };
        if !std::mem::replace(&mut topic.scheduled, true) {
            self.due.push(Reverse((now.plus(topic.delay), number)));
        }
    }

    fn job_for_all(&mut self, number: u32) -> Option<Job> {
        let topic = self.topics.get_mut(number as usize)?.as_mut()?;
        if !std::mem::replace(&mut topic.scheduled, false) {
            return None;
        }
        // Subscribers that are slower than changes get fewer of them.
        let slow = topic.waiting * 4 > topic.subscribers.len();
        let ms = if slow { topic.delay.0 * 2 } else { topic.delay.0 / 2 };
        topic.delay = Millis(ms.clamp(topic.least_delay_ms(), PUSH_DELAY_MS_MAX));
        let waiting = &mut topic.waiting;
        let targets = topic.subscribers.iter_mut();
        let targets = targets.map(|(connection, one)| one.next(*connection, number, waiting));
        let targets = targets.collect();
        Some(Job { service: topic.service.clone(), topic: number, for_all: true, targets })
    }

    fn job_for_one(&mut self, number: u32, connection: ConnectionId, jobs: &mut Vec<Job>) {
        let Some(Some(topic)) = self.topics.get_mut(number as usize) else { return };
        let Some(subscriber) = topic.subscribers.get_mut(&connection) else { return };
        let target = subscriber.next(connection, number, &mut topic.waiting);
        match jobs.last_mut().filter(|job| job.topic == number) {
            Some(job) => job.targets.push(target),
            None => jobs.push(Job {
                service: topic.service.clone(),
                topic: number,
                for_all: false,
                targets: vec![target],
            }),
        }
    }

    /// Ends the wait for a push, if it is a subscriber's last; gives its topic then.
    fn settle(&mut self, connection: ConnectionId, token: u64) -> Option<u32> {
        let (number, last) = ((token >> 32) as u32, token as u32);
        let topic = self.topics.get_mut(number as usize)?.as_mut()?;
        let subscriber = topic.subscribers.get_mut(&connection)?;
        if subscriber.last != last || !subscriber.waiting {
            return None;
        }
        subscriber.waiting = false;
        topic.waiting -= 1;
        Some(number)
    }

    fn topic_of(&mut self, service: &ServiceKey) -> u32 {
        if let Some(&number) = self.by_service.get(service) {
            return number;
        }
        let topic = Topic {
            service: service.clone(),
            subscribers: HashMap::new(),
            scheduled: false,
            delay: Millis(PUSH_DELAY_MS_MIN),
            waiting: 0,
            sent: Vec::new(),
        };
        let number = self.free.pop().unwrap_or_else(|| {
            self.topics.push(None);
            (self.topics.len() - 1) as u32
        });
        self.topics[number as usize] = Some(topic);
        self.by_service.insert(service.clone(), number);
        number
    }
}

impl Topic {
    /// A push to thousands is work: it waits a little longer for more changes to go with it.
    fn least_delay_ms(&self) -> u64 {
        PUSH_DELAY_MS_MIN + self.subscribers.len() as u64 / 100
    }
}

impl Subscriber {
    fn next(
        &mut self,
        connection: ConnectionId,
        number: u32,
        waiting: &mut usize,
    ) -> (ConnectionId, Clusters, u64) {
        self.last = self.last.wrapping_add(1);
        *waiting += usize::from(!std::mem::replace(&mut self.waiting, true));
        (connection, self.clusters.clone(), u64::from(number) << 32 | u64::from(self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000);

    fn key(name: &str) -> ServiceKey {
        ServiceKey::named(name).unwrap()
    }

    fn at(ms: u64) -> Timestamp {
        START.plus(Millis(ms))
    }

    fn with(subscribers: u64) -> Subscriptions {
        let mut all = Subscriptions::default();
        for number in 0..subscribers {
            all.subscribe(ConnectionId(number), &key("s"), None, START);
        }
        for job in all.due(at(20)) {
            for (connection, _, token) in job.targets {
                all.done(connection, token, Outcome::Acked, at(20));
            }
        }
        all
    }

    fn tokens(jobs: &[Job]) -> Vec<(u64, u64)> {
        let targets = jobs.iter().flat_map(|job| &job.targets);
        let mut tokens: Vec<_> =
            targets.map(|(connection, _, token)| (connection.0, *token)).collect();
        tokens.sort_unstable();
        tokens
    }

    #[test]
    fn a_new_subscription_is_pushed_to_that_client_alone() {
        let mut all = with(2);
        all.subscribe(ConnectionId(7), &key("s"), Some("c1".into()), at(100));
        assert_eq!(all.next(), Some(at(120)));
        assert_eq!(all.due(at(119)), []);
        let jobs = all.due(at(120));
        assert_eq!(jobs.len(), 1);
        assert!(!jobs[0].for_all);
        assert_eq!(jobs[0].targets[0].0, ConnectionId(7));
        assert_eq!(jobs[0].targets[0].1.as_deref(), Some("c1"));
        assert_eq!(all.next(), None);
    }

    #[test]
    fn changes_of_one_moment_are_one_push() {
        let mut all = with(3);
        for ms in 100..110 {
            all.changed(&key("s"), at(ms));
            all.changed(&key("other"), at(ms));
        }
        assert_eq!(all.next(), Some(at(120)));
        let jobs = all.due(at(121));
        assert_eq!((jobs.len(), jobs[0].targets.len(), jobs[0].for_all), (1, 3, true));
        assert_eq!(all.next(), None, "only once");
    }

    #[test]
    fn what_is_not_acknowledged_is_tried_again_until_it_is() {
        let mut all = with(1);
        all.changed(&key("s"), at(100));
        let mut token = tokens(&all.due(at(120)))[0].1;
        for round in 1..4 {
            all.done(ConnectionId(0), token, Outcome::TimedOut, at(5_000 * round));
            assert_eq!(all.due(at(5_000 * round + 999)), []);
            let again = tokens(&all.due(at(5_000 * round + 1_000)));
            assert_ne!(again[0].1, token);
            token = again[0].1;
        }
        all.done(ConnectionId(0), token, Outcome::Acked, at(20_000));
        assert_eq!(all.next(), None);
    }

    #[test]
    fn an_outcome_of_an_earlier_push_does_not_matter() {
        let mut all = with(1);
        all.changed(&key("s"), at(100));
        let first = tokens(&all.due(at(120)))[0].1;
        all.changed(&key("s"), at(200));
        let second = tokens(&all.due(at(300)))[0].1;
        all.done(ConnectionId(0), first, Outcome::TimedOut, at(5_200));
        assert_eq!(all.next(), None);
        all.done(ConnectionId(0), second, Outcome::Refused, at(5_200));
        assert_eq!(all.next(), Some(at(6_200)));
        for token in [0, first, u64::MAX, 5 << 32] {
            all.done(ConnectionId(0), token, Outcome::TimedOut, at(5_300));
            all.done(ConnectionId(9), token, Outcome::TimedOut, at(5_300));
        }
        assert_eq!(tokens(&all.due(at(9_000))).len(), 1);
    }

    #[test]
    fn delays_grow_while_subscribers_are_slow_and_shrink_again() {
        let mut all = with(4);
        let mut now = at(1_000);
        let mut push = |all: &mut Subscriptions, acks: bool| {
            all.changed(&key("s"), now);
            let due = all.next().unwrap();
            let delay = due.since(now);
            now = due;
            let jobs = all.due(now);
            if acks {
                for (connection, token) in tokens(&jobs) {
                    all.done(ConnectionId(connection), token, Outcome::Acked, now);
                }
            }
            delay.0
        };
        let slow: Vec<u64> = (0..9).map(|_| push(&mut all, false)).collect();
        assert_eq!(slow, [20, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
        let fast: Vec<u64> = (0..8).map(|_| push(&mut all, true)).collect();
        assert_eq!(fast, [1_000, 1_000, 500, 250, 125, 62, 31, 20]);
    }

    #[test]
    fn nothing_stays_of_those_who_left() {
        let mut all = with(3);
        all.changed(&key("s"), at(100));
        all.end(ConnectionId(0), [key("s"), key("other")].iter());
        all.unsubscribe(ConnectionId(1), &key("s"));
        all.unsubscribe(ConnectionId(2), &key("s"));
        assert_eq!((all.len(), all.services().count()), (0, 0));
        assert_eq!(all.due(at(5_000)), []);
        all.subscribe(ConnectionId(3), &key("t"), None, at(6_000));
        assert_eq!(all.of(&key("t")).count(), 1);
        assert_eq!(all.topics.len(), 1, "numbers are given out again");
    }

    #[test]
    fn the_same_list_is_no_news() {
        let mut all = with(1);
        assert!(all.is_news(0, &None, 1));
        assert!(!all.is_news(0, &None, 1));
        assert!(all.is_news(0, &Some("c".into()), 1));
        assert!(all.is_news(0, &None, 2));
        assert!(!all.is_news(9, &None, 2), "nobody is left to hear of it");
    }
}
