//! Answers to everything that changes nothing.

use std::sync::Arc;

use rialto_catalog::{Protocol, ServiceKey, State};
use rialto_door::http::{Answer, Reply};

use super::answer;
use super::call::Call;
use super::desk::Desk;
use super::fetch::What;
use super::negotiate;
use crate::codec::{Envelope, Format, Hash, Media, Styled, instance};
use crate::map::{self, Names, shape};
use crate::session::{Entry, write_some};

/// What an empty or unknown virtual address is said to have as version.
const VERSION_NONE: &str = "-1";

impl Desk {
    /// `apps` and `apps/delta`. The parameter `regions` is taken and means nothing here.
    pub(super) fn list(self: &Arc<Self>, call: &Call<'_>, what: What) -> Reply {
        let Some(format) = format(call) else { return self.not_acceptable(call).into() };
        let gzip = negotiate::gzip(call.headers.accept_encoding);
        let revision = match self.fetch.ready(what, format, gzip) {
            Ok(listing) => return answer::listing(format.media, listing).into(),
            Err(revision) => revision,
        };
        let desk = Arc::clone(self);
        let path = call.path.to_owned();
        let form = negotiate::problem(call.headers.accept);
        Reply::Later(Box::pin(async move {
            match Arc::clone(&desk.fetch).write(revision, what, format, gzip).await {
                Some(listing) => answer::listing(format.media, listing),
                None => answer::problem(500, form, &path, desk.now_ms()),
            }
        }))
    }

    /// `apps/{app}`
    pub(super) fn app(&self, call: &Call<'_>, app: &str) -> Answer {
        let Some(format) = format(call) else { return self.not_acceptable(call) };
        let entries = self.engine.read(|state| entries_of(state, app));
        if entries.is_empty() {
            return self.problem(call, 404);
        }
        let mut out = Vec::with_capacity(entries.len() * 1_024 + 64);
        let envelope = Envelope::alone(format);
        envelope.open(&mut out, "", "");
        let telling = self.fetch.telling();
        write_some(&mut out, envelope, &entries, telling, &|entry| self.fetch.lease(entry));
        envelope.close(&mut out, "", "", false);
        Answer::owned(200, format.media.content_type(), trimmed(out))
    }

    /// `vips/{vip}` and `svips/{vip}`
    pub(super) fn vip(&self, call: &Call<'_>, secure: bool, address: &str) -> Answer {
        let Some(format) = format(call) else { return self.not_acceptable(call) };
        let entries = self.fetch.vip(secure, address);
        let mut hash = Hash::default();
        entries.iter().for_each(|entry| hash.add(entry.instance.status()));
        let hash = hash.to_string();
        let mut out = Vec::with_capacity(entries.len() * 1_024 + 256);
        let envelope = Envelope::listing(format);
        envelope.open(&mut out, VERSION_NONE, &hash);
        let telling = self.fetch.telling();
        write_some(&mut out, envelope, &entries, telling, &|entry| self.fetch.lease(entry));
        envelope.close(&mut out, VERSION_NONE, &hash, entries.is_empty());
        Answer::owned(200, format.media.content_type(), out)
    }

    /// `apps/{app}/{id}`
    pub(super) fn instance(&self, call: &Call<'_>, app: &str, id: &str) -> Answer {
        let found = self.engine.read(|state| find_shown(state, app, id));
        self.one(call, found)
    }

    /// `instances/{id}`
    pub(super) fn by_id(&self, call: &Call<'_>, id: &str) -> Answer {
        let found = self.engine.read(|state| {
            let mut all = state.instances_by_id(id);
            let own = all.find(|(service, instance)| {
                instance.protocol() == Protocol::Eureka && map::visible(service.key())
            });
            own.map(|(service, instance)| entry(service.key(), instance))
                .or_else(|| find_exported(state, id))
        });
        self.one(call, found)
    }

    fn one(&self, call: &Call<'_>, found: Option<Entry>) -> Answer {
        let Some(media) = negotiate::media(call.headers.accept) else {
            return self.not_acceptable(call);
        };
        match found {
            Some(entry) => Answer::owned(200, media.content_type(), self.document(media, &entry)),
            None => self.problem(call, 404),
        }
    }

    /// One instance as a document.
    pub(super) fn document(&self, media: Media, entry: &Entry) -> Vec<u8> {
        let names = Names::of(&entry.service, &entry.instance);
        let lease = self.fetch.lease(entry);
        instance(media, &shape(&names, &entry.instance, lease, self.fetch.telling()))
    }

    fn not_acceptable(&self, call: &Call<'_>) -> Answer {
        self.problem(call, 406)
    }
}

/// The format that a listing is wanted in.
fn format(call: &Call<'_>) -> Option<Format> {
    let compact = call.headers.style.is_some_and(|style| style.eq_ignore_ascii_case("compact"));
    let style = if compact { Styled::Compact } else { Styled::Full };
    negotiate::media(call.headers.accept).map(|media| Format { media, style })
}

/// An XML document of one application begins with the line break of its first element.
fn trimmed(mut out: Vec<u8>) -> Vec<u8> {
    if out.first() == Some(&b'\n') {
        out.remove(0);
    }
    out
}

fn entry(service: &ServiceKey, instance: &Arc<rialto_catalog::Instance>) -> Entry {
    let app = map::app(service).into();
    Entry { app, service: service.clone(), instance: Arc::clone(instance) }
}

/// All instances of an application, which is every service of that name in any case.
fn entries_of(state: &State, app: &str) -> Vec<Entry> {
    let (namespace, group) = (ServiceKey::NAMESPACE_DEFAULT, ServiceKey::GROUP_DEFAULT);
    state
        .services_folded(namespace, group, &rialto_catalog::fold(app))
        .flat_map(|service| service.instances().iter().map(move |it| entry(service.key(), it)))
        .collect()
}

fn find_shown(state: &State, app: &str, id: &str) -> Option<Entry> {
    let service = map::service(app).ok()?;
    if let Some(instance) = state.instance(&service, Protocol::Eureka, id) {
        return Some(entry(&service, instance));
    }
    entries_of(state, app).into_iter().find(|entry| is_exported_as(entry, id))
}

/// An instance of another door by the identity that Eureka clients know it by, in which the
/// service's name stands in the middle.
fn find_exported(state: &State, id: &str) -> Option<Entry> {
    let (rest, _port) = id.rsplit_once(':')?;
    let (_host, service) = rest.rsplit_once(':')?;
    entries_of(state, service).into_iter().find(|entry| is_exported_as(entry, id))
}

fn is_exported_as(entry: &Entry, id: &str) -> bool {
    entry.instance.protocol() != Protocol::Eureka
        && map::foreign_id(&entry.service, &entry.instance) == id
}
