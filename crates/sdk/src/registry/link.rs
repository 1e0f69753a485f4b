//! Keeps one session with the server: registers, renews and reports on it, and begins a new one
//! whenever it breaks.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt as _;
use rialto_api::proto::session_request::Kind;
use rialto_api::proto::{Hello, Instance, Renew, ServiceName, SessionReply, SessionRequest};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::ledger::{Answer, Ledger};
use super::pause::Pause;
use super::server::Server;
use crate::limits::{LEAVE_WAIT, OUTBOX_MESSAGES_MAX, REPORT_EVERY};
use crate::report::Reports;

/// What the rest of the process asks for.
pub(crate) enum Command {
    Register { service: ServiceName, instance: Instance, ttl: Duration, answer: Answer },
    Leave { service: ServiceName, id: String, done: oneshot::Sender<()> },
}

/// The task that keeps the session.
pub(crate) struct Link {
    pub(crate) server: Server,
    pub(crate) caller: Arc<OnceLock<Arc<str>>>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
}

/// A session under way.
struct Open {
    outbox: mpsc::Sender<SessionRequest>,
    replies: Streaming<SessionReply>,
}

enum End {
    /// Every handle of the process is gone.
    Closed,
    /// The session broke.
    Lost(Option<tonic::Status>),
}

impl Link {
    /// Runs until every handle of the process is gone, then leaves.
    pub(crate) async fn run(mut self) {
        let mut ledger = Ledger::default();
        let mut pause = Pause::new();
        loop {
            let end = match self.open(&mut ledger).await {
                Ok(open) => {
                    pause.reset();
                    self.keep(open, &mut ledger).await
                }
                Err(status) => End::Lost(Some(status)),
            };
            match end {
                End::Closed => return,
                End::Lost(status) if pause.is_first() => {
                    let reason = status.as_ref().map_or("it closed the session", |s| s.message());
                    tracing::warn!(
                        server = self.server.address(),
                        reason,
                        "the server is away; calls go on with what is known"
                    );
                }
                End::Lost(_) => {}
            }
            if self.wait(&mut ledger, &mut pause).await.is_none() {
                return;
            }
        }
    }

    async fn open(&self, ledger: &mut Ledger) -> Result<Open, tonic::Status> {
        let (outbox, messages) = mpsc::channel(OUTBOX_MESSAGES_MAX);
        let agent = concat!("rialto-sdk/", env!("CARGO_PKG_VERSION")).to_owned();
        let service = self.caller.get().map(ToString::to_string).unwrap_or_default();
        let hello = Kind::Hello(Hello { service, agent });
        let mut first = vec![hello];
        first.extend(ledger.all());
        for kind in first {
            // There is room: a process has fewer registrations than the outbox has places.
            _ = outbox.try_send(SessionRequest { kind: Some(kind) });
        }
        let request = self.server.request(ReceiverStream::new(messages));
        let replies = self.server.client().session(request).await?.into_inner();
        tracing::debug!(server = self.server.address(), "session begun");
        Ok(Open { outbox, replies })
    }

    async fn keep(&mut self, mut open: Open, ledger: &mut Ledger) -> End {
        let mut report = interval(REPORT_EVERY);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed = Instant::now();
        loop {
            let every = ledger.renew_every();
            let renew = every.map_or_else(far_away, |every| renewed + every);
            let messages = tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => take_command(command, ledger).into_iter().collect(),
                    None => return leave(open, ledger, self.reports.take()).await,
                },
                reply = open.replies.next() => match reply {
                    Some(Ok(SessionReply { kind: Some(kind) })) => ledger.take(kind),
                    // A kind of answer that a newer server knows.
                    Some(Ok(SessionReply { kind: None })) => Vec::new(),
                    Some(Err(status)) => return End::Lost(Some(status)),
                    None => return End::Lost(None),
                },
                () = sleep_until(renew) => {
                    renewed = Instant::now();
                    vec![Kind::Renew(Renew {})]
                }
                _ = report.tick() => self.reports.take().map(Kind::Report).into_iter().collect(),
            };
            for kind in messages {
                if open.outbox.send(SessionRequest { kind: Some(kind) }).await.is_err() {
                    return End::Lost(None);
                }
            }
        }
    }

    /// Waits before the next try, taking commands meanwhile; `None` when all handles are gone.
    async fn wait(&mut self, ledger: &mut Ledger, pause: &mut Pause) -> Option<()> {
        let mut over = std::pin::pin!(pause.wait());
        loop {
            tokio::select! {
                () = &mut over => return Some(()),
                command = self.commands.recv() => {
                    take_command(command?, ledger);
                }
            }
        }
    }
}

fn take_command(command: Command, ledger: &mut Ledger) -> Option<Kind> {
    match command {
        Command::Register { service, instance, ttl, answer } => {
            ledger.add(service, instance, ttl, answer)
        }
        Command::Leave { service, id, done } => ledger.remove(&service, &id, done),
    }
}

/// Leaves with everything, and waits for the server to have read it.
async fn leave(
    open: Open,
    ledger: &mut Ledger,
    report: Option<rialto_api::proto::CallReport>,
) -> End {
    let Open { outbox, mut replies } = open;
    let mut messages: Vec<Kind> = report.map(Kind::Report).into_iter().collect();
    messages.extend(ledger.leave_all());
    for kind in messages {
        _ = outbox.try_send(SessionRequest { kind: Some(kind) });
    }
    // The server ends its side once it has read all of ours.
    drop(outbox);
    _ = timeout(LEAVE_WAIT, async { while let Some(Ok(_)) = replies.next().await {} }).await;
    End::Closed
}

fn far_away() -> Instant {
    Instant::now() + Duration::from_secs(24 * 60 * 60)
}
