//! Eureka's words and the catalog's. What only Eureka knows of an instance travels in the
//! catalog's opaque payload, so the door itself holds no instance.

use rialto_catalog::{
    Instance, InstanceSpec, InvalidName, LeaseInfo, Millis, Promise, Protocol, ServiceKey, Status,
    Timestamp, limits,
};
use serde::{Deserialize, Serialize};

use crate::codec::{
    DURATION_S_DEFAULT, DataCenterName, InstanceInfo, LeaseTimes, Port, RENEWAL_S_DEFAULT, Shape,
};

/// The metadata key that tells Eureka clients which door an instance came through.
pub const REGISTERED_BY: &str = "registered-by";

/// The service that an application of any case is.
///
/// # Errors
/// When the name is no name of a service.
pub fn service(app: &str) -> Result<ServiceKey, InvalidName> {
    ServiceKey::named(&app.to_lowercase())
}

/// The application that a service is.
#[must_use]
pub fn app(service: &ServiceKey) -> String {
    service.name().to_uppercase()
}

/// Whether Eureka clients see the services of this namespace and group.
#[must_use]
pub fn visible(service: &ServiceKey) -> bool {
    service.namespace() == ServiceKey::NAMESPACE_DEFAULT
        && service.group() == ServiceKey::GROUP_DEFAULT
}

/// What happened to an instance last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// It registered.
    Added,
    /// Its status was changed for it.
    Modified,
    /// It is gone.
    Deleted,
}

impl Action {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Added => "ADDED",
            Action::Modified => "MODIFIED",
            Action::Deleted => "DELETED",
        }
    }
}

/// Eureka's own fields of an instance, borrowed from a catalog payload or from a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Own<'a> {
    /// The client's clock at its last change, in ms.
    pub dirty_ms: i64,
    /// When it was first up, in ms, or 0.
    pub up_ms: u64,
    /// What happened last.
    pub action: Action,
    /// An operator's status, or `UNKNOWN`.
    overridden: u8,
    /// As sent, which may be no id at all.
    #[serde(borrow)]
    instance_id: Option<&'a str>,
    host_name: &'a str,
    #[serde(borrow)]
    sid: Option<&'a str>,
    port: (i32, bool),
    secure_port: (i32, bool),
    country_id: i32,
    amazon: bool,
    center_name: u8,
    #[serde(borrow)]
    center_metadata: Vec<(&'a str, &'a str)>,
    renewal_s: u32,
    duration_s: u32,
    #[serde(borrow)]
    app_group: Option<&'a str>,
    #[serde(borrow)]
    home_page_url: Option<&'a str>,
    #[serde(borrow)]
    status_page_url: Option<&'a str>,
    #[serde(borrow)]
    health_check_url: Option<&'a str>,
    #[serde(borrow)]
    secure_health_check_url: Option<&'a str>,
    #[serde(borrow)]
    vip: Option<&'a str>,
    #[serde(borrow)]
    secure_vip: Option<&'a str>,
    #[serde(borrow)]
    asg_name: Option<&'a str>,
}

const STATUSES: [Status; 5] =
    [Status::Unknown, Status::Up, Status::Starting, Status::Down, Status::OutOfService];
const CENTERS: [DataCenterName; 3] =
    [DataCenterName::MyOwn, DataCenterName::Amazon, DataCenterName::Netflix];

fn number<T: PartialEq>(all: &[T], one: &T) -> u8 {
    let at = all.iter().position(|each| each == one).expect("the tables list every value");
    u8::try_from(at).expect("the tables are short")
}

impl<'a> Own<'a> {
    /// What a registration says, before anything is decided about it.
    #[must_use]
    pub fn of(info: &'a InstanceInfo, dirty_ms: i64) -> Self {
        let shape = info.shape();
        let mut center_metadata = shape.center_metadata;
        if shape.amazon && !center_metadata.iter().any(|(key, _)| *key == "instance-id") {
            // Netflix's server completes Amazon's metadata in this way.
            center_metadata.extend(info.effective_id().map(|id| ("instance-id", id)));
        }
        Own {
            dirty_ms,
            up_ms: 0,
            action: Action::Added,
            overridden: 0,
            instance_id: shape.instance_id,
            host_name: shape.host_name,
            sid: shape.sid,
            port: (shape.port.number, shape.port.enabled),
            secure_port: (shape.secure_port.number, shape.secure_port.enabled),
            country_id: shape.country_id,
            amazon: shape.amazon,
            center_name: number(&CENTERS, &shape.center_name),
            center_metadata,
            renewal_s: info.renewal_s,
            duration_s: info.duration_s,
            app_group: shape.app_group,
            home_page_url: shape.home_page_url,
            status_page_url: shape.status_page_url,
            health_check_url: shape.health_check_url,
            secure_health_check_url: shape.secure_health_check_url,
            vip: shape.vip,
            secure_vip: shape.secure_vip,
            asg_name: shape.asg_name,
        }
    }

