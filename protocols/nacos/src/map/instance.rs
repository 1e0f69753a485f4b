//! From an instance as a client says it to the one that the catalog keeps, and back.

use rialto_catalog::{Instance, InstanceSpec, Millis, Promise, Protocol, Status, limits};

use super::form::InstanceForm;
use super::key::CLUSTER_DEFAULT;
use super::overlay::Overlay;
use super::payload::{BEATS, Payload, Said};
use crate::limits::{BEAT_INTERVAL_MS, DELETE_TIMEOUT_MS, HEART_BEAT_TIMEOUT_MS};

/// Metadata key for how often an instance beats, in milliseconds.
pub const KEY_INTERVAL: &str = "preserved.heart.beat.interval";
/// Metadata key for how long after a beat an instance is healthy, in milliseconds.
pub const KEY_TIMEOUT: &str = "preserved.heart.beat.timeout";
/// Metadata key for how long after a beat an instance is there, in milliseconds.
pub const KEY_DELETE: &str = "preserved.ip.delete.timeout";
/// Metadata key for who makes identifiers.
pub const KEY_GENERATOR: &str = "preserved.instance.id.generator";

/// What an instance lives by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Its connection.
    Connection(u64),
    /// Its beats.
    Beats,
    /// Nothing: it is there until it is removed.
    Persistent,
}

/// The catalog's identifier of an instance.
#[must_use]
pub fn id(ip: &str, port: u16, cluster: &str) -> String {
    let cluster = if cluster.is_empty() { CLUSTER_DEFAULT } else { cluster };
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(port);
    let mut id = String::with_capacity(ip.len() + digits.len() + cluster.len() + 2);
    for part in [ip, "#", digits, "#", cluster] {
        id.push_str(part);
    }
    id
}

/// The cluster of an instance, of whatever protocol.
#[must_use]
pub fn cluster_of(instance: &Instance) -> &str {
    match instance.protocol() {
        Protocol::Nacos => {
            instance.id().rsplit_once('#').map_or(CLUSTER_DEFAULT, |(_, cluster)| cluster)
        }
        _ => CLUSTER_DEFAULT,
    }
}

/// What the catalog keeps of a checked form under an operator's changes.
#[must_use]
pub fn spec_of(form: InstanceForm, life: Life, overlay: Option<&Overlay>) -> InstanceSpec {
    let id = id(&form.ip, form.port, &form.cluster);
    let owner = match life {
        Life::Connection(connection) => connection,
        Life::Beats | Life::Persistent => BEATS,
    };
    let instance_id = form.instance_id.filter(|own| is_own(own, &id));
    let payload =
        Payload { enabled: form.enabled, healthy: form.healthy, owner, instance_id, said: None };
    let base = InstanceSpec {
        id,
        protocol: Protocol::Nacos,
        host: form.ip,
        port: form.port,
        secure_port: None,
        zone: String::new(),
        weight: form.weight,
        status: Status::Up,
        overridden: false,
        metadata: last_of_each(form.metadata),
        promise: Promise::Ephemeral,
        ttl: None,
        unhealthy_after: None,
        payload: bytes::Bytes::new(),
    };
    let mut spec = laid_over(base, payload, overlay);
    match life {
        Life::Connection(_) => {}
        Life::Persistent => spec.promise = Promise::Agreed,
        Life::Beats => {
            let within = |ms: u64| Millis(ms.clamp(limits::TTL_MS_MIN, limits::TTL_MS_MAX));
            let times = Times::of(pairs(&spec.metadata));
            spec.ttl = Some(within(times.delete_ms));
            spec.unhealthy_after = Some(within(times.timeout_ms));
        }
    }
    spec
}

/// The same instance under other changes of an operator, or under none.
#[must_use]
pub fn with_overlay(instance: &Instance, overlay: Option<&Overlay>) -> InstanceSpec {
    let mut payload = Payload::of(instance);
    let mut spec = instance.spec();
    if let Some(said) = payload.said.take() {
        payload.enabled = said.enabled;
        spec.weight = said.weight;
        spec.metadata = said.metadata;
    }
    laid_over(spec, payload, overlay)
}

/// The same instance with another health.
#[must_use]
pub fn with_health(instance: &Instance, healthy: bool) -> InstanceSpec {
    let payload = Payload { healthy, ..Payload::of(instance) };
    let spec = instance.spec();
    InstanceSpec {
        status: if spec.overridden { spec.status } else { status(&payload) },
        payload: payload.bytes().into(),
        ..spec
    }
}

/// The times of an instance by its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How often it beats.
    pub interval_ms: u64,
    /// How long after a beat it is healthy.
    pub timeout_ms: u64,
    /// How long after a beat it is there.
    pub delete_ms: u64,
}

impl Times {
    /// Those that the metadata says; of others, and of what is no number, the usual ones.
    pub fn of<'a>(metadata: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut times = Self {
            interval_ms: BEAT_INTERVAL_MS,
            timeout_ms: HEART_BEAT_TIMEOUT_MS,
            delete_ms: DELETE_TIMEOUT_MS,
        };
        for (key, value) in metadata.filter(|(key, _)| key.starts_with("preserved.")) {
            let slot = match key {
                KEY_INTERVAL => &mut times.interval_ms,
                KEY_TIMEOUT => &mut times.timeout_ms,
                KEY_DELETE => &mut times.delete_ms,
                _ => continue,
            };
            if let Ok(ms) = value.trim().parse() {
                *slot = ms;
            }
        }
        times
    }
}

