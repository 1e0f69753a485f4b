//! Listings and deltas, written once a revision and shared by all who ask for the same.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use rialto_catalog::{ExpiryMode, LeaseInfo, Revision, Timestamp};
use rialto_engine::Engine;

use super::answer::Listing;
use crate::codec::{Envelope, Format, Media, Member, Styled};
use crate::limits::LISTING_MS;
use crate::map::Telling;
use crate::session::{Entry, View, write_delta};

/// What can be fetched as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Apps,
    Delta,
}

/// The view of the catalog and what was written of it last.
#[derive(Debug)]
pub(super) struct Fetch {
    engine: Engine,
    telling: Telling,
    view: Mutex<View>,
    /// By what is fetched, format and compression.
    kept: [RwLock<Option<Arc<Kept>>>; 16],
    /// Lets one write at a time; the others wait for the result.
    gate: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Kept {
    revision: Revision,
    fresh_until: Timestamp,
    listing: Arc<Listing>,
}

impl Fetch {
    pub(super) fn new(engine: Engine) -> Self {
        let netflix = engine.read(|state| matches!(state.policy().expiry, ExpiryMode::Netflix(_)));
        let fetch = Fetch {
            engine,
            telling: if netflix { Telling::Netflix } else { Telling::True },
            view: Mutex::default(),
            kept: Default::default(),
            gate: tokio::sync::Mutex::default(),
        };
        fetch.catch_up();
        fetch
    }

    /// How lease times are told.
    pub(super) fn telling(&self) -> Telling {
        self.telling
    }

    /// Takes over what has changed, so that the catalog's log of changes is read before it is cut
    /// off even when nobody fetches.
    pub(super) fn catch_up(&self) {
        let mut view = self.view.lock();
        let now = self.engine.now();
        self.engine.read(|state| view.catch_up(state, now));
    }

    /// What was written, if nothing has changed since.
    pub(super) fn ready(&self, what: What, format: Format, gzip: bool) -> Option<Arc<Listing>> {
        let kept = self.kept[slot(what, format, gzip)].read().clone()?;
        let revision = self.engine.read(|state| state.revision());
        let fresh = kept.revision == revision && self.engine.now() < kept.fresh_until;
        fresh.then(|| Arc::clone(&kept.listing))
    }

    /// Waits for its turn and writes, off the worker's thread. A change that was answered before
    /// this call is in the result.
    pub(super) async fn write(
        self: Arc<Self>,
        what: What,
        format: Format,
        gzip: bool,
    ) -> Option<Arc<Listing>> {
        let _turn = self.gate.lock().await;
        if let Some(listing) = self.ready(what, format, gzip) {
            return Some(listing);
        }
        let this = Arc::clone(&self);
        let work = move || this.write_now(what, format, gzip);
        tokio::task::spawn_blocking(work).await.ok()
    }

    fn write_now(&self, what: What, format: Format, gzip: bool) -> Arc<Listing> {
        let kept = match what {
            What::Apps => self.write_apps(format, gzip),
            What::Delta => self.write_delta(format, gzip),
        };
        let listing = Arc::clone(&kept.listing);
        *self.kept[slot(what, format, gzip)].write() = Some(Arc::new(kept));
        listing
    }

    fn write_apps(&self, format: Format, gzip: bool) -> Kept {
        let mut view = self.view.lock();
        let now = self.engine.now();
        let revision = self.engine.read(|state| {
            view.catch_up(state, now);
            state.revision()
        });
        let hash = view.hash().to_string();
        let empty = view.pages().is_empty();
        let pages = view.pages().write(format, now, self.telling, &|entry| self.lease(entry));
        drop(view);
        let envelope = Envelope::listing(format);
        let (mut open, mut close) = (Vec::new(), Vec::new());
        // Netflix's server says 1 in every full answer; versions matter in deltas only.
        envelope.open(&mut open, "1", &hash);
        envelope.close(&mut close, "1", &hash, empty);
        let parts = if gzip {
            let mut member = Member::default();
            member.store(&open);
            for page in &pages {
                member.push(page.piece());
            }
            member.store(&close);
            vec![member.finish()]
        } else {
            let mut parts = vec![Bytes::from(open)];
            parts.extend(pages.iter().map(|page| page.text().clone()));
            parts.push(close.into());
            parts
        };
        let fresh_until = Timestamp(now.0 + LISTING_MS);
        Kept { revision, fresh_until, listing: listing(parts, gzip) }
    }

    fn write_delta(&self, format: Format, gzip: bool) -> Kept {
        let mut view = self.view.lock();
        let now = self.engine.now();
        let revision = self.engine.read(|state| {
            view.catch_up(state, now);
            state.revision()
        });
        let hash = view.hash().to_string();
        let version = revision.0.to_string();
        let envelope = Envelope::listing(format);
        let mut text = Vec::new();
        envelope.open(&mut text, &version, &hash);
        let delta = view.delta();
        let empty = delta.fresh_until().is_none();
        write_delta(&mut text, format, delta, self.telling, &|entry| self.lease(entry));
        let fresh_until = delta.fresh_until().unwrap_or(Timestamp(now.0 + LISTING_MS));
        drop(view);
        envelope.close(&mut text, &version, &hash, empty);
        let part = if gzip {
            let mut member = Member::default();
            member.push(&crate::codec::Piece::new(&text));
            member.finish()
        } else {
            text.into()
        };
        let fresh_until = fresh_until.min(Timestamp(now.0 + LISTING_MS));
        Kept { revision, fresh_until, listing: listing(vec![part], gzip) }
    }

    /// The instances of a virtual address, in order.
    pub(super) fn vip(&self, secure: bool, address: &str) -> Vec<Entry> {
        self.catch_up();
        self.view.lock().vip(secure, address)
    }

    /// How many instances have which status, in Eureka's words.
    pub(super) fn hash(&self) -> String {
        self.catch_up();
        self.view.lock().hash().to_string()
    }

    /// The lease of an instance as it is now.
    pub(super) fn lease(&self, entry: &Entry) -> Option<LeaseInfo> {
        let (protocol, id) = (entry.instance.protocol(), entry.instance.id());
        self.engine.read(|state| state.lease(&entry.service, protocol, id))
    }
}

fn listing(parts: Vec<Bytes>, gzip: bool) -> Arc<Listing> {
    let bytes = parts.iter().map(|part| part.len() as u64).sum();
    Arc::new(Listing { parts, bytes, gzip })
}

fn slot(what: What, format: Format, gzip: bool) -> usize {
    usize::from(what == What::Delta)
        + 2 * usize::from(format.media == Media::Xml)
        + 4 * usize::from(format.style == Styled::Compact)
        + 8 * usize::from(gzip)
}
