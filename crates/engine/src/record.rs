//! How records are written in the store: keys that sort like the catalog, values in postcard.

use bytes::Bytes;
use rialto_catalog::limits::ORPHAN_TTL_MS;
use rialto_catalog::{
    Command, DocumentKey, DocumentKind, Instance, InstanceSpec, Millis, Promise, Protocol,
    ServiceKey, State, Status,
};
use rialto_storage::{Record, Table, Write};
use serde::{Deserialize, Serialize};

/// Sorts below everything that a name may contain, and is in no name.
const SEPARATOR: char = '\0';

#[derive(Debug, Serialize, Deserialize)]
struct ServiceValue {
    metadata: Vec<(String, String)>,
}

/// Everything of an instance but its service, protocol and identifier, which are its key.
#[derive(Debug, Serialize, Deserialize)]
struct InstanceValue {
    host: String,
    port: u16,
    secure_port: Option<u16>,
    zone: String,
    weight: f64,
    status: String,
    overridden: bool,
    metadata: Vec<(String, String)>,
    ttl_ms: Option<u64>,
    payload: Vec<u8>,
}

/// What was added later, behind the rest of the value: earlier records end before it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct InstanceMore {
    unhealthy_after_ms: Option<u64>,
}

/// What a command needs to have stored before it is carried out. Empty for ephemeral ones.
pub(crate) fn writes_of(state: &State, command: &Command) -> Option<Write> {
    match command {
        Command::Register { service, spec } => {
            (spec.promise == Promise::Agreed).then(|| put_instance(service, spec))
        }
        Command::Update { service, spec } => {
            let held = state.instance(service, spec.protocol, &spec.id)?;
            let spec = InstanceSpec { promise: held.promise(), ttl: None, ..spec.clone() };
            (held.promise() == Promise::Agreed).then(|| put_instance(service, &spec))
        }
        Command::Deregister { service, protocol, id } => {
            // One that is registered earlier in the same batch is not in the state yet: removing a
            // record that is not there does no harm.
            let held = state.instance(service, *protocol, id);
            let agreed = held.is_none_or(|held| held.promise() == Promise::Agreed);
            agreed.then(|| remove(Table::Instances, instance_key(service, *protocol, id)))
        }
        Command::PutService { service, metadata } => Some(put_service(service, metadata)),
        Command::RemoveService { service } => {
            Some(remove(Table::Services, service_key(service).into_bytes()))
        }
        Command::PutDocument { key, body } => Some(put_document(key, body)),
        Command::RemoveDocument { key } => Some(remove(Table::Documents, document_key(key))),
    }
}

/// What makes the record that a command was about say what the state says.
pub(crate) fn truth_of(state: &State, command: &Command) -> Write {
    match command {
        Command::Register { service, spec } | Command::Update { service, spec } => {
            instance_truth(state, service, spec.protocol, &spec.id)
        }
        Command::Deregister { service, protocol, id } => {
            instance_truth(state, service, *protocol, id)
        }
        Command::PutService { service, .. } | Command::RemoveService { service } => {
            match state.service(service) {
                Some(held) if held.is_agreed() => put_service(service, held.metadata()),
                _ => remove(Table::Services, service_key(service).into_bytes()),
            }
        }
        Command::PutDocument { key, .. } | Command::RemoveDocument { key } => {
            match state.document(key) {
                Some(document) => put_document(key, &document.body),
                None => remove(Table::Documents, document_key(key)),
            }
        }
    }
}

/// The record of an instance, of either promise.
pub(crate) fn put_instance(service: &ServiceKey, spec: &InstanceSpec) -> Write {
    let value = InstanceValue {
        host: spec.host.clone(),
        port: spec.port,
        secure_port: spec.secure_port,
        zone: spec.zone.clone(),
        weight: spec.weight,
        status: spec.status.as_str().to_owned(),
        overridden: spec.overridden,
        metadata: spec.metadata.clone(),
        ttl_ms: lease_ms(spec),
        payload: spec.payload.to_vec(),
    };
    let more = InstanceMore { unhealthy_after_ms: spec.unhealthy_after.map(|after| after.0) };
    let mut value = encode(&value);
    if more != InstanceMore::default() {
        value.extend_from_slice(&encode(&more));
    }
    put(Table::Instances, instance_key(service, spec.protocol, &spec.id), value)
}

