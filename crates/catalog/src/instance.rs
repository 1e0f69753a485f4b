//! An instance of a service in the compact form that is kept.
//!
//! A million of them must fit into a few hundred megabytes and a heartbeat must find its lease with
//! few cache misses, so an [`Instance`] is one allocation: fixed fields, the lease, and one run of
//! bytes for all text, inline when short.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::spec::{InstanceSpec, Promise, Protocol, Status};
use crate::time::{Millis, Revision, Timestamp};

/// Text and payload up to this many bytes lie in the instance's own allocation. With it, the
/// allocation has 184 bytes, within a size class of common allocators.
const TEXT_BYTES_INLINE: usize = 80;

/// An instance as it is kept. What others see of it never changes; an update makes a new one.
///
/// Lease and identifier lie side by side, because a heartbeat looks at both and at nothing else.
#[repr(C)]
pub struct Instance {
    lease: Lease,
    /// Identifier, host, zone, metadata (each text with its length before it), payload.
    text: SmallVec<[u8; TEXT_BYTES_INLINE]>,
    registered: Timestamp,
    changed: Timestamp,
    revision: Revision,
    weight: f64,
    payload_bytes: u32,
    port: u16,
    secure_port: u16,
    metadata_entries: u16,
    id_bytes: u16,
    host_bytes: u8,
    zone_bytes: u8,
    status: Status,
    protocol: Protocol,
    promise: Promise,
    has_secure_port: bool,
    overridden: bool,
    /// What the owner says, while the instance is down because it was not renewed in time.
    said: Option<Status>,
    /// 0 when there is no such stage.
    unhealthy_after_ms: u32,
}

/// A lease and where it waits. Renewal happens under a shared reference, so that heartbeats do not
/// exclude one another; everything else changes under an exclusive one.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Last renewal in milliseconds, shifted left by one; the lowest bit says whether there was one
    /// since registration.
    renewed: AtomicU64,
    /// 0 when there is no lease.
    ttl_ms: u32,
    /// The service's number in the state.
    pub(crate) service: u32,
    /// Which list of the timer it waits in, and at which place.
    pub(crate) list: AtomicU16,
    pub(crate) place: AtomicU32,
    /// Whether it ran out and is held back by self-preservation.
    pub(crate) held: AtomicBool,
}

/// A lease as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseInfo {
    /// Life after each renewal.
    pub ttl: Millis,
    /// When it began.
    pub registered: Timestamp,
    /// Last renewal; the registration when there was none.
    pub renewed: Timestamp,
    /// When it ends unless renewed.
    pub expires: Timestamp,
    /// Whether it ran out and its instance is kept by self-preservation.
    pub held: bool,
}

/// What the state adds to a specification.
pub(crate) struct Stamp {
    pub(crate) service: u32,
    pub(crate) registered: Timestamp,
    pub(crate) changed: Timestamp,
    pub(crate) revision: Revision,
}

// === impl Instance ===

impl Instance {
    /// Packs a checked specification.
    pub(crate) fn pack(spec: &InstanceSpec, ttl: Option<Millis>, stamp: &Stamp) -> Self {
        const CHECKED: &str = "the specification was checked against the limits";
        let metadata_bytes: usize =
            spec.metadata.iter().map(|(key, value)| key.len() + value.len() + 6).sum();
        let names_bytes = spec.id.len() + spec.host.len() + spec.zone.len();
        let mut text = Vec::with_capacity(names_bytes + metadata_bytes + spec.payload.len());
        for name in [&spec.id, &spec.host, &spec.zone] {
            text.extend_from_slice(name.as_bytes());
        }
        for part in spec.metadata.iter().flat_map(|(key, value)| [key, value]) {
            push_length(&mut text, part.len());
            text.extend_from_slice(part.as_bytes());
        }
        text.extend_from_slice(&spec.payload);
        Self {
            lease: Lease::new(stamp.service, stamp.registered, ttl),
            registered: stamp.registered,
            changed: stamp.changed,
            revision: stamp.revision,
            weight: spec.weight,
            payload_bytes: u32::try_from(spec.payload.len()).expect(CHECKED),
            port: spec.port,
            secure_port: spec.secure_port.unwrap_or(0),
            id_bytes: u16::try_from(spec.id.len()).expect(CHECKED),
            metadata_entries: u16::try_from(spec.metadata.len()).expect(CHECKED),
            host_bytes: u8::try_from(spec.host.len()).expect(CHECKED),
            zone_bytes: u8::try_from(spec.zone.len()).expect(CHECKED),
            status: spec.status,
            protocol: spec.protocol,
            promise: spec.promise,
            has_secure_port: spec.secure_port.is_some(),
            overridden: spec.overridden,
            said: None,
            unhealthy_after_ms: ttl
                .and(spec.unhealthy_after)
                .map_or(0, |after| u32::try_from(after.0).unwrap_or(u32::MAX)),
            text: SmallVec::from_slice(&text),
        }
    }

