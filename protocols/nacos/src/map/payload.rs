//! What Nacos says of an instance and the catalog has no word for, kept as the instance's payload.

use rialto_catalog::Instance;
use serde::{Deserialize, Serialize};

/// The owner of an instance that lives by its beats.
pub const BEATS: u64 = 0;

/// What the catalog has no word for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// Whether it wants traffic.
    pub enabled: bool,
    /// Whether it says that it works.
    pub healthy: bool,
    /// The connection that it lives by, or [`BEATS`].
    pub owner: u64,
    /// Identifier, when the client makes its own.
    pub instance_id: Option<String>,
    /// What its owner said, where an operator's change lies over it.
    pub said: Option<Said>,
}

/// What an owner said before an operator changed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Whether it wants traffic.
    pub enabled: bool,
    /// Share of the traffic.
    pub weight: f64,
    /// In the given order.
    pub metadata: Vec<(String, String)>,
}

impl Payload {
    /// The payload of an instance of Nacos; that of one that cannot be read says nothing special.
    #[must_use]
    pub fn of(instance: &Instance) -> Self {
        postcard::from_bytes(instance.payload()).unwrap_or(Self {
            enabled: true,
            healthy: true,
            owner: BEATS,
            instance_id: None,
            said: None,
        })
    }

    /// Who an instance of Nacos lives by, without reading the rest.
    #[must_use]
    pub fn owner_of(instance: &Instance) -> u64 {
        let head: Result<((bool, bool, u64), _), _> = postcard::take_from_bytes(instance.payload());
        head.map_or(BEATS, |((_, _, owner), _)| owner)
    }

    /// As it is kept.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("the payload has no type that postcard cannot write")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rialto_catalog::{InstanceSpec, Millis, Policy, Protocol, ServiceKey, State, Timestamp};

    use super::*;

    fn kept(payload: Vec<u8>) -> Arc<Instance> {
        let mut state = State::new(Policy::default());
        let spec = InstanceSpec {
            payload: payload.into(),
            ..InstanceSpec::new("a", Protocol::Nacos, "h", 1, Millis(1_000))
        };
        let service = ServiceKey::named("s").unwrap();
        let command = rialto_catalog::Command::Register { service: service.clone(), spec };
        state.apply(Timestamp(1), command).unwrap();
        Arc::clone(state.instance(&service, Protocol::Nacos, "a").unwrap())
    }

    #[test]
    fn comes_back_as_it_was() {
        let said = Said { enabled: true, weight: 2.5, metadata: vec![("k".into(), "v".into())] };
        let plain = || Payload {
            enabled: false,
            healthy: true,
            owner: 1 << 40,
            instance_id: None,
            said: None,
        };
        assert!(plain().bytes().len() <= 12, "the common one is small");
        let full = Payload { instance_id: Some("my".into()), said: Some(said), ..plain() };
        for payload in [plain(), full] {
            let instance = kept(payload.bytes());
            assert_eq!(Payload::owner_of(&instance), payload.owner);
            assert_eq!(Payload::of(&instance), payload);
        }
    }

    #[test]
    fn what_cannot_be_read_says_nothing_special() {
        for bytes in [vec![], vec![0xff; 9], vec![1]] {
            let payload = Payload::of(&kept(bytes));
            assert!(payload.enabled && payload.healthy && payload.said.is_none());
        }
    }
}