/// Removes the record of an instance.
pub(crate) fn remove_instance(service: &ServiceKey, instance: &Instance) -> Write {
    let key = instance_key(service, instance.protocol(), instance.id());
    remove(Table::Instances, key)
}

/// The command that brings a stored record back; `None` when it makes no sense.
pub(crate) fn command_of(record: &Record) -> Option<Command> {
    let key = std::str::from_utf8(&record.key).ok()?;
    let mut parts = key.split(SEPARATOR);
    match record.table {
        Table::Services => {
            let service = ServiceKey::new(parts.next()?, parts.next()?, parts.next()?).ok()?;
            let value: ServiceValue = postcard::from_bytes(&record.value).ok()?;
            Some(Command::PutService { service, metadata: value.metadata })
        }
        Table::Instances => {
            let service = ServiceKey::new(parts.next()?, parts.next()?, parts.next()?).ok()?;
            let (protocol, id) = (Protocol::parse(parts.next()?)?, parts.next()?);
            let (value, rest) = postcard::take_from_bytes(&record.value).ok()?;
            let more = match rest {
                [] => InstanceMore::default(),
                rest => postcard::from_bytes(rest).ok()?,
            };
            let spec = spec_of(protocol, id, value, &more)?;
            Some(Command::Register { service, spec })
        }
        Table::Documents => {
            let kind = parts.next()?;
            let kind = DocumentKind::ALL.into_iter().find(|one| one.as_str() == kind)?;
            let key = DocumentKey::new(kind, parts.next()?).ok()?;
            Some(Command::PutDocument { key, body: Bytes::copy_from_slice(&record.value) })
        }
        _ => None,
    }
}

/// An instance that is bound to a session comes back with the lease of an orphan: its session is
/// over, and its owner has so long to return.
fn lease_ms(spec: &InstanceSpec) -> Option<u64> {
    match (spec.promise, spec.ttl) {
        (Promise::Ephemeral, None) => Some(ORPHAN_TTL_MS),
        (_, ttl) => ttl.map(|ttl| ttl.0),
    }
}

fn spec_of(
    protocol: Protocol,
    id: &str,
    value: InstanceValue,
    more: &InstanceMore,
) -> Option<InstanceSpec> {
    Some(InstanceSpec {
        id: id.to_owned(),
        protocol,
        host: value.host,
        port: value.port,
        secure_port: value.secure_port,
        zone: value.zone,
        weight: value.weight,
        status: Status::parse(&value.status)?,
        overridden: value.overridden,
        metadata: value.metadata,
        promise: if value.ttl_ms.is_some() { Promise::Ephemeral } else { Promise::Agreed },
        ttl: value.ttl_ms.map(Millis),
        unhealthy_after: more.unhealthy_after_ms.map(Millis),
        payload: value.payload.into(),
    })
}

fn instance_truth(state: &State, service: &ServiceKey, protocol: Protocol, id: &str) -> Write {
    match state.instance(service, protocol, id) {
        Some(held) if held.promise() == Promise::Agreed => put_instance(service, &held.spec()),
        _ => remove(Table::Instances, instance_key(service, protocol, id)),
    }
}

fn put_service(service: &ServiceKey, metadata: &[(String, String)]) -> Write {
    let value = encode(&ServiceValue { metadata: metadata.to_vec() });
    put(Table::Services, service_key(service).into_bytes(), value)
}

fn put_document(key: &DocumentKey, body: &Bytes) -> Write {
    put(Table::Documents, document_key(key), body.to_vec())
}

fn service_key(service: &ServiceKey) -> String {
    let (namespace, group, name) = service.parts();
    format!("{namespace}{SEPARATOR}{group}{SEPARATOR}{name}")
}

fn instance_key(service: &ServiceKey, protocol: Protocol, id: &str) -> Vec<u8> {
    let protocol = protocol.as_str();
    format!("{}{SEPARATOR}{protocol}{SEPARATOR}{id}", service_key(service)).into_bytes()
}

fn document_key(key: &DocumentKey) -> Vec<u8> {
    format!("{}{SEPARATOR}{}", key.kind.as_str(), key.name).into_bytes()
}

const fn put(table: Table, key: Vec<u8>, value: Vec<u8>) -> Write {
    Write { table, key, value: Some(value) }
}

