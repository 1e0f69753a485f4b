//! Replication batches: what a real Eureka server tells its peers, carried out call by call as if
//! the clients had come here.

use std::sync::Arc;

use rialto_catalog::{Command, Instance, Protocol, ServiceKey, Status};

use super::desk::{Desk, status_of};
use crate::codec::{Action, Batch, BatchAnswer, BatchItem, ItemAnswer, Media, exact_status};
use crate::map::{self, Names, shape};
use crate::session::{self, First, Intent, Renewed, renewed};

/// What the sender is told about one item.
struct Told {
    status: u16,
    entity: Option<(ServiceKey, Arc<Instance>)>,
}

impl From<u16> for Told {
    fn from(status: u16) -> Self {
        Told { status, entity: None }
    }
}

impl Desk {
    /// Carries out a batch, and writes the answer.
    pub(super) async fn replay(&self, batch: Batch, media: Media) -> Vec<u8> {
        let mut answer = BatchAnswer::new(media);
        for item in batch.items {
            // What a real server fails on it answers with 500, and its peers expect that.
            let told = self.replay_item(item).await.unwrap_or(Told::from(500));
            let names = told.entity.as_ref().map(|(service, it)| Names::of(service, it));
            let entity = told.entity.as_ref().zip(names.as_ref()).map(|((service, it), names)| {
                let lease = self.engine.read(|state| state.lease(service, it.protocol(), it.id()));
                shape(names, it, lease, self.fetch.telling())
            });
            answer.push(&ItemAnswer { status: told.status, entity });
        }
        answer.finish()
    }

    /// `None` when something that is needed is missing.
    async fn replay_item(&self, item: BatchItem) -> Option<Told> {
        let app = item.app.as_deref()?;
        let id = item.id.as_deref()?;
        let Ok(service) = map::service(app) else { return Some(404.into()) };
        Some(match item.action? {
            Action::Heartbeat => self.replay_heartbeat(&service, id, &item).await,
            Action::Register => {
                let info = item.info.as_ref()?;
                let brought = self.engine.read(|state| session::brought_override(state, info));
                // What a client would be refused for is dropped without a word.
                if session::validate(app, info).is_ok() {
                    if let Some(told) = self.agree(brought).await {
                        return Some(told);
                    }
                    if self.register_now(&service, info, true).is_err() {
                        return Some(500.into());
                    }
                }
                200.into()
            }
            Action::Cancel => match self.cancel_now(&service, id) {
                Ok(true) => self.agree(self.forgotten(id)).await.unwrap_or(200.into()),
                _ => 404.into(),
            },
            Action::StatusUpdate => {
                let status = exact_status(item.status.as_deref()?)?;
                let intent = Intent::Set { status, dirty: item.last_dirty_ms };
                self.replay_intent(&service, id, intent).await
            }
            Action::DeleteStatusOverride => {
                let dirty = item.last_dirty_ms?;
                let fallback = exact_status(item.status.as_deref()?)?;
                let intent = Intent::Clear { fallback: Some(fallback), dirty: Some(dirty) };
                self.replay_intent(&service, id, intent).await
            }
        })
    }

    async fn replay_heartbeat(&self, service: &ServiceKey, id: &str, item: &BatchItem) -> Told {
        let now = self.engine.now();
        let found = self.engine.read(|state| {
            let instance = state.renew(now, service, Protocol::Eureka, id)?;
            Some((renewed(instance, item.last_dirty_ms, true), Arc::clone(instance)))
        });
        match found {
            Some((Renewed::Ok, _)) => 200.into(),
            Some((Renewed::Conflict, instance)) => {
                Told { status: 409, entity: Some((service.clone(), instance)) }
            }
            Some((Renewed::RegisterAnew { newer: true }, _)) => {
                let status = item.overridden.as_deref().and_then(exact_status);
                if let Some(status) = status.filter(|it| *it != Status::Unknown) {
                    self.replay_intent(service, id, Intent::Adopt(status)).await;
                }
                404.into()
            }
            _ => 404.into(),
        }
    }

    async fn replay_intent(&self, service: &ServiceKey, id: &str, intent: Intent) -> Told {
        match self.before_status(service, id, intent) {
            First::Unknown => 404.into(),
            First::Nothing => 200.into(),
            First::Agree(agreed) => match self.agree(Some(*agreed)).await {
                Some(told) => told,
                None if self.change_status(service, id, intent).is_err() => 500.into(),
                None => 200.into(),
            },
        }
    }

    /// Makes a change durable; says something only when that failed.
    async fn agree(&self, command: Option<Command>) -> Option<Told> {
        let error = self.engine.propose(command?).await.err()?;
        Some(status_of(&error).into())
    }
}
