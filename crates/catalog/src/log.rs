//! The last events, for watchers that resume.
//!
//! Events of one service are chained backwards, so that a watcher of one service does not pay for
//! the changes of all others.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::document::DocumentKind;
use crate::event::{Change, Changes, Compacted, Event, Selector};
use crate::key::ServiceKey;
use crate::time::Revision;

#[derive(Debug)]
pub(crate) struct Log {
    /// Revisions follow one another without a gap.
    entries: VecDeque<Entry>,
    entries_max: usize,
    /// Revision before the first entry.
    floor: Revision,
    /// The newest entry of each service that has one.
    services: HashMap<ServiceKey, Revision, ahash::RandomState>,
    /// The newest event of each kind of document, kept or not.
    documents: [Revision; DocumentKind::ALL.len()],
}

#[derive(Debug)]
struct Entry {
    event: Event,
    /// The event before this one that concerns the same service or kind of document. When it is not
    /// known, the floor at that time: there may have been one.
    previous: Revision,
}

impl Log {
    pub(crate) fn new(floor: Revision, entries_max: usize, hasher: ahash::RandomState) -> Self {
        Self {
            entries: VecDeque::new(),
            entries_max,
            floor,
            services: HashMap::with_hasher(hasher),
            documents: [floor; DocumentKind::ALL.len()],
        }
    }

    /// Appends. `known` is the revision of the last change of the service concerned, if it exists.
    pub(crate) fn push(&mut self, event: Event, known: Option<Revision>) {
        let revision = event.revision;
        let previous = if let Some(key) = event.change.service() {
            let kept = self.services.insert(key.clone(), revision);
            kept.or(known).unwrap_or(self.floor)
        } else if let Some(key) = event.change.document() {
            std::mem::replace(&mut self.documents[key.kind as usize], revision)
        } else {
            self.floor
        };
        self.entries.push_back(Entry { event, previous });
        while self.entries.len() > self.entries_max {
            self.drop_oldest();
        }
    }

    /// Changes after a revision. `known` is as in [`Log::push`].
    pub(crate) fn changes(
        &self,
        selector: &Selector,
        after: Revision,
        max: usize,
        known: Option<Revision>,
    ) -> Result<Changes, Compacted> {
        let compacted = Compacted { asked: after, floor: self.floor };
        if after > self.newest() {
            return Err(compacted);
        }
        let newest = match selector {
            Selector::All => return self.all(after, max).ok_or(compacted),
            Selector::Service(key) => {
                self.services.get(key).copied().or(known).unwrap_or(self.floor)
            }
            Selector::Documents(kind) => self.documents[*kind as usize],
        };
        let mut chain = Vec::new();
        let mut at = newest;
        while at > after {
            let entry = self.entry(at).ok_or(compacted)?;
            chain.push(at);
            at = entry.previous;
        }
        let more = chain.len() > max;
        let events: Vec<Event> = chain
            .into_iter()
            .rev()
            .take(max)
            .filter_map(|revision| self.entry(revision))
            .map(|entry| entry.event.clone())
            .collect();
        Ok(self.up_to(events, more, after))
    }

    pub(crate) fn events_after(&self, after: Revision) -> impl Iterator<Item = &Event> {
        let skip = after.0.saturating_sub(self.floor.0).min(self.entries.len() as u64);
        self.entries.range(skip as usize..).map(|entry| &entry.event)
    }

    fn all(&self, after: Revision, max: usize) -> Option<Changes> {
        let skip = after.0.checked_sub(self.floor.0)? as usize;
        let events: Vec<Event> =
            self.entries.range(skip..).take(max).map(|entry| entry.event.clone()).collect();
        let more = self.entries.len() - skip > events.len();
        Some(self.up_to(events, more, after))
    }

    fn up_to(&self, events: Vec<Event>, more: bool, after: Revision) -> Changes {
        let revision =
            if more { events.last().map_or(after, |event| event.revision) } else { self.newest() };
        Changes { events, revision, more }
    }

    fn newest(&self) -> Revision {
        Revision(self.floor.0 + self.entries.len() as u64)
    }

    fn entry(&self, revision: Revision) -> Option<&Entry> {
        let index = revision.0.checked_sub(self.floor.0 + 1)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    fn drop_oldest(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.floor = entry.event.revision;
        if let Some(key) = entry.event.change.service()
            && self.services.get(key) == Some(&entry.event.revision)
        {
            self.services.remove(key);
        }
    }
}

impl Change {
    /// Short and stable, for digests.
    pub(crate) const fn tag(&self) -> u8 {
        match self {
            Self::Registered { .. } => 0,
            Self::Updated { .. } => 1,
            Self::Deregistered { .. } => 2,
            Self::Expired { .. } => 3,
            Self::ServicePut { .. } => 4,
            Self::ServiceRemoved { .. } => 5,
            Self::DocumentPut { .. } => 6,
            Self::DocumentRemoved { .. } => 7,
            Self::ProtectionBegan { .. } => 8,
            Self::ProtectionEnded { .. } => 9,
        }
    }
}
