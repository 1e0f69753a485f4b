//! Reads registrations and replication batches in JSON. Depth is bounded by serde_json, size by
//! the caller, and nothing is built for what is ignored.

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use super::batch::Batch;
use super::value::{Scalar, Unknown, lenient_i32, lenient_i64, put, refuse, seconds};
use super::{
    AMAZON_CLASS, DEFAULT_CLASS, DataCenter, DataCenterName, InstanceInfo, MY_OWN_CLASS, Port,
    Refused, status_of,
};

/// `{"instance":{…}}`. What follows the object is ignored, as the real server does.
pub(super) fn instance(body: &[u8]) -> Result<InstanceInfo, Refused> {
    read::<Wrapped>(body).map(|wrapped| wrapped.0)
}

/// `{"replicationList":[…]}`
pub(super) fn batch(body: &[u8]) -> Result<Batch, Refused> {
    read(body)
}

fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Refused> {
    let mut from = serde_json::Deserializer::from_slice(body);
    T::deserialize(&mut from).map_err(|error| Refused::new(error.to_string()))
}

/// Decodes arbitrary bytes as a registration, and checks that what was understood can be written
/// and read again. For the fuzz target and for the replay of its corpus.
pub fn fuzz_json(data: &[u8]) {
    if let Ok(info) = instance(data) {
        super::xml_read::assert_round_trip(&info);
    }
}

/// Decodes arbitrary bytes as a replication batch.
pub fn fuzz_batch(data: &[u8]) {
    if let Ok(batch) = batch(data) {
        for info in batch.items.iter().filter_map(|item| item.info.as_ref()) {
            super::xml_read::assert_round_trip(info);
        }
    }
}

/// The object around an instance: exactly one member.
struct Wrapped(InstanceInfo);

impl<'de> Deserialize<'de> for Wrapped {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Wrapper;
        impl<'de> Visitor<'de> for Wrapper {
            type Value = Wrapped;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with the one member `instance`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wrapped, A::Error> {
                if map.next_key::<String>()?.as_deref() != Some("instance") {
                    return Err(refuse("expected the one member `instance`"));
                }
                let info = map.next_value()?;
                if map.next_key::<String>()?.is_some() {
                    return Err(refuse("expected no member besides `instance`"));
                }
                Ok(Wrapped(info))
            }
        }
        from.deserialize_map(Wrapper)
    }
}

impl<'de> Deserialize<'de> for InstanceInfo {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Instance;
        impl<'de> Visitor<'de> for Instance {
            type Value = InstanceInfo;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an instance")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InstanceInfo, A::Error> {
                let mut info = InstanceInfo::default();
                while let Some(key) = map.next_key::<String>()? {
                    member(&mut info, &key, &mut map)?;
                }
                if info.app.is_none() {
                    return Err(refuse("missing `app`"));
                }
                Ok(info)
            }
        }
        from.deserialize_map(Instance)
    }
}

fn member<'de, A: MapAccess<'de>>(
    info: &mut InstanceInfo,
    key: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    match key {
        "port" => {
            if let Some(port) = map.next_value::<Option<RawPort>>()? {
                info.port = port.or(info.port, |enabled| enabled != "false");
            }
        }
        "securePort" => {
            if let Some(port) = map.next_value::<Option<RawPort>>()? {
                info.secure_port = port.or(info.secure_port, |enabled| enabled == "true");
            }
        }
        "dataCenterInfo" => info.data_center = map.next_value()?,
        "leaseInfo" => {
            if let Some(lease) = map.next_value::<Option<RawLease>>()? {
                info.renewal_s = lease.renewal_s;
                info.duration_s = lease.duration_s;
            }
        }
        "metadata" => {
            info.metadata = map.next_value::<Option<Entries>>()?.map(|it| it.0).unwrap_or_default();
        }
        _ if info.known(key) => {
            let Scalar(value) = map.next_value()?;
            info.set(key, value);
        }
        _ => {
            map.next_value::<Unknown>()?;
        }
    }
    Ok(())
}

impl InstanceInfo {
    /// Whether `key` is a field that [`InstanceInfo::set`] takes.
    pub(super) fn known(&self, key: &str) -> bool {
        matches!(
            key,
            "instanceId"
                | "hostName"
                | "app"
                | "ipAddr"
                | "sid"
                | "status"
                | "overriddenStatus"
                | "overriddenstatus"
                | "countryId"
                | "appGroupName"
                | "homePageUrl"
                | "statusPageUrl"
                | "healthCheckUrl"
                | "secureHealthCheckUrl"
                | "vipAddress"
                | "secureVipAddress"
                | "lastDirtyTimestamp"
                | "asgName"
        )
    }

