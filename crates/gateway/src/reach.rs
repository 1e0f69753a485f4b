//! Waiting for a turn, choosing an instance and getting a connection to it.

use std::rc::Rc;
use std::time::Duration;

use rialto_balance::Class as Health;
use rialto_resilience::Blocked;

use crate::call::Call;
use crate::limits::CONNECT_TRIES_MAX;
use crate::local::InFlight;
use crate::pool::Link;
use crate::reply::Reply;
use crate::worker::Worker;

/// Waits for the limiter's turn and for a place among the requests under way.
pub(crate) async fn wait_for_turn(worker: &Rc<Worker>, call: &mut Call) -> Result<(), Reply> {
    let guard = |call: &Call, blocked: &Blocked| {
        let route = &call.local.route;
        let (telemetry, now_ms) = (&worker.shared.telemetry, worker.now_ms());
        route.guard.tell_refusal(telemetry, &route.spec.id, blocked, now_ms);
        route.guard.reply(blocked)
    };
    if let Some(turn) = call.admission.turn.take() {
        tokio::time::sleep(Duration::from_nanos(turn.wait().0)).await;
        turn.go();
    }
    if let Some(mut waiter) = call.admission.waiter.take() {
        let now = worker.now();
        let left = Duration::from_nanos(waiter.until().since(now).0);
        let entered = match tokio::time::timeout(left, &mut waiter).await {
            Ok(entered) => entered,
            Err(_) => Err(waiter.give_up()),
        };
        match entered {
            Ok(permit) => call.admission.permit = Some(permit),
            Err(blocked) => return Err(guard(call, &blocked)),
        }
    }
    Ok(())
}

/// Chooses an instance and connects to it. One that cannot be reached has provably not seen the
/// request, so another is tried whatever the method.
pub(crate) async fn reach(
    worker: &Rc<Worker>,
    call: &mut Call,
    fresh: bool,
) -> Result<(InFlight, Link), Reply> {
    loop {
        // The first time follows the request's head at once, unless it had to wait.
        let now = if call.tries == 0 { worker.recent() } else { worker.now() };
        let upstream = Rc::clone(&call.local.upstream);
        let picked = {
            let mut random = worker.random.borrow_mut();
            upstream.pick(now, call.hash, &call.tried, &mut random)
        };
        let Some(flight) = picked else {
            return Err(nobody(call));
        };
        call.tries += 1;
        call.instance = Some(Rc::clone(&flight.endpoint));
        if !fresh && let Some(link) = flight.endpoint.take(now.as_millis()) {
            return Ok((flight, link));
        }
        let left_ms = call.deadline_ms.saturating_sub(now.as_millis()).max(1);
        let time = Duration::from_millis(call.connect_timeout_ms().min(left_ms));
        // Boxed: few requests need it, and every connection would have room for it.
        let connecting = Box::pin(tokio::time::timeout(time, flight.endpoint.connect()));
        let connected = connecting.await;
        let timed_out = connected.is_err();
        if let Ok(Ok(link)) = connected {
            return Ok((flight, link));
        }
        let id = flight.endpoint.id;
        call.tried.push(id);
        call.report(flight, Health::Unreachable, None);
        let late = worker.now_ms() >= call.deadline_ms;
        if call.tries >= CONNECT_TRIES_MAX || late || !upstream.has_other(&call.tried, id) {
            return Err(match timed_out {
                true => Reply::new(504, "UF", "no connection to an instance in time"),
                false => Reply::new(502, "UF", "no instance accepts connections"),
            });
        }
        call.count_retry();
    }
}

/// Whether one more try fits the plan, the budget and the time, and there is somebody to try
/// besides the present one, which may or may not be among the tried ones.
pub(crate) fn may_retry(worker: &Worker, call: &Call, present: u32) -> bool {
    let now = worker.now();
    let failed = call.tried.iter().filter(|id| **id != present).count();
    let granted = failed < call.retry_plan().retries as usize
        && now.as_millis() < call.deadline_ms
        && call.local.upstream.has_other(&call.tried, present)
        && call.local.budget.withdraw(now);
    if granted {
        call.count_retry();
    }
    granted
}

/// There is no instance, or none is left.
fn nobody(call: &Call) -> Reply {
    let service = &call.local.upstream.upstream.service.name;
    if call.tried.is_empty() {
        Reply {
            retry_after_s: Some(1),
            ..Reply::new(503, "UH", format!("no instance of {service} is available"))
        }
    } else {
        Reply::new(502, "UF", format!("no instance of {service} could answer"))
    }
}