    /// Reads what [`Own::payload`] wrote; `None` for an instance of another protocol.
    #[must_use]
    pub fn read(instance: &'a Instance) -> Option<Self> {
        if instance.protocol() != Protocol::Eureka {
            return None;
        }
        postcard::from_bytes(instance.payload().get(DIRTY_BYTES..)?).ok()
    }

    /// For the catalog. The first bytes are [`dirty_ms`]'s, which every heartbeat looks at.
    #[must_use]
    pub fn payload(&self) -> bytes::Bytes {
        let mut out = Vec::with_capacity(192);
        out.extend_from_slice(&self.dirty_ms.to_le_bytes());
        postcard::to_extend(self, out).expect("writing to memory cannot fail").into()
    }

    /// An operator's status.
    #[must_use]
    pub fn overridden(&self) -> Status {
        STATUSES.get(usize::from(self.overridden)).copied().unwrap_or(Status::Unknown)
    }

    /// Sets an operator's status.
    pub fn set_overridden(&mut self, status: Status) {
        self.overridden = number(&STATUSES, &status);
    }

    /// Every virtual address, with whether it is one of the TLS port.
    pub fn vips(&self) -> impl Iterator<Item = (bool, &'a str)> {
        let list = |secure: bool, addresses: Option<&'a str>| {
            addresses.into_iter().flat_map(|it| it.split(',')).map(move |vip| (secure, vip))
        };
        list(false, self.vip).chain(list(true, self.secure_vip))
    }

    /// The instance for the catalog, with `status` as decided.
    #[must_use]
    pub fn spec(
        &self,
        id: String,
        ip_addr: String,
        status: Status,
        metadata: Vec<(String, String)>,
    ) -> InstanceSpec {
        let ((plain, enabled), (secure, secured)) = (self.port, self.secure_port);
        let number = |number: i32| u16::try_from(number).ok().filter(|number| *number > 0);
        let meta = |name: &str| metadata.iter().find(|(key, _)| key == name).map(|(_, it)| it);
        let zone = meta("zone").map(String::as_str).or_else(|| {
            self.center_metadata.iter().find(|(key, _)| *key == "availability-zone").map(|it| it.1)
        });
        let weight = meta("weight").and_then(|text| text.parse().ok()).unwrap_or(1.0);
        let in_range = (0.0..=limits::WEIGHT_MAX).contains(&weight);
        let ttl =
            (u64::from(self.duration_s) * 1_000).clamp(limits::TTL_MS_MIN, limits::TTL_MS_MAX);
        InstanceSpec {
            id,
            protocol: Protocol::Eureka,
            host: ip_addr,
            port: number(plain).filter(|_| enabled).unwrap_or(0),
            secure_port: number(secure).filter(|_| secured),
            zone: zone.filter(|zone| fits_zone(zone)).unwrap_or_default().to_owned(),
            weight: if in_range { weight } else { 1.0 },
            status,
            overridden: self.overridden() != Status::Unknown,
            metadata,
            promise: Promise::Ephemeral,
            ttl: Some(Millis(ttl)),
            unhealthy_after: None,
            payload: self.payload(),
        }
    }

    fn shape(self, app: &'a str, instance: &'a Instance) -> Shape<'a> {
        let overridden = self.overridden();
        let center_name = CENTERS.get(usize::from(self.center_name)).copied();
        Shape {
            instance_id: self.instance_id,
            host_name: self.host_name,
            app,
            ip_addr: instance.host(),
            sid: self.sid,
            status: instance.status(),
            overridden,
            port: Port { number: self.port.0, enabled: self.port.1 },
            secure_port: Port { number: self.secure_port.0, enabled: self.secure_port.1 },
            country_id: self.country_id,
            amazon: self.amazon,
            center_name: center_name.unwrap_or(DataCenterName::MyOwn),
            center_metadata: self.center_metadata,
            lease: LeaseTimes {
                renewal_s: self.renewal_s,
                duration_s: self.duration_s,
                registered_ms: instance.registered().0,
                renewed_ms: instance.registered().0,
                evicted_ms: 0,
                up_ms: self.up_ms,
            },
            metadata: instance.metadata().collect(),
            app_group: self.app_group,
            home_page_url: self.home_page_url,
            status_page_url: self.status_page_url,
            health_check_url: self.health_check_url,
            secure_health_check_url: self.secure_health_check_url,
            vip: self.vip,
            secure_vip: self.secure_vip,
            updated_ms: instance.changed().0,
            dirty_ms: self.dirty_ms,
            action: Some(self.action.as_str()),
            asg_name: self.asg_name,
        }
    }
}

