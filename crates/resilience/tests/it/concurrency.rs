//! Who gets in, who waits, who goes first.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use rialto_resilience::{
    Blocked, ConcurrencyLimit, ConcurrencySettings, Deadline, Entry, Nanos, Permit, QueueOrder,
    Waiter,
};

use crate::ms;

#[derive(Default)]
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn limit(in_flight_max: u32, queue_max: usize, order: QueueOrder) -> ConcurrencyLimit {
    let wait_max_ms = 100;
    ConcurrencyLimit::new(&ConcurrencySettings { in_flight_max, queue_max, wait_max_ms, order })
}

fn admitted(limit: &ConcurrencyLimit) -> Permit {
    match limit.enter(Nanos(0), None) {
        Ok(Entry::Admitted(permit)) => permit,
        other => panic!("{other:?}"),
    }
}

fn queued(limit: &ConcurrencyLimit, now: Nanos, deadline: Option<Deadline>) -> Waiter {
    match limit.enter(now, deadline) {
        Ok(Entry::Queued(waiter)) => waiter,
        other => panic!("{other:?}"),
    }
}

fn poll(waiter: &mut Waiter, bell: &Arc<Bell>) -> Poll<Result<Permit, Blocked>> {
    let waker = Waker::from(Arc::clone(bell));
    pin!(waiter).poll(&mut Context::from_waker(&waker))
}

#[test]
fn no_queue_unless_asked_for() {
    let limit = limit(2, 0, QueueOrder::Fifo);
    let held = (admitted(&limit), limit.try_acquire().expect("there is room"));
    let full = Blocked::QueueFull { in_flight: 2, queued: 0, retry_after: ms(100) };
    assert_eq!(limit.try_acquire().expect_err("it is full"), full);
    assert_eq!(limit.enter(Nanos(0), None).expect_err("it is full"), full);
    drop(held.0);
    drop(admitted(&limit));
    assert_eq!(limit.in_flight(), 1);
}

#[test]
fn the_first_waits_shortest() {
    let limit = limit(1, 3, QueueOrder::Fifo);
    let held = admitted(&limit);
    let bell = Arc::new(Bell::default());
    let mut waiters: Vec<_> = (0..3).map(|_| queued(&limit, Nanos(0), None)).collect();
    assert!(limit.enter(Nanos(0), None).is_err(), "the queue is full");
    waiters.iter_mut().for_each(|waiter| assert!(poll(waiter, &bell).is_pending()));
    drop(held);
    assert_eq!(bell.0.load(SeqCst), 1, "one place, one call");
    assert!(limit.try_acquire().is_err(), "nobody overtakes");
    for (number, waiter) in waiters.iter_mut().enumerate() {
        let Poll::Ready(Ok(permit)) = poll(waiter, &bell) else { panic!("{number} is next") };
        drop(permit);
    }
    assert_eq!((limit.in_flight(), limit.queued()), (0, 0));
}

#[test]
fn under_overload_the_last_goes_first() {
    let limit = limit(1, 4, QueueOrder::LifoUnderOverload);
    let held = admitted(&limit);
    let bell = Arc::new(Bell::default());
    let mut waiters: Vec<_> = (0..4).map(|_| queued(&limit, Nanos(0), None)).collect();
    drop(held);
    for expected in [3, 2, 0, 1] {
        let Poll::Ready(Ok(permit)) = poll(&mut waiters[expected], &bell) else {
            panic!("{expected} is next");
        };
        drop(permit);
    }
}

#[test]
fn who_waited_too_long_makes_room_in_a_full_queue() {
    let limit = limit(1, 2, QueueOrder::Fifo);
    let _held = admitted(&limit);
    let bell = Arc::new(Bell::default());
    let soon = Deadline::at_time(ms(10));
    let mut hasty = queued(&limit, Nanos(0), Some(soon));
    let mut patient = queued(&limit, Nanos(0), None);
    assert_eq!((hasty.until(), patient.until()), (ms(10), ms(100)));
    assert!(poll(&mut hasty, &bell).is_pending());
    assert!(limit.enter(ms(9), None).is_err());
    let mut late = queued(&limit, ms(10), None);
    assert_eq!(bell.0.load(SeqCst), 1);
    let Poll::Ready(Err(blocked)) = poll(&mut hasty, &bell) else { panic!("it was turned out") };
    assert_eq!(blocked, Blocked::Deadline);
    assert!(poll(&mut patient, &bell).is_pending());
    assert!(poll(&mut late, &bell).is_pending());
    assert_eq!(late.give_up(), Blocked::QueueTimeout { retry_after: ms(100) });
    assert_eq!(limit.queued(), 1);
    let passed = limit.enter(ms(10), Some(soon));
    assert_eq!(passed.expect_err("no time left"), Blocked::Deadline);
}

#[test]
fn a_turn_that_nobody_takes_is_passed_on() {
    let limit = limit(1, 2, QueueOrder::Fifo);
    let held = admitted(&limit);
    let bell = Arc::new(Bell::default());
    let mut first = queued(&limit, Nanos(0), None);
    let mut second = queued(&limit, Nanos(0), None);
    assert!(poll(&mut first, &bell).is_pending());
    assert!(poll(&mut second, &bell).is_pending());
    drop(held);
    drop(first);
    assert_eq!(bell.0.load(SeqCst), 2);
    assert!(poll(&mut second, &bell).is_ready());
    assert_eq!(limit.in_flight(), 0, "the permit was in the answer that we dropped");
}

#[test]
fn the_limit_can_change() {
    let limit = limit(1, 4, QueueOrder::Fifo);
    let held = admitted(&limit);
    let bell = Arc::new(Bell::default());
    let mut waiters: Vec<_> = (0..3).map(|_| queued(&limit, Nanos(0), None)).collect();
    limit.set_in_flight_max(3);
    let taken: Vec<_> = waiters[..2].iter_mut().map(|waiter| poll(waiter, &bell)).collect();
    assert!(taken.iter().all(Poll::is_ready));
    assert_eq!((limit.in_flight(), limit.queued()), (3, 1));
    limit.set_in_flight_max(1);
    drop(taken);
    assert_eq!((limit.in_flight(), limit.queued()), (1, 1), "fewer places, nobody let in");
    drop(held);
    assert!(poll(&mut waiters[2], &bell).is_ready());
}
