//! A request from its admission to its answer, over as many tries as it takes.

use std::future::poll_fn;
use std::rc::Rc;

use rialto_balance::Class as Health;

use super::exchange::{End, Exchange};
use super::{After, Connection};
use crate::call::{Call, health};
use crate::local::InFlight;
use crate::pool::Link;
use crate::reach::{may_retry, reach, wait_for_turn};
use crate::reply::Reply;

/// What to do after a try.
enum Step {
    Again,
    Finish(After),
    Refuse(Reply),
}

impl Connection {
    /// Carries a request to an instance and the answer back.
    pub(super) async fn carry(&mut self, mut call: Box<Call>) -> After {
        if call.admission.must_wait() {
            match Box::pin(self.wait(&mut call)).await {
                Some(Ok(())) => {}
                Some(Err(reply)) => return Box::pin(self.refuse(call, &reply)).await,
                None => {
                    call.cancel(&self.notes.opening);
                    return After::Close;
                }
            }
        }
        let mut fresh = false;
        let mut replayable = true;
        loop {
            let worker = Rc::clone(&self.worker);
            let (flight, mut link) = match reach(&worker, &mut call, fresh).await {
                Ok(reached) => reached,
                Err(reply) => return Box::pin(self.refuse(call, &reply)).await,
            };
            call.set_host(&mut self.out, &link.endpoint.authority);
            let mut exchange = Exchange::new(replayable);
            self.begin_wait(&call);
            let end =
                poll_fn(|context| self.poll_exchange(context, &mut call, &mut link, &mut exchange))
                    .await;
            if let End::Done = end {
                return self.done(call, flight, link, exchange).await;
            }
            replayable = exchange.replayable;
            let judging = self.judge(&mut call, flight, link, &exchange, end, &mut fresh);
            match Box::pin(judging).await {
                Step::Again => {}
                Step::Finish(after) => return after,
                Step::Refuse(reply) => return Box::pin(self.refuse(call, &reply)).await,
            }
        }
    }

    /// Waits for the request's turn; None when the client leaves meanwhile.
    async fn wait(&mut self, call: &mut Call) -> Option<Result<(), Reply>> {
        let worker = Rc::clone(&self.worker);
        // What is read before the body has ended would belong to the body.
        let watches = call.body.is_done();
        tokio::select! {
            turn = wait_for_turn(&worker, call) => Some(turn),
            () = poll_fn(|context| self.poll_left(context)), if watches => None,
        }
    }

    fn begin_wait(&self, call: &Call) {
        let body_ms = self.worker.recent_ms() + self.worker.shared.limits.body_timeout_ms;
        self.slot.set(if call.body.is_done() { call.deadline_ms } else { body_ms });
    }

    /// The answer was passed on whole.
    async fn done(
        &mut self,
        mut call: Box<Call>,
        flight: InFlight,
        link: Link,
        x: Exchange,
    ) -> After {
        let Some(answer) = x.answer else { return After::Close };
        call.finish(flight, answer.retry_after_s, &self.notes.opening);
        if answer.may_reuse() && !x.sending {
            link.keep(self.worker.recent_ms());
        }
        if !self.pending.is_empty() && poll_fn(|context| self.poll_flush(context)).await.is_err() {
            return After::Close;
        }
        match (answer.closes, call.body.is_done()) {
            (false, _) => After::Next,
            (true, true) => After::Close,
            (true, false) => After::Linger,
        }
    }

    /// Decides what becomes of a request whose try did not end well.
    async fn judge(
        &mut self,
        call: &mut Call,
        flight: InFlight,
        link: Link,
        exchange: &Exchange,
        end: End,
        fresh: &mut bool,
    ) -> Step {
        let id = flight.endpoint.id;
        match end {
            End::Done | End::ClientGone => {
                call.report(flight, Health::Cancelled, None);
                call.cancel(&self.notes.opening);
                Step::Finish(After::Close)
            }
            End::ClientWrong(reply) => {
                call.report(flight, Health::Cancelled, None);
                Step::Refuse(reply)
            }
            End::Reset if link.reused && !exchange.received && may_repeat(call, exchange) => {
                // The instance closed it while it was unused; that is nobody's fault.
                call.report(flight, Health::Cancelled, None);
                *fresh = true;
                Step::Again
            }
            End::Reset => {
                call.report(flight, Health::Unreachable, None);
                call.tried.push(id);
                if may_repeat(call, exchange) && !self.ended && may_retry(&self.worker, call, id) {
                    return Step::Again;
                }
                Step::Refuse(Reply::new(502, "UC", "the instance closed the connection"))
            }
            End::Retry(status) => {
                call.report(flight, health(status), None);
                call.tried.push(id);
                Step::Again
            }
            End::Timeout => {
                call.report(flight, Health::Unreachable, None);
                Step::Refuse(Reply::new(504, "UT", "the instance did not answer in time"))
            }
            End::Invalid(refusal) => {
                tracing::debug!(instance = %link.endpoint.authority, %refusal, "invalid answer");
                call.report(flight, Health::GatewayError, None);
                Step::Refuse(Reply::new(502, "UP", "the instance's answer is not valid HTTP"))
            }
            End::Cut => {
                call.report(flight, Health::Unreachable, None);
                call.cut(&self.notes.opening);
                Step::Finish(After::Close)
            }
            End::Upgraded => {
                Box::pin(self.tunnel(call, link)).await;
                call.finish(flight, None, &self.notes.opening);
                Step::Finish(After::Close)
            }
        }
    }
}

/// Whether sending the request once more can do no harm.
fn may_repeat(call: &Call, exchange: &Exchange) -> bool {
    call.repeatable && exchange.replayable
}