/// A zone too long for the catalog, or with control characters, is kept in the metadata only.
fn fits_zone(zone: &str) -> bool {
    zone.len() <= limits::NAME_BYTES_MAX && !zone.contains(char::is_control)
}

const DIRTY_BYTES: usize = 8;

/// The client's clock at the last change of a Eureka instance, without reading all the rest.
#[must_use]
pub fn dirty_ms(instance: &Instance) -> i64 {
    let bytes = instance.payload().first_chunk::<DIRTY_BYTES>();
    bytes.map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

/// The identity that an instance of another door has for Eureka clients.
#[must_use]
pub fn foreign_id(service: &ServiceKey, instance: &Instance) -> String {
    let port = instance.secure_port().filter(|_| instance.port() == 0).unwrap_or(instance.port());
    format!("{}:{}:{port}", instance.host(), service.name())
}

/// What an exported instance needs that the catalog does not keep as text.
#[derive(Debug, Clone)]
pub struct Names {
    /// The application.
    pub app: String,
    /// The service, as virtual address of exported instances.
    vip: String,
    /// The identity of an exported instance.
    foreign_id: Option<String>,
}

impl Names {
    /// The names of an instance.
    #[must_use]
    pub fn of(service: &ServiceKey, instance: &Instance) -> Self {
        let foreign = instance.protocol() != Protocol::Eureka;
        Names {
            app: app(service),
            vip: service.name().to_owned(),
            foreign_id: foreign.then(|| foreign_id(service, instance)),
        }
    }
}

/// How lease times are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// As they are.
    True,
    /// As Netflix's server does: a renewal is said to have happened one lease later.
    Netflix,
}

/// An instance of any door as Eureka clients see it.
#[must_use]
pub fn shape<'a>(
    names: &'a Names,
    instance: &'a Instance,
    lease: Option<LeaseInfo>,
    telling: Telling,
) -> Shape<'a> {
    let mut shape = match Own::read(instance) {
        Some(own) => own.shape(&names.app, instance),
        None => foreign(names, instance),
    };
    if let Some(lease) = lease {
        let renewed = lease.renewed > lease.registered;
        let lie = if renewed && telling == Telling::Netflix { lease.ttl.0 } else { 0 };
        shape.lease.registered_ms = lease.registered.0;
        shape.lease.renewed_ms = lease.renewed.0 + lie;
    }
    shape
}

/// The same, when the instance is gone since `at`.
#[must_use]
pub fn shape_of_gone<'a>(names: &'a Names, instance: &'a Instance, at: Timestamp) -> Shape<'a> {
    let mut shape = shape(names, instance, None, Telling::True);
    shape.action = Some(Action::Deleted.as_str());
    shape.lease.evicted_ms = at.0;
    shape.updated_ms = at.0;
    shape
}

fn foreign<'a>(names: &'a Names, instance: &'a Instance) -> Shape<'a> {
    let plain = instance.port();
    let mut metadata: Vec<_> = instance.metadata().collect();
    if !metadata.iter().any(|(key, _)| *key == REGISTERED_BY) {
        metadata.push((REGISTERED_BY, instance.protocol().as_str()));
    }
    if !instance.zone().is_empty() && !metadata.iter().any(|(key, _)| *key == "zone") {
        metadata.push(("zone", instance.zone()));
    }
    let changed = instance.changed() > instance.registered();
    let up = instance.status() == Status::Up;
    Shape {
        instance_id: names.foreign_id.as_deref(),
        host_name: instance.host(),
        app: &names.app,
        ip_addr: instance.host(),
        sid: None,
        status: instance.status(),
        overridden: if instance.overridden() { instance.status() } else { Status::Unknown },
        port: Port { number: i32::from(plain), enabled: plain > 0 },
        secure_port: Port {
            number: i32::from(instance.secure_port().unwrap_or(443)),
            enabled: instance.secure_port().is_some(),
        },
        country_id: 1,
        amazon: false,
        center_name: DataCenterName::MyOwn,
        center_metadata: Vec::new(),
        lease: LeaseTimes {
            renewal_s: RENEWAL_S_DEFAULT,
            duration_s: DURATION_S_DEFAULT,
            registered_ms: instance.registered().0,
            renewed_ms: instance.registered().0,
            evicted_ms: 0,
            up_ms: if up { instance.registered().0 } else { 0 },
        },
        metadata,
        app_group: None,
        home_page_url: None,
        status_page_url: None,
        health_check_url: None,
        secure_health_check_url: None,
        vip: Some(&names.vip),
        secure_vip: Some(&names.vip),
        updated_ms: instance.changed().0,
        dirty_ms: i64::try_from(instance.changed().0).unwrap_or(i64::MAX),
        action: Some(if changed { Action::Modified } else { Action::Added }.as_str()),
        asg_name: None,
    }
}