/// Pairs as borrowed text.
pub fn pairs(metadata: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

fn laid_over(
    mut spec: InstanceSpec,
    mut payload: Payload,
    overlay: Option<&Overlay>,
) -> InstanceSpec {
    if let Some(overlay) = overlay {
        payload.said = Some(Said {
            enabled: payload.enabled,
            weight: spec.weight,
            metadata: spec.metadata.clone(),
        });
        payload.enabled = overlay.enabled.unwrap_or(payload.enabled);
        spec.weight = overlay.weight.unwrap_or(spec.weight);
        spec.metadata = overlay.over(spec.metadata);
    }
    spec.zone = zone_of(&spec);
    if !spec.overridden {
        spec.status = status(&payload);
    }
    spec.payload = payload.bytes().into();
    spec
}

fn status(payload: &Payload) -> Status {
    match (payload.enabled, payload.healthy) {
        (false, _) => Status::OutOfService,
        (true, false) => Status::Down,
        (true, true) => Status::Up,
    }
}

/// The cluster is the zone, unless it is the one of those who name none.
fn zone_of(spec: &InstanceSpec) -> String {
    let cluster = spec.id.rsplit_once('#').map_or("", |(_, cluster)| cluster);
    let zone = match cluster {
        CLUSTER_DEFAULT => {
            let found = spec.metadata.iter().rev().find(|(key, _)| key == "zone");
            found.map_or("", |(_, zone)| zone.as_str())
        }
        cluster => cluster,
    };
    let fits = zone.len() <= limits::NAME_BYTES_MAX && !zone.chars().any(char::is_control);
    if fits { zone.to_owned() } else { String::new() }
}

/// Of pairs with the same key, only the last stays, as in the map that they came from.
fn last_of_each(mut metadata: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut at = 0;
    while at < metadata.len() {
        let (before, after) = metadata.split_at_mut(at + 1);
        let (key, value) = &mut before[at];
        match after.iter_mut().rev().find(|(later, _)| later == key) {
            Some((_, last)) => {
                std::mem::swap(value, last);
                let key = key.clone();
                let mut seen = 0;
                metadata.retain(|(other, _)| {
                    seen += usize::from(*other == key);
                    *other != key || seen == 1
                });
            }
            None => at += 1,
        }
    }
    metadata
}

/// Whether an identifier is the client's own and not the usual one, which is written from the rest.
fn is_own(own: &str, id: &str) -> bool {
    let usual = own.strip_prefix(id).is_some_and(|rest| rest.starts_with('#'));
    !own.is_empty() && !usual && own.len() <= limits::INSTANCE_ID_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> InstanceForm {
        InstanceForm { ip: "10.0.0.1".into(), port: 80, ..InstanceForm::default() }
    }

    #[test]
    fn a_life_decides_promise_and_lease() {
        let session = spec_of(form(), Life::Connection(7), None);
        assert_eq!((session.promise, session.ttl), (Promise::Ephemeral, None));
        assert_eq!(session.id, "10.0.0.1#80#DEFAULT");
        let beats = spec_of(form(), Life::Beats, None);
        let times = (beats.ttl, beats.unhealthy_after);
        assert_eq!(times, (Some(Millis(30_000)), Some(Millis(15_000))));
        let persistent = spec_of(form(), Life::Persistent, None);
        assert_eq!((persistent.promise, persistent.ttl), (Promise::Agreed, None));
    }

    #[test]
    fn preserved_metadata_decides_times() {
        let metadata = vec![
            (KEY_INTERVAL.to_owned(), "1000".to_owned()),
            (KEY_TIMEOUT.to_owned(), " 3000 ".to_owned()),
            (KEY_DELETE.to_owned(), "6000".to_owned()),
        ];
        let spec = spec_of(InstanceForm { metadata, ..form() }, Life::Beats, None);
        assert_eq!((spec.ttl, spec.unhealthy_after), (Some(Millis(6_000)), Some(Millis(3_000))));
        assert_eq!(Times::of(pairs(&spec.metadata)).interval_ms, 1_000);
        let metadata = vec![(KEY_DELETE.to_owned(), "soon".to_owned())];
        let spec = spec_of(InstanceForm { metadata, ..form() }, Life::Beats, None);
        assert_eq!(spec.ttl, Some(Millis(30_000)));
    }

    #[test]
    fn words_become_status_and_zone() {
        let with = |change: fn(&mut InstanceForm)| {
            let mut form = form();
            change(&mut form);
            spec_of(form, Life::Connection(1), None)
        };
        assert_eq!(with(|form| form.enabled = false).status, Status::OutOfService);
        assert_eq!(with(|form| form.healthy = false).status, Status::Down);
        assert_eq!(with(|form| form.cluster = "c1".into()).zone, "c1");
        let zoned = with(|form| form.metadata = vec![("zone".into(), "a".into())]);
        assert_eq!(zoned.zone, "a");
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let metadata = vec![pair("a", "1"), pair("b", "2"), pair("a", "3"), pair("a", "4")];
        let spec = spec_of(InstanceForm { metadata, ..form() }, Life::Beats, None);
        assert_eq!(spec.metadata, [pair("a", "4"), pair("b", "2")]);
    }

    #[test]
    fn the_usual_identifier_is_not_kept() {
        assert!(!is_own("10.0.0.1#80#DEFAULT#G@@s", "10.0.0.1#80#DEFAULT"));
        assert!(!is_own("", "10.0.0.1#80#DEFAULT"));
        assert!(is_own("17#DEFAULT#G@@s", "10.0.0.1#80#DEFAULT"));
    }
}
