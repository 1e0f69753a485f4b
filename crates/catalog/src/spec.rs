//! What a door says about an instance, and what of it is refused.

use bytes::Bytes;

use crate::command::Refused;
use crate::key::{check_name, check_text};
use crate::limits;
use crate::time::Millis;

/// Who registered an instance, and alone may renew or remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Our SDK.
    Sdk,
    /// A Eureka client.
    Eureka,
    /// Our REST interface.
    Rest,
    /// A Nacos client.
    Nacos,
}

/// Whether an instance wants traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It does.
    Up,
    /// Not yet.
    Starting,
    /// It cannot.
    Down,
    /// It was taken out.
    OutOfService,
    /// Nobody said.
    Unknown,
}

/// What is promised about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// There while its lease is renewed, or its owner's session lasts.
    Ephemeral,
    /// Durable before the answer, and there until it is removed.
    Agreed,
}

/// What a door says about an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceSpec {
    /// Identifier, unique in the service and protocol.
    pub id: String,
    /// Who owns it.
    pub protocol: Protocol,
    /// Host name or address.
    pub host: String,
    /// Port for plain traffic, 0 when there is none.
    pub port: u16,
    /// Port for TLS.
    pub secure_port: Option<u16>,
    /// Zone or cluster, empty when unknown.
    pub zone: String,
    /// Relative share of the traffic, 0 to [`limits::WEIGHT_MAX`].
    pub weight: f64,
    /// Whether it wants traffic.
    pub status: Status,
    /// Whether an operator's override decides the status.
    pub overridden: bool,
    /// Kept in the given order.
    pub metadata: Vec<(String, String)>,
    /// What is promised about it.
    pub promise: Promise,
    /// Length of the lease of an ephemeral instance; agreed ones have none. An ephemeral one
    /// without is bound to a session of its door, which takes it out when the session ends;
    /// only protocols with sessions may say so.
    pub ttl: Option<Millis>,
    /// So long after the last renewal the instance is down, until it is renewed or its lease
    /// ends. Only with a lease.
    pub unhealthy_after: Option<Millis>,
    /// The owning door's own fields, opaque here, kept verbatim.
    pub payload: Bytes,
}

// === impl Protocol, Status, Promise ===

impl Protocol {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Sdk, Self::Eureka, Self::Rest, Self::Nacos];

    /// Short and stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sdk => "sdk",
            Self::Eureka => "eureka",
            Self::Rest => "rest",
            Self::Nacos => "nacos",
        }
    }

    /// Reads what [`Protocol::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Whether an ephemeral instance may live by a session instead of a lease.
    #[must_use]
    pub const fn has_sessions(self) -> bool {
        matches!(self, Self::Nacos)
    }

    /// Whether leases end at their time however many do: a Nacos client protects itself, by its
    /// service's threshold.
    #[must_use]
    pub const fn protects_itself(self) -> bool {
        matches!(self, Self::Nacos)
    }
}

impl Status {
    /// Short and stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Starting => "starting",
            Self::Down => "down",
            Self::OutOfService => "out_of_service",
            Self::Unknown => "unknown",
        }
    }

    /// Reads what [`Status::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Up, Self::Starting, Self::Down, Self::OutOfService, Self::Unknown]
            .into_iter()
            .find(|one| one.as_str() == text)
    }
}

impl Promise {
    /// Short and stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Agreed => "agreed",
        }
    }
}

// === impl InstanceSpec ===

impl InstanceSpec {
    /// An ephemeral instance that is up, of weight 1, with nothing optional.
    #[must_use]
    pub fn new(id: &str, protocol: Protocol, host: &str, port: u16, ttl: Millis) -> Self {
        Self {
            id: id.to_owned(),
            protocol,
            host: host.to_owned(),
            port,
            secure_port: None,
            zone: String::new(),
            weight: 1.0,
            status: Status::Up,
            overridden: false,
            metadata: Vec::new(),
            promise: Promise::Ephemeral,
            ttl: Some(ttl),
            unhealthy_after: None,
            payload: Bytes::new(),
        }
    }

    /// Checks everything but whether there is room for it.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        check_name("instance id", &self.id, limits::INSTANCE_ID_BYTES_MAX)?;
        check_name("host", &self.host, limits::HOST_BYTES_MAX)?;
        check_text("zone", &self.zone, limits::NAME_BYTES_MAX)?;
        if !(0.0..=limits::WEIGHT_MAX).contains(&self.weight) {
            let allowed = format!("from 0 to {}", limits::WEIGHT_MAX);
            return Err(self.invalid("weight", self.weight.to_string(), allowed));
        }
        check_metadata(&self.id, &self.metadata)?;
        if self.payload.len() > limits::PAYLOAD_BYTES_MAX {
            return Err(Refused::TooLarge {
                what: "payload bytes",
                subject: self.id.clone(),
                size: self.payload.len(),
                size_max: limits::PAYLOAD_BYTES_MAX,
            });
        }
        Ok(())
    }

    /// Checks that there is a lease exactly when one is needed, of an allowed length.
    pub(crate) fn check_ttl(&self) -> Result<(), Refused> {
        let range = limits::TTL_MS_MIN..=limits::TTL_MS_MAX;
        if let Some(after) = self.unhealthy_after
            && (self.ttl.is_none() || !range.contains(&after.0))
        {
            let allowed = format!("from {} to {} ms, with a lease", range.start(), range.end());
            return Err(self.invalid("time to unhealthy", after.to_string(), allowed));
        }
        match (self.promise, self.ttl) {
            (Promise::Ephemeral, Some(ttl)) if range.contains(&ttl.0) => Ok(()),
            (Promise::Ephemeral, None) if self.protocol.has_sessions() => Ok(()),
            (Promise::Agreed, None) => Ok(()),
            (Promise::Agreed, Some(ttl)) => {
                Err(self.invalid("lease", ttl.to_string(), "absent, it is agreed".to_owned()))
            }
            (Promise::Ephemeral, ttl) => {
                let value = ttl.map_or_else(|| "absent".to_owned(), |ttl| ttl.to_string());
                let allowed = format!("from {} to {} ms", range.start(), range.end());
                Err(self.invalid("lease", value, allowed))
            }
        }
    }

    fn invalid(&self, what: &'static str, value: String, allowed: String) -> Refused {
        Refused::InvalidValue { what, id: self.id.clone(), value, allowed }
    }
}

