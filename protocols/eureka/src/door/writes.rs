//! Answers to everything that changes the registry. A status that an operator sets is durable
//! before the answer; all else lives as long as its lease.

use std::sync::Arc;

use rialto_catalog::{Command, OutcomeKind, Protocol, Refused, ServiceKey, Status};
use rialto_door::http::{Answer, Reply};

use super::answer;
use super::call::Call;
use super::desk::{Desk, number, status_of};
use super::negotiate;
use super::route::parameters;
use crate::codec::{
    Batch, InstanceInfo, Media, ProblemBody, Refused as Unreadable, exact_status, inflate,
};
use crate::limits::BODY_BYTES_MAX;
use crate::map;
use crate::session::{self, First, Intent};

impl Desk {
    /// `POST apps/{app}`
    pub(super) fn register(self: &Arc<Self>, call: &Call<'_>, app: &str) -> Reply {
        let media = match self.body_media(call) {
            Ok(media) => media,
            Err(answer) => return answer.into(),
        };
        let info = match self.body(call).and_then(|body| InstanceInfo::decode(media, &body)) {
            Ok(info) => info,
            Err(error) => return unreadable(media, &error).into(),
        };
        if let Err(refusal) = session::validate(app, &info) {
            return self.sentence(call, 400, refusal.to_string()).into();
        }
        let service = match map::service(app) {
            Ok(service) => service,
            Err(error) => return self.sentence(call, 400, error.to_string()).into(),
        };
        let Some(agreed) = self.engine.read(|state| session::brought_override(state, &info)) else {
            return match self.register_now(&service, &info, call.headers.replicated) {
                Ok(()) => Answer::empty(204).into(),
                Err(refused) => self.refused(call, &refused).into(),
            };
        };
        let (desk, after) = (Arc::clone(self), After::of(call));
        Reply::Later(Box::pin(async move {
            if let Err(answer) = after.agree(&desk, agreed).await {
                return answer;
            }
            match desk.register_now(&service, &info, after.replicated) {
                Ok(()) => Answer::empty(204),
                Err(refused) => after.sentence(400, refused.to_string()),
            }
        }))
    }

    pub(super) fn register_now(
        &self,
        service: &ServiceKey,
        info: &InstanceInfo,
        replicated: bool,
    ) -> Result<(), Refused> {
        self.engine
            .own(|state, now| (Some(session::register(state, now, service, info, replicated)), ()))
    }

    /// `DELETE apps/{app}/{id}`
    pub(super) fn cancel(self: &Arc<Self>, call: &Call<'_>, app: &str, id: &str) -> Reply {
        let Ok(service) = map::service(app) else { return self.problem(call, 404).into() };
        match self.cancel_now(&service, id) {
            Ok(false) => self.problem(call, 404).into(),
            Ok(true) => match self.forgotten(id) {
                None => Answer::empty(200).into(),
                Some(agreed) => {
                    let (desk, after) = (Arc::clone(self), After::of(call));
                    Reply::Later(Box::pin(async move {
                        match after.agree(&desk, agreed).await {
                            Ok(()) => Answer::empty(200),
                            Err(answer) => answer,
                        }
                    }))
                }
            },
            Err(refused) => self.refused(call, &refused).into(),
        }
    }

    /// Takes an instance out; whether it was there.
    pub(super) fn cancel_now(&self, service: &ServiceKey, id: &str) -> Result<bool, Refused> {
        let command = Command::Deregister {
            service: service.clone(),
            protocol: Protocol::Eureka,
            id: id.to_owned(),
        };
        Ok(self.engine.apply(command)?.kind == OutcomeKind::Removed)
    }

    /// The command that forgets the override of an identity that left, if there is one.
    pub(super) fn forgotten(&self, id: &str) -> Option<Command> {
        self.engine.read(|state| session::forget_override(state, id))
    }

    /// `PUT apps/{app}/{id}/status`
    pub(super) fn set_status(self: &Arc<Self>, call: &Call<'_>, app: &str, id: &str) -> Reply {
        let word = call.parameter("value").unwrap_or_default();
        let Some(status) = exact_status(&word) else {
            return self.sentence(call, 400, bad_status(&word)).into();
        };
        let dirty = match dirty(call) {
            Ok(dirty) => dirty,
            Err(sentence) => return self.sentence(call, 400, sentence).into(),
        };
        self.settle(call, app, id, Intent::Set { status, dirty }, 200)
    }

    /// `DELETE apps/{app}/{id}/status`
    pub(super) fn clear_status(self: &Arc<Self>, call: &Call<'_>, app: &str, id: &str) -> Reply {
        let fallback = match call.parameter("value") {
            None => None,
            Some(word) => match exact_status(&word) {
                Some(status) => Some(status),
                None => return self.sentence(call, 400, bad_status(&word)).into(),
            },
        };
        let dirty = match dirty(call) {
            Ok(dirty) => dirty,
            Err(sentence) => return self.sentence(call, 400, sentence).into(),
        };
        self.settle(call, app, id, Intent::Clear { fallback, dirty }, 200)
    }