    /// Identifier, unique in the service and protocol.
    #[must_use]
    pub fn id(&self) -> &str {
        self.slice(0, self.id_bytes.into())
    }

    /// Host name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.slice(self.id_bytes.into(), self.host_bytes.into())
    }

    /// Port for plain traffic, 0 when there is none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Port for TLS.
    #[must_use]
    pub fn secure_port(&self) -> Option<u16> {
        self.has_secure_port.then_some(self.secure_port)
    }

    /// Zone or cluster, empty when unknown.
    #[must_use]
    pub fn zone(&self) -> &str {
        let start = usize::from(self.id_bytes) + usize::from(self.host_bytes);
        self.slice(start, self.zone_bytes.into())
    }

    /// Relative share of the traffic.
    #[must_use]
    pub const fn weight(&self) -> f64 {
        self.weight
    }

    /// Whether it wants traffic.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Whether an operator's override decides the status.
    #[must_use]
    pub const fn overridden(&self) -> bool {
        self.overridden
    }

    /// Whether it may be sent traffic: it is up and has a weight.
    #[must_use]
    pub fn available(&self) -> bool {
        self.status == Status::Up && self.weight > 0.0
    }

    /// Keys and values in the order in which they were given.
    pub fn metadata(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let mut rest = self.after_names();
        (0..self.metadata_entries).map(move |_| (take_text(&mut rest), take_text(&mut rest)))
    }

    /// The first value of a metadata key.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.metadata().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The owning door's own fields.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.text[self.text.len() - self.payload_bytes as usize..]
    }

    /// Who owns it.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What is promised about it.
    #[must_use]
    pub const fn promise(&self) -> Promise {
        self.promise
    }

    /// When it was registered last.
    #[must_use]
    pub const fn registered(&self) -> Timestamp {
        self.registered
    }

    /// When what others see of it changed last.
    #[must_use]
    pub const fn changed(&self) -> Timestamp {
        self.changed
    }

    /// Revision of that change.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// Length of its lease, if it has one.
    #[must_use]
    pub fn ttl(&self) -> Option<Millis> {
        self.lease.ttl()
    }

    /// How long after a renewal it is down, if there is such a stage.
    #[must_use]
    pub fn unhealthy_after(&self) -> Option<Millis> {
        (self.unhealthy_after_ms != 0).then(|| Millis(self.unhealthy_after_ms.into()))
    }

    /// Whether it is down because it was not renewed in time.
    #[must_use]
    pub const fn lapsed(&self) -> bool {
        self.said.is_some()
    }

    /// The specification that would make this instance again. What was not renewed in time is in
    /// it what its owner said.
    #[must_use]
    pub fn spec(&self) -> InstanceSpec {
        InstanceSpec {
            id: self.id().to_owned(),
            protocol: self.protocol,
            host: self.host().to_owned(),
            port: self.port,
            secure_port: self.secure_port(),
            zone: self.zone().to_owned(),
            weight: self.weight,
            status: self.said.unwrap_or(self.status),
            overridden: self.overridden,
            metadata: self.metadata().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            promise: self.promise,
            ttl: self.ttl(),
            unhealthy_after: self.unhealthy_after(),
            payload: Bytes::copy_from_slice(self.payload()),
        }
    }

    /// Whether self-preservation looks after its lease.
    pub(crate) fn guarded(&self) -> bool {
        self.lease.ttl().is_some() && !self.protocol.protects_itself()
    }

    pub(crate) const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Takes over lease, with its stage, and time of registration of the instance that this one
    /// replaces.
    pub(crate) fn inherit(&mut self, from: &Self) {
        self.keep_lease(from);
        self.unhealthy_after_ms = from.unhealthy_after_ms;
        if from.lapsed() {
            self.lapse();
        }
    }

    /// Takes over the lease, but not the stage that it is in.
    pub(crate) fn keep_lease(&mut self, from: &Self) {
        self.lease.renewed = AtomicU64::new(from.lease.renewed.load(Ordering::Relaxed));
        self.lease.held = AtomicBool::new(from.lease.held());
        self.registered = from.registered;
    }

    /// Was not renewed in time: down, unless an operator decides otherwise.
    pub(crate) fn lapse(&mut self) {
        self.said = Some(self.status);
        if !self.overridden {
            self.status = Status::Down;
        }
    }

    /// Whether others see the same of both.
    pub(crate) fn looks_like(&self, other: &Self) -> bool {
        self.text == other.text
            && self.id_bytes == other.id_bytes
            && self.host_bytes == other.host_bytes
            && self.zone_bytes == other.zone_bytes
            && self.metadata_entries == other.metadata_entries
            && self.payload_bytes == other.payload_bytes
            && self.port == other.port
            && self.secure_port() == other.secure_port()
            && self.weight.to_bits() == other.weight.to_bits()
            && self.status == other.status
            && self.said == other.said
            && self.overridden == other.overridden
            && self.protocol == other.protocol
    }

    fn after_names(&self) -> &[u8] {
        let names = usize::from(self.id_bytes)
            + usize::from(self.host_bytes)
            + usize::from(self.zone_bytes);
        &self.text[names..]
    }

    fn slice(&self, start: usize, bytes: usize) -> &str {
        text_of(&self.text[start..start + bytes])
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("id", &self.id())
            .field("protocol", &self.protocol)
            .field("host", &self.host())
            .field("port", &self.port)
            .field("status", &self.status)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

// === impl Lease ===

impl Lease {
    fn new(service: u32, registered: Timestamp, ttl: Option<Millis>) -> Self {
        Self {
            renewed: AtomicU64::new(registered.0 << 1),
            ttl_ms: ttl.map_or(0, |ttl| u32::try_from(ttl.0).unwrap_or(u32::MAX)),
            service,
            list: AtomicU16::new(u16::MAX),
            place: AtomicU32::new(0),
            held: AtomicBool::new(false),
        }
    }

    pub(crate) fn ttl(&self) -> Option<Millis> {
        (self.ttl_ms != 0).then(|| Millis(self.ttl_ms.into()))
    }

    /// Stores a renewal; an earlier moment than the last one changes nothing.
    pub(crate) fn renew(&self, now: Timestamp) {
        self.renewed.fetch_max(now.0 << 1 | 1, Ordering::Relaxed);
    }

    pub(crate) fn renewed(&self) -> Timestamp {
        Timestamp(self.renewed.load(Ordering::Relaxed) >> 1)
    }

    /// Whether there was a renewal since registration.
    pub(crate) fn was_renewed(&self) -> bool {
        self.renewed.load(Ordering::Relaxed) & 1 == 1
    }

    pub(crate) fn held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }
}

fn push_length(text: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        text.push(length as u8 | 0x80);
        length >>= 7;
    }
    text.push(length as u8);
}

/// Takes a text with its length before it off the front.
fn take_text<'a>(rest: &mut &'a [u8]) -> &'a str {
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let (byte, after) = rest.split_first().expect("every text has its length before it");
        *rest = after;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    let (text, after) = rest.split_at(length);
    *rest = after;
    text_of(text)
}

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("instances are packed from strings at their borders")
}

#[cfg(test)]
mod tests;
