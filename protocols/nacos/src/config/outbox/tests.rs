//! Repeating, giving up, and forgetting, with time that passes as it is told.

use super::*;
use crate::config::tests::Pushed;

const ONE: ConnectionId = ConnectionId(1);

struct Rig {
    outbox: Arc<Outbox<&'static str>>,
    pushed: Arc<Pushed>,
    inbox: Arc<Inbox>,
}

fn rig() -> Rig {
    let (pushed, inbox) = (Arc::new(Pushed::default()), Arc::new(Inbox::default()));
    let outbox = Arc::new(Outbox::new(Arc::clone(&pushed) as _, Arc::clone(&inbox)));
    Rig { outbox, pushed, inbox }
}

fn message(text: &'static str) -> Message {
    Message { kind: "Kind", body: Bytes::from_static(text.as_bytes()) }
}

impl Rig {
    fn put(&self, connection: ConnectionId, target: &'static str, text: &'static str) {
        self.outbox.put(connection, &target, |waiting| waiting.push_back(message(text)));
    }

    /// Waits for the next retry, and tells how long it took, in milliseconds.
    async fn next(&self) -> u128 {
        let before = Instant::now();
        let until = self.outbox.next_retry().expect("something is to be tried again");
        let _changed = self.inbox.wait(None).await;
        tokio::time::sleep_until(until).await;
        self.outbox.retry();
        before.elapsed().as_millis()
    }

    fn take(&self, outcome: Outcome) -> Vec<String> {
        self.pushed.take(outcome).into_iter().map(|(_, _, body)| body).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_is_tried_again_ever_later_and_then_its_client_is_cut() {
    let rig = rig();
    rig.put(ONE, "a", "1");
    for tries in 1..CONFIG_PUSH_TRIES_MAX {
        let outcome = if tries % 2 == 0 { Outcome::Refused } else { Outcome::TimedOut };
        assert_eq!(rig.take(outcome), ["1"], "try {tries}");
        assert_eq!(rig.pushed.len(), 0);
        assert_eq!(rig.next().await, u128::from(tries) * 2_000);
    }
    assert!(rig.pushed.cuts().is_empty());
    assert_eq!(rig.take(Outcome::TimedOut), ["1"]);
    assert_eq!(rig.pushed.cuts(), [1]);
    assert_eq!(rig.outbox.next_retry(), None);
    assert!(
        rig.outbox.state.lock().targets.is_empty() && rig.outbox.state.lock().tokens.is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_target_follow_one_another_and_targets_do_not_wait() {
    let rig = rig();
    rig.put(ONE, "a", "a1");
    rig.put(ONE, "a", "a2");
    rig.put(ONE, "b", "b1");
    rig.put(ConnectionId(2), "a", "c1");
    assert_eq!(rig.take(Outcome::Acked), ["a1", "b1", "c1"]);
    assert_eq!(rig.next().await, 0, "at once, but never from inside an outcome");
    assert_eq!(rig.take(Outcome::TimedOut), ["a2"]);
    assert_eq!(rig.next().await, 2_000, "tries are counted anew");
    assert_eq!(rig.take(Outcome::Acked), ["a2"]);
    assert_eq!(rig.outbox.next_retry(), None);
    assert!(rig.outbox.state.lock().targets.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_gets_nothing_more() {
    let rig = rig();
    rig.put(ONE, "a", "a1");
    rig.put(ONE, "b", "b1");
    rig.put(ONE, "c", "c1");
    rig.outbox.forget(ONE, &"b");
    assert_eq!(rig.take(Outcome::TimedOut).len(), 3);
    rig.outbox.end(ONE);
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.outbox.retry();
    assert_eq!(rig.pushed.len(), 0);
    rig.put(ConnectionId(2), "a", "d1");
    rig.put(ConnectionId(2), "a", "d2");
    assert_eq!(rig.take(Outcome::Gone), ["d1"]);
    assert_eq!(rig.outbox.next_retry(), None);
    assert!(rig.outbox.state.lock().tokens.is_empty());
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_of_nothing_change_nothing() {
    let rig = rig();
    for outcome in [Outcome::Acked, Outcome::Refused, Outcome::TimedOut, Outcome::Gone] {
        rig.outbox.done(ONE, 77, outcome);
    }
    assert_eq!((rig.outbox.next_retry(), rig.pushed.len()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_lets_too_much_wait_is_cut() {
    let rig = rig();
    for _ in 0..=CONFIG_WAITING_PUSHES_MAX {
        rig.put(ONE, "a", "x");
    }
    assert!(rig.pushed.cuts().is_empty());
    rig.put(ONE, "a", "x");
    assert_eq!(rig.pushed.cuts(), [1]);
    assert!(rig.outbox.state.lock().targets.is_empty());
}