    /// Takes over one plain field; `None` is JSON's null and leaves the default.
    pub(super) fn set(&mut self, key: &str, value: Option<String>) {
        let Some(value) = value else { return };
        match key {
            "instanceId" => self.instance_id = Some(value),
            "hostName" => self.host_name = Some(value),
            "app" => self.app = Some(value.to_uppercase()),
            "ipAddr" => self.ip_addr = Some(value),
            "sid" => self.sid = (value != "na" && value != "unknown").then_some(value),
            "status" => self.status = status_of(&value),
            "overriddenStatus" | "overriddenstatus" => self.overridden = status_of(&value),
            "countryId" => self.country_id = lenient_i32(&value),
            "appGroupName" => self.app_group = Some(value.to_uppercase()),
            "homePageUrl" => self.home_page_url = Some(value),
            "statusPageUrl" => self.status_page_url = Some(value),
            "healthCheckUrl" => self.health_check_url = Some(value),
            "secureHealthCheckUrl" => self.secure_health_check_url = Some(value),
            "vipAddress" => self.vip = Some(value),
            "secureVipAddress" => self.secure_vip = Some(value),
            "lastDirtyTimestamp" => self.last_dirty_ms = Some(lenient_i64(&value)),
            "asgName" => self.asg_name = Some(value),
            _ => debug_assert!(false, "`{key}` is no plain field"),
        }
    }
}

#[derive(Default)]
struct RawPort {
    number: Option<i32>,
    enabled: Option<String>,
}

impl RawPort {
    fn or(self, default: Port, enabled: impl Fn(&str) -> bool) -> Port {
        Port {
            number: self.number.unwrap_or(default.number),
            enabled: self.enabled.map_or(default.enabled, |text| enabled(&text)),
        }
    }
}

impl<'de> Deserialize<'de> for RawPort {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Ports;
        impl<'de> Visitor<'de> for Ports {
            type Value = RawPort;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a port as {\"$\":8080,\"@enabled\":\"true\"} or as a number")
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<RawPort, E> {
                let number = i32::try_from(value).map_err(refuse)?;
                Ok(RawPort { number: Some(number), enabled: Some("true".into()) })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawPort, A::Error> {
                let mut port = RawPort::default();
                while let Some(key) = map.next_key::<String>()? {
                    let Scalar(value) = map.next_value()?;
                    match key.as_str() {
                        "$" => port.number = value.map(|text| lenient_i32(&text)),
                        "@enabled" => port.enabled = value,
                        _ => return Err(refuse(format_args!("unknown `{key}` in a port"))),
                    }
                }
                Ok(port)
            }
        }
        from.deserialize_any(Ports)
    }
}

struct RawLease {
    renewal_s: u32,
    duration_s: u32,
}

impl<'de> Deserialize<'de> for RawLease {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Leases;
        impl<'de> Visitor<'de> for Leases {
            type Value = RawLease;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a lease")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawLease, A::Error> {
                let (renewal, duration) = (super::RENEWAL_S_DEFAULT, super::DURATION_S_DEFAULT);
                let mut lease = RawLease { renewal_s: renewal, duration_s: duration };
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "renewalIntervalInSecs" => {
                            if let Scalar(Some(text)) = map.next_value()? {
                                lease.renewal_s = seconds(&text, renewal).map_err(refuse)?;
                            }
                        }
                        "durationInSecs" => {
                            if let Scalar(Some(text)) = map.next_value()? {
                                lease.duration_s = seconds(&text, duration).map_err(refuse)?;
                            }
                        }
                        _ => {
                            map.next_value::<Unknown>()?;
                        }
                    }
                }
                Ok(lease)
            }
        }
        from.deserialize_map(Leases)
    }
}

/// A map of texts; other scalars become texts, `@class` is dropped, anything nested is refused.
struct Entries(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Entries;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, Scalar(value))) = map.next_entry::<String, Scalar>()? {
                    if key != "@class" {
                        let value = value.unwrap_or_else(|| "null".to_owned());
                        put(&mut entries, key, value).map_err(refuse)?;
                    }
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_map(Map)
    }
}

impl<'de> Deserialize<'de> for DataCenter {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Center;
        impl<'de> Visitor<'de> for Center {
            type Value = DataCenter;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a data centre")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DataCenter, A::Error> {
                let (mut class, mut name, mut metadata) = (None, None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "@class" => class = map.next_value::<Scalar>()?.0,
                        "name" => name = map.next_value::<Scalar>()?.0,
                        "metadata" => metadata = map.next_value::<Option<Entries>>()?,
                        _ => return Err(refuse(format_args!("unknown `{key}` in a data centre"))),
                    }
                }
                DataCenter::of(class.as_deref(), name.as_deref(), metadata.map(|it| it.0))
                    .map_err(refuse)
            }
        }
        from.deserialize_map(Center)
    }
}

impl DataCenter {
    /// Puts a data centre together. Without a class the name decides, which old servers did too.
    pub(super) fn of(
        class: Option<&str>,
        name: Option<&str>,
        metadata: Option<Vec<(String, String)>>,
    ) -> Result<Self, String> {
        let amazon = match class {
            None => name == Some("Amazon"),
            Some(DEFAULT_CLASS | MY_OWN_CLASS) => false,
            Some(AMAZON_CLASS) => true,
            Some(other) => return Err(format!("unknown class `{other}` of a data centre")),
        };
        if metadata.is_some() && !amazon {
            return Err("only Amazon's data centre has metadata".to_owned());
        }
        let name = match name {
            None => None,
            Some(text) => Some(
                DataCenterName::parse(text)
                    .ok_or_else(|| format!("unknown data centre `{text}`"))?,
            ),
        };
        Ok(DataCenter { amazon, name, metadata: metadata.unwrap_or_default() })
    }
}
