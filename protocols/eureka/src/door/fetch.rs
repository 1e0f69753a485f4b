//! Listings and deltas, written once a revision and shared by all who ask for the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use rialto_catalog::{ExpiryMode, LeaseInfo, Revision, Timestamp};
use rialto_door::http::Listing;
use rialto_engine::Engine;

use crate::codec::{Envelope, Format, Media, Member, Styled};
use crate::limits::{LISTING_MS, VIEW_IDLE_MS};
use crate::map::Telling;
use crate::session::{Entry, View, Written};

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
    /// When somebody last called, in the engine's milliseconds; 0 while the view is not kept up.
    asked_ms: AtomicU64,
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
        Fetch {
            engine,
            telling: if netflix { Telling::Netflix } else { Telling::True },
            view: Mutex::default(),
            asked_ms: AtomicU64::new(0),
            kept: Default::default(),
            gate: tokio::sync::Mutex::default(),
        }
    }

    /// A call has come that fetches may follow: the view is kept up from now on.
    pub(super) fn wake(&self) {
        if self.asked_ms.swap(self.engine.now().0, Relaxed) == 0 {
            self.catch_up();
        }
    }

    /// Keeps the view near the catalog while somebody calls now and then, so that no change falls
    /// out of the catalog's log unseen; otherwise holds nothing. Instances of other doors cost
    /// nothing here where there are no Eureka clients.
    pub(super) fn keep(&self) {
        match self.asked_ms.load(Relaxed) {
            0 => {}
            asked_ms if self.engine.now().since(Timestamp(asked_ms)).0 < VIEW_IDLE_MS => {
                self.catch_up();
            }
            _ => {
                self.asked_ms.store(0, Relaxed);
                *self.view.lock() = View::default();
                self.kept.iter().for_each(|kept| *kept.write() = None);
            }
        }
    }

    /// How lease times are told.
    pub(super) fn telling(&self) -> Telling {
        self.telling
    }

    /// Takes over what has changed.
    fn catch_up(&self) {
        self.follow(&mut self.view.lock());
    }

    /// What was written, if it shows everything that has changed so far; otherwise the revision
    /// that has to be shown.
    pub(super) fn ready(
        &self,
        what: What,
        format: Format,
        gzip: bool,
    ) -> Result<Arc<Listing>, Revision> {
        let revision = self.engine.read(|state| state.revision());
        self.since(revision, what, format, gzip).ok_or(revision)
    }

    /// What was written, if it shows everything up to a revision.
    fn since(
        &self,
        revision: Revision,
        what: What,
        format: Format,
        gzip: bool,
    ) -> Option<Arc<Listing>> {
        let kept = self.kept[slot(what, format, gzip)].read().clone()?;
        let fresh = kept.revision >= revision && self.engine.now() < kept.fresh_until;
        fresh.then(|| Arc::clone(&kept.listing))
    }

    /// Waits for its turn and writes, off the worker's thread. Whoever waited while a listing of
    /// its revision or a later one was written shares that one: however fast things change, as
    /// many answers as are asked for cost one writing at a time.
    pub(super) async fn write(
        self: Arc<Self>,
        revision: Revision,
        what: What,
        format: Format,
        gzip: bool,
    ) -> Option<Arc<Listing>> {
        let _turn = self.gate.lock().await;
        if let Some(listing) = self.since(revision, what, format, gzip) {
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
        let (now, revision) = self.follow(&mut view);
        let hash = view.hash().to_string();
        let pages = view.pages().write(format, now, self.telling, &|entry| self.lease(entry));
        drop(view);
        // Netflix's server says 1 in every full answer; versions matter in deltas only.
        let listing = assemble(format, gzip, "1", &hash, &pages, "");
        Kept { revision, fresh_until: Timestamp(now.0 + LISTING_MS), listing }
    }

    fn write_delta(&self, format: Format, gzip: bool) -> Kept {
        let mut view = self.view.lock();
        let (now, revision) = self.follow(&mut view);
        let hash = view.hash().to_string();
        let delta = view.delta();
        let mut fresh_until = Timestamp(now.0 + LISTING_MS);
        if let Some(until) = delta.fresh_until() {
            fresh_until = fresh_until.min(until);
        }
        let apps = delta.write(format, now, self.telling, &|entry| self.lease(entry));
        drop(view);
        let between = if format.media == Media::Json { "," } else { "" };
        let version = revision.0.to_string();
        let listing = assemble(format, gzip, &version, &hash, &apps, between);
        Kept { revision, fresh_until, listing }
    }

    /// Brings the view to the present moment and revision.
    fn follow(&self, view: &mut View) -> (Timestamp, Revision) {
        let now = self.engine.now();
        let revision = self.engine.read(|state| {
            view.catch_up(state, now);
            state.revision()
        });
        (now, revision)
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

/// Puts a listing together from its pieces, with `between` between them.
fn assemble(
    format: Format,
    gzip: bool,
    version: &str,
    hash: &str,
    pieces: &[Arc<Written>],
    between: &'static str,
) -> Arc<Listing> {
    let envelope = Envelope::listing(format);
    let (mut open, mut close) = (Vec::new(), Vec::new());
    envelope.open(&mut open, version, hash);
    envelope.close(&mut close, version, hash, pieces.is_empty());
    let parts = if gzip {
        let mut member = Member::default();
        member.store(&open);
        for (at, piece) in pieces.iter().enumerate() {
            if at > 0 && !between.is_empty() {
                member.store(between.as_bytes());
            }
            member.push(piece.piece());
        }
        member.store(&close);
        vec![member.finish()]
    } else {
        let mut parts = vec![Bytes::from(open)];
        for (at, piece) in pieces.iter().enumerate() {
            if at > 0 && !between.is_empty() {
                parts.push(Bytes::from_static(between.as_bytes()));
            }
            parts.push(piece.text().clone());
        }
        parts.push(close.into());
        parts
    };
    let bytes = parts.iter().map(|part| part.len() as u64).sum();
    Arc::new(Listing { parts, bytes, gzip })
}

fn slot(what: What, format: Format, gzip: bool) -> usize {
    usize::from(what == What::Delta)
        + 2 * usize::from(format.media == Media::Xml)
        + 4 * usize::from(format.style == Styled::Compact)
        + 8 * usize::from(gzip)
}

#[cfg(test)]
mod tests {
    use rialto_catalog::{Command, InstanceSpec, Millis, Protocol, ServiceKey};
    use rialto_engine::ManualClock;
    use rialto_telemetry::Telemetry;

    use super::*;

    #[test]
    fn the_view_is_kept_up_only_while_somebody_calls() {
        let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
        let engine = Engine::in_memory(Arc::<ManualClock>::clone(&clock), Telemetry::new());
        let spec = InstanceSpec::new("h:1", Protocol::Nacos, "h", 1, Millis::from_secs(86_400));
        let service = ServiceKey::named("stock").unwrap();
        engine.apply(Command::Register { service, spec }).unwrap();
        let fetch = Fetch::new(engine);
        let shows = || fetch.view.lock().revision().is_some();
        let format = Format { media: Media::Json, style: Styled::Full };
        fetch.keep();
        assert!(!shows(), "nobody has called yet");
        fetch.wake();
        assert!(shows());
        let before = fetch.write_now(What::Apps, format, false);
        clock.advance(Millis(VIEW_IDLE_MS - 1));
        fetch.keep();
        assert!(shows());
        clock.advance(Millis(1));
        fetch.keep();
        assert!(!shows() && fetch.kept.iter().all(|kept| kept.read().is_none()));
        let after = fetch.write_now(What::Apps, format, false);
        assert_eq!(before.bytes, after.bytes, "it is there again for who asks");
    }
}