/// Checks count and size of the metadata of an instance or a service.
pub(crate) fn check_metadata(subject: &str, metadata: &[(String, String)]) -> Result<(), Refused> {
    let too_large = |what, size, size_max| {
        Err(Refused::TooLarge { what, subject: subject.to_owned(), size, size_max })
    };
    if metadata.len() > limits::METADATA_ENTRIES_MAX {
        return too_large("metadata entries", metadata.len(), limits::METADATA_ENTRIES_MAX);
    }
    let bytes = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > limits::METADATA_BYTES_MAX {
        return too_large("metadata bytes", bytes, limits::METADATA_BYTES_MAX);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> InstanceSpec {
        InstanceSpec::new("10.0.0.1:8080", Protocol::Sdk, "10.0.0.1", 8080, Millis(30_000))
    }

    #[track_caller]
    fn refuses(spec: &InstanceSpec, words: &str) {
        let error = spec.check().and_then(|()| spec.check_ttl()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn text_limits() {
        let mut long = spec();
        long.id = "i".repeat(limits::INSTANCE_ID_BYTES_MAX);
        long.host = "h".repeat(limits::HOST_BYTES_MAX);
        long.zone = "z".repeat(limits::NAME_BYTES_MAX);
        assert_eq!(long.check(), Ok(()));
        let with = |change: fn(&mut InstanceSpec)| {
            let mut spec = long.clone();
            change(&mut spec);
            spec
        };
        refuses(&with(|spec| spec.id.push('i')), "shorten it to at most 512");
        refuses(&with(|spec| spec.host.push('h')), "shorten it to at most 255");
        refuses(&with(|spec| spec.zone.push('z')), "shorten it to at most 128");
        refuses(&with(|spec| spec.id.clear()), "instance id is empty");
        refuses(&with(|spec| spec.host.clear()), "host is empty");
    }

    #[test]
    fn value_limits() {
        for weight in [-0.1, limits::WEIGHT_MAX + 1.0, f64::NAN, f64::INFINITY] {
            refuses(&InstanceSpec { weight, ..spec() }, "must be from 0 to 10000");
        }
        let ttl = |ms| InstanceSpec { ttl: Some(Millis(ms)), ..spec() };
        for ms in [0, limits::TTL_MS_MIN - 1, limits::TTL_MS_MAX + 1] {
            refuses(&ttl(ms), "must be from 100 to 86400000 ms");
        }
        for ms in [limits::TTL_MS_MIN, limits::TTL_MS_MAX] {
            assert_eq!(ttl(ms).check_ttl(), Ok(()));
        }
        refuses(&InstanceSpec { ttl: None, ..spec() }, "lease of instance");
        refuses(&InstanceSpec { promise: Promise::Agreed, ..spec() }, "must be absent");
        let after = |ms| InstanceSpec { unhealthy_after: Some(Millis(ms)), ..spec() };
        for ms in [limits::TTL_MS_MIN - 1, limits::TTL_MS_MAX + 1] {
            refuses(&after(ms), "time to unhealthy");
        }
        assert_eq!(after(15_000).check_ttl(), Ok(()));
        let bound = InstanceSpec { protocol: Protocol::Nacos, ttl: None, ..spec() };
        assert_eq!(bound.check_ttl(), Ok(()), "a session is as good as a lease");
        refuses(&InstanceSpec { unhealthy_after: Some(Millis(1_000)), ..bound }, "with a lease");
    }

    #[test]
    fn size_limits() {
        let entry = |bytes: usize| (String::new(), "v".repeat(bytes));
        let metadata = |metadata| InstanceSpec { metadata, ..spec() };
        assert_eq!(metadata(vec![entry(1); limits::METADATA_ENTRIES_MAX]).check(), Ok(()));
        let many = vec![entry(1); limits::METADATA_ENTRIES_MAX + 1];
        refuses(&metadata(many), "metadata entries of \"10.0.0.1:8080\": 257 exceeds");
        assert_eq!(metadata(vec![entry(limits::METADATA_BYTES_MAX)]).check(), Ok(()));
        refuses(&metadata(vec![entry(limits::METADATA_BYTES_MAX + 1)]), "send less");
        let payload = |bytes| InstanceSpec { payload: vec![0; bytes].into(), ..spec() };
        assert_eq!(payload(limits::PAYLOAD_BYTES_MAX).check(), Ok(()));
        refuses(&payload(limits::PAYLOAD_BYTES_MAX + 1), "payload bytes");
    }
}
