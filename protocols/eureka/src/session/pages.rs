//! All instances in order, cut into pages. A page keeps what was written of it, so that a change
//! writes and compresses one page again, however many instances there are.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rialto_catalog::{Instance, LeaseInfo, Protocol, ServiceKey, Timestamp};

use crate::codec::{Envelope, Format, Media, Piece, Styled};
use crate::limits::{LISTING_MS, PAGE_INSTANCES_MAX};
use crate::map::{Names, Telling, shape};

/// An instance at its place: sorted by application, service, protocol and identifier.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Upper case.
    pub app: Arc<str>,
    /// Several services may be one application when they differ in case only.
    pub service: ServiceKey,
    /// As the catalog has it.
    pub instance: Arc<Instance>,
}

/// What an [`Entry`] is sorted by.
type Place<'a> = (&'a str, &'a ServiceKey, Protocol, &'a str);

impl Entry {
    fn place(&self) -> Place<'_> {
        (&self.app, &self.service, self.instance.protocol(), self.instance.id())
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

/// All instances in order.
#[derive(Debug, Default)]
pub struct Pages {
    pages: Vec<Page>,
}

/// A run of neighbours.
#[derive(Debug, Default)]
struct Page {
    entries: Vec<Entry>,
    written: [Option<(Edges, Arc<Written>)>; 4],
}

/// A piece of a listing as it was written.
#[derive(Debug)]
pub struct Written {
    at: Timestamp,
    text: Bytes,
    piece: OnceLock<Piece>,
}

/// What the text of a page depends on besides its own instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edges {
    /// It is the first page.
    first: bool,
    /// Its first instance begins an application.
    opens: bool,
    /// Its last instance ends an application.
    closes: bool,
}

impl Written {
    pub(super) fn new(text: Bytes, at: Timestamp) -> Arc<Self> {
        Arc::new(Written { at, text, piece: OnceLock::new() })
    }

    /// Whether its lease times are still good enough.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.at).0 < LISTING_MS
    }

    /// The plain text.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The same, compressed when first asked for.
    pub fn piece(&self) -> &Piece {
        self.piece.get_or_init(|| Piece::new(&self.text))
    }
}

impl Pages {
    /// Inserts an instance or replaces it.
    pub fn put(&mut self, entry: Entry) -> Option<Entry> {
        let Some(at) = self.page_of(&entry) else {
            self.pages.push(Page { entries: vec![entry], ..Page::default() });
            return None;
        };
        let page = &mut self.pages[at];
        page.written = [const { None }; 4];
        match page.entries.binary_search(&entry) {
            Ok(place) => Some(std::mem::replace(&mut page.entries[place], entry)),
            Err(place) => {
                page.entries.insert(place, entry);
                if page.entries.len() > PAGE_INSTANCES_MAX {
                    let entries = page.entries.split_off(PAGE_INSTANCES_MAX / 2);
                    self.pages.insert(at + 1, Page { entries, ..Page::default() });
                }
                None
            }
        }
    }

    /// Removes an instance.
    pub fn remove(&mut self, entry: &Entry) -> Option<Entry> {
        let at = self.page_of(entry)?;
        let page = &mut self.pages[at];
        let place = page.entries.binary_search(entry).ok()?;
        page.written = [const { None }; 4];
        let removed = page.entries.remove(place);
        let length = page.entries.len();
        if length == 0 {
            self.pages.remove(at);
        } else if let Some(next) = self.pages.get(at + 1)
            && length + next.entries.len() <= PAGE_INSTANCES_MAX / 2
        {
            let next = self.pages.remove(at + 1);
            self.pages[at].entries.extend(next.entries);
        }
        Some(removed)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// All instances in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.pages.iter().flat_map(|page| &page.entries)
    }

    /// Writes what has changed or become old, and returns all pages in order.
    pub fn write(
        &mut self,
        format: Format,
        now: Timestamp,
        telling: Telling,
        lease: &dyn Fn(&Entry) -> Option<LeaseInfo>,
    ) -> Vec<Arc<Written>> {
        let slot = slot(format);
        let mut all = Vec::with_capacity(self.pages.len());
        for at in 0..self.pages.len() {
            let edges = self.edges(at);
            let page = &mut self.pages[at];
            let kept = page.written[slot].as_ref();
            let kept = kept.filter(|(before, it)| *before == edges && it.is_fresh(now));
            let written = match kept {
                Some((_, kept)) => Arc::clone(kept),
                None => Written::new(page.render(format, edges, telling, lease), now),
            };
            page.written[slot] = Some((edges, Arc::clone(&written)));
            all.push(written);
        }
        all
    }

    /// The page that holds, or would hold, an instance.
    fn page_of(&self, entry: &Entry) -> Option<usize> {
        if self.pages.is_empty() {
            return None;
        }
        let after = self.pages.partition_point(|page| page.entries[0] <= *entry);
        Some(after.saturating_sub(1))
    }

    fn edges(&self, at: usize) -> Edges {
        let page = &self.pages[at];
        let before = at.checked_sub(1).and_then(|at| self.pages[at].entries.last());
        let after = self.pages.get(at + 1).map(|page| &page.entries[0]);
        let (first, last) = (&page.entries[0], &page.entries[page.entries.len() - 1]);
        Edges {
            first: at == 0,
            opens: before.is_none_or(|before| before.app != first.app),
            closes: after.is_none_or(|after| after.app != last.app),
        }
    }
}

impl Page {
    fn render(
        &self,
        format: Format,
        edges: Edges,
        telling: Telling,
        lease: &dyn Fn(&Entry) -> Option<LeaseInfo>,
    ) -> Bytes {
        let envelope = Envelope::listing(format);
        let mut out = Vec::with_capacity(self.entries.len() * 1_024);
        let mut before: Option<&str> = None;
        for (at, entry) in self.entries.iter().enumerate() {
            let begins = match before {
                Some(app) => app != &*entry.app,
                None => edges.opens,
            };
            if begins {
                if before.is_some() {
                    envelope.close_app(&mut out);
                }
                envelope.open_app(&mut out, &entry.app, at == 0 && edges.first);
            }
            before = Some(&entry.app);
            let names = Names::of(&entry.service, &entry.instance);
            let shape = shape(&names, &entry.instance, lease(entry), telling);
            envelope.instance(&mut out, &shape, begins);
        }
        if edges.closes {
            envelope.close_app(&mut out);
        }
        out.into()
    }
}

/// The place of a format among the four.
pub(super) fn slot(format: Format) -> usize {
    usize::from(format.media == Media::Xml) * 2 + usize::from(format.style == Styled::Compact)
}