const fn remove(table: Table, key: Vec<u8>) -> Write {
    Write { table, key, value: None }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records have no type that postcard cannot write")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_catalog::{Policy, Timestamp};

    fn full(promise: Promise) -> InstanceSpec {
        InstanceSpec {
            secure_port: Some(8443),
            zone: "zone-a".to_owned(),
            weight: 2.5,
            status: Status::OutOfService,
            overridden: true,
            metadata: vec![("b".to_owned(), "2".to_owned()), ("a".to_owned(), String::new())],
            promise,
            ttl: (promise == Promise::Ephemeral).then_some(Millis(30_000)),
            payload: Bytes::from_static(&[0, 1, 255]),
            ..InstanceSpec::new("host:1", Protocol::Rest, "host", 8080, Millis(1))
        }
    }

    fn commands() -> Vec<Command> {
        let service = ServiceKey::new("prod", "payments", "Ledger").unwrap();
        let key = DocumentKey::new(DocumentKind::StatusOverride, "a/b c").unwrap();
        vec![
            Command::Register { service: service.clone(), spec: full(Promise::Agreed) },
            Command::PutService { service, metadata: full(Promise::Agreed).metadata },
            Command::PutDocument { key, body: Bytes::from_static(b"{}") },
        ]
    }

    #[test]
    fn records_come_back_as_the_commands_that_made_them() {
        let mut state = State::new(Policy::default());
        for command in commands() {
            let write = writes_of(&state, &command).unwrap();
            let (table, key, value) = (write.table, write.key.clone(), write.value.clone());
            let record = Record { table, key, value: value.unwrap() };
            assert_eq!(command_of(&record), Some(command.clone()));
            state.apply(Timestamp(1), command.clone()).unwrap();
            assert_eq!(truth_of(&state, &command), write, "the state says the same");
        }
        let service = ServiceKey::named("stock").unwrap();
        let ephemeral = full(Promise::Ephemeral);
        let write = put_instance(&service, &ephemeral);
        let record = Record { table: write.table, key: write.key, value: write.value.unwrap() };
        let register = Command::Register { service, spec: ephemeral };
        assert_eq!(command_of(&record), Some(register.clone()));
        assert_eq!(writes_of(&state, &register), None, "ephemeral ones are not agreed");
    }

    fn spec_in(value: Vec<u8>) -> Option<InstanceSpec> {
        let service = ServiceKey::named("stock").unwrap();
        let key = instance_key(&service, Protocol::Nacos, "a");
        match command_of(&Record { table: Table::Instances, key, value })? {
            Command::Register { spec, .. } => Some(spec),
            _ => None,
        }
    }

    /// What a server wrote before there were unhealthy stages.
    #[test]
    fn values_without_what_came_later_are_read() {
        let old = InstanceValue {
            host: "h".to_owned(),
            port: 1,
            secure_port: None,
            zone: String::new(),
            weight: 1.0,
            status: "up".to_owned(),
            overridden: false,
            metadata: vec![],
            ttl_ms: Some(30_000),
            payload: vec![7],
        };
        let spec = spec_in(encode(&old)).unwrap();
        assert_eq!((spec.ttl, spec.unhealthy_after), (Some(Millis(30_000)), None));
        let more = InstanceMore { unhealthy_after_ms: Some(15_000) };
        let new = [encode(&old), encode(&more)].concat();
        assert_eq!(spec_in(new.clone()).unwrap().unhealthy_after, Some(Millis(15_000)));
        let (read, _) = postcard::take_from_bytes::<InstanceValue>(&new).unwrap();
        assert_eq!(read.payload, [7], "and an earlier server reads what it knows of");
        assert_eq!(spec_in([encode(&old), vec![1]].concat()), None);
    }

    #[test]
    fn sessions_come_back_as_orphans() {
        let bound = InstanceSpec {
            protocol: Protocol::Nacos,
            ttl: None,
            ..InstanceSpec::new("a", Protocol::Nacos, "h", 1, Millis(1))
        };
        let write = put_instance(&ServiceKey::named("stock").unwrap(), &bound);
        let spec = spec_in(write.value.unwrap()).unwrap();
        let expected = InstanceSpec { ttl: Some(Millis(ORPHAN_TTL_MS)), ..bound };
        assert_eq!(spec, expected);
    }

    #[test]
    fn what_makes_no_sense_is_no_command() {
        for table in Table::ALL {
            for key in [&b""[..], b"a", b"a\0b\0c", b"a\0b\0c\0sdk\0id", b"route\0", &[0xff, 0]] {
                let record = Record { table, key: key.to_vec(), value: vec![0xff; 3] };
                assert_eq!(command_of(&record), None, "{record:?}");
            }
        }
    }
}