    /// `PUT apps/{app}/{id}/metadata`
    pub(super) fn set_metadata(&self, call: &Call<'_>, app: &str, id: &str) -> Answer {
        let mut entries: Vec<(String, String)> = Vec::new();
        for (key, value) in parameters(call.query) {
            if !entries.iter().any(|(known, _)| *known == key) {
                entries.push((key.into_owned(), value.into_owned()));
            }
        }
        let Ok(service) = map::service(app) else { return self.problem(call, 404) };
        let known = self.engine.own(|state, now| {
            let command = session::set_metadata(state, now, &service, id, &entries);
            let known = command.is_some();
            (command, known)
        });
        match known {
            Ok(true) => Answer::empty(200),
            Ok(false) => self.problem(call, 404),
            Err(refused) => self.refused(call, &refused),
        }
    }

    /// A peer's heartbeat brought a newer copy's override along: it is kept, and the peer is told
    /// to register the copy.
    pub(super) fn adopt_then_404(self: &Arc<Self>, call: &Call<'_>, app: &str, id: &str) -> Reply {
        let word = call.parameter("overriddenstatus");
        let status = word.and_then(|word| exact_status(&word)).filter(|it| *it != Status::Unknown);
        match status {
            Some(status) => self.settle(call, app, id, Intent::Adopt(status), 404),
            None => self.problem(call, 404).into(),
        }
    }

    /// `POST peerreplication/batch`
    pub(super) fn batch(self: &Arc<Self>, call: &Call<'_>) -> Reply {
        let media = match self.body_media(call) {
            Ok(media) => media,
            Err(answer) => return answer.into(),
        };
        let batch = match self.body(call).and_then(|body| Batch::decode(media, &body)) {
            Ok(batch) => batch,
            Err(error) => return unreadable(media, &error).into(),
        };
        let wanted = negotiate::media(call.headers.accept).unwrap_or(Media::Json);
        let desk = Arc::clone(self);
        Reply::Later(Box::pin(async move {
            Answer::owned(200, wanted.content_type(), desk.replay(batch, wanted).await)
        }))
    }

    /// Carries out an intent and answers `status`.
    fn settle(
        self: &Arc<Self>,
        call: &Call<'_>,
        app: &str,
        id: &str,
        intent: Intent,
        status: u16,
    ) -> Reply {
        let Ok(service) = map::service(app) else { return self.problem(call, 404).into() };
        let (desk, after) = (Arc::clone(self), After::of(call));
        match self.before_status(&service, id, intent) {
            First::Unknown => self.problem(call, 404).into(),
            First::Nothing => after.plain(&desk, status).into(),
            First::Agree(agreed) => {
                let id = id.to_owned();
                Reply::Later(Box::pin(async move {
                    if let Err(answer) = after.agree(&desk, *agreed).await {
                        return answer;
                    }
                    match desk.change_status(&service, &id, intent) {
                        Ok(()) => after.plain(&desk, status),
                        Err(refused) => after.sentence(400, refused.to_string()),
                    }
                }))
            }
        }
    }

    /// Renews the lease, as every call about an instance does, and looks what an intent needs.
    pub(super) fn before_status(&self, service: &ServiceKey, id: &str, intent: Intent) -> First {
        let now = self.engine.now();
        self.engine.read(|state| {
            state.renew(now, service, Protocol::Eureka, id);
            session::before_status(state, service, id, intent)
        })
    }

    pub(super) fn change_status(
        &self,
        service: &ServiceKey,
        id: &str,
        intent: Intent,
    ) -> Result<(), Refused> {
        self.engine.own(|state, now| (session::change_status(state, now, service, id, intent), ()))
    }

    fn body_media(&self, call: &Call<'_>) -> Result<Media, Answer> {
        call.body_media().ok_or_else(|| self.problem(call, 415))
    }

    /// The body, inflated when a peer compressed it.
    fn body<'a>(&self, call: &Call<'a>) -> Result<std::borrow::Cow<'a, [u8]>, Unreadable> {
        match call.headers.content_encoding {
            Some(coding) if coding.eq_ignore_ascii_case("gzip") => {
                inflate(call.body, BODY_BYTES_MAX).map(Into::into)
            }
            _ => Ok(call.body.into()),
        }
    }
}

/// What is needed of a call once its bytes are gone.
struct After {
    path: String,
    form: ProblemBody,
    media: Media,
    replicated: bool,
}

impl After {
    fn of(call: &Call<'_>) -> Self {
        After {
            path: call.path.to_owned(),
            form: negotiate::problem(call.headers.accept),
            media: negotiate::media(call.headers.accept).unwrap_or(Media::Json),
            replicated: call.headers.replicated,
        }
    }

    /// Makes a change durable, or says why not.
    async fn agree(&self, desk: &Desk, command: Command) -> Result<(), Answer> {
        match desk.engine.propose(command).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.sentence(status_of(&error), error.to_string())),
        }
    }

    fn plain(&self, desk: &Desk, status: u16) -> Answer {
        if status < 400 {
            Answer::empty(status)
        } else {
            answer::problem(status, self.form, &self.path, desk.now_ms())
        }
    }

    fn sentence(&self, status: u16, sentence: String) -> Answer {
        answer::sentence(status, self.media, sentence)
    }
}

fn unreadable(media: Media, error: &Unreadable) -> Answer {
    tracing::debug!(%error, "refused a body");
    Answer::text(400, media.content_type(), Unreadable::body(media))
}

fn dirty(call: &Call<'_>) -> Result<Option<i64>, String> {
    call.parameter("lastDirtyTimestamp").map(|text| number(&text)).transpose()
}

fn bad_status(word: &str) -> String {
    format!("value must be UP, DOWN, STARTING, OUT_OF_SERVICE or UNKNOWN, not `{word}`")
}
