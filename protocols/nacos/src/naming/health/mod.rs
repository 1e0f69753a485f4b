//! Health of persistent instances: asked again and again, of the instance's own address alone, and
//! written down when it changes.

mod checks;
mod mysql;
mod probe;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rialto_catalog::Millis;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub(super) use checks::Checks;
use checks::{Due, Pace, Verdict};

use super::Naming;
use super::words::Checker;
use crate::limits::{HEALTH_CHECKS_MAX, HEALTH_IDLE_MS};

impl Naming {
    /// Checks health for ever. What is under way ends when this is dropped.
    pub(super) async fn check_health(&self) {
        let mut under_way = JoinSet::new();
        let room = Arc::new(Semaphore::new(HEALTH_CHECKS_MAX));
        loop {
            let now = self.shared.engine.now();
            for due in self.shared.checks.lock().due(now) {
                let (naming, room) = (self.clone(), Arc::clone(&room));
                under_way.spawn(async move {
                    let _place = room.acquire().await;
                    naming.check(due).await;
                });
            }
            let next = self.shared.checks.lock().next();
            let rest = next.map_or(HEALTH_IDLE_MS, |at| at.since(now).0.min(HEALTH_IDLE_MS));
            tokio::time::sleep(Duration::from_millis(rest.max(10))).await;
            while under_way.try_join_next().is_some() {}
        }
    }

    async fn check(&self, due: Due) {
        let settings = self.shared.settings.get(&due.service);
        let cluster = settings.map(|settings| settings.cluster(&due.cluster)).unwrap_or_default();
        let switches = *self.shared.switches.lock();
        let pace = Pace::of(&cluster.checker);
        let Some(pace) = pace.filter(|_| switches.health_check_enabled()) else {
            let now = self.shared.engine.now();
            self.shared.checks.lock().skip(due.number, now);
            return;
        };
        let port = if cluster.use_instance_port { due.port } else { cluster.check_port };
        let began = Instant::now();
        let verdict = match &cluster.checker {
            Checker::Tcp | Checker::None => probe::tcp(&due.host, port).await,
            Checker::Http { path, headers, expected } => {
                probe::http(&due.host, port, path, headers, *expected).await
            }
            Checker::Mysql { user, password, command } => {
                mysql::probe(&due.host, port, (user, password), command).await
            }
        };
        let took = match verdict {
            Verdict::Works => Millis(began.elapsed().as_millis() as u64),
            Verdict::Fails | Verdict::Refuses => pace.most,
        };
        let now = self.shared.engine.now();
        let times = switches.check_times();
        let flip = self.shared.checks.lock().done(due.number, verdict, (took, pace), times, now);
        let Some(flip) = flip else { return };
        if let Err(problem) = self.record_health(&flip.service, &flip.id, flip.healthy).await {
            let (service, id) = (&flip.service, &flip.id);
            tracing::warn!(%service, id, %problem, "a change of health cannot be written down");
        }
    }
}
