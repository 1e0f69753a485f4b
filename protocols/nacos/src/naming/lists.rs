//! Lists for consoles and scripts: services, subscribers, clients, and how much there is.

use std::collections::BTreeSet;
use std::sync::Arc;

use rialto_catalog::{Instance, Promise, Protocol, ServiceKey, ServiceRef};

use super::Naming;
use super::clients::Held;
use super::select::{Wanted, select};
use super::words::{ClientRow, Metrics, Page, PublisherRow, ServiceRow, SubscriberRow};
use crate::map::{BEATS, Payload, cluster_of, group_of, grouped, key};

/// Who publishes an instance of Nacos.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Publisher {
    Connection(u64),
    Beats,
    Persistent,
}

impl Naming {
    /// Bare names of the services of a group, sorted, by page from 1, and how many there are.
    #[must_use]
    pub fn service_names(
        &self,
        namespace: &str,
        group: &str,
        page: usize,
        page_size: usize,
    ) -> Page<String> {
        let Ok(any) = key(namespace, group, "a") else { return Page::default() };
        let in_group = |service: &ServiceRef<'_>| {
            (service.key().namespace(), service.key().group()) == (any.namespace(), any.group())
        };
        self.shared.engine.read(|state| {
            let services = state.services().filter(in_group);
            page_of(services, page, page_size, |service| service.key().name().to_owned())
        })
    }

    /// `GROUP@@name` of all services of a namespace, sorted; of all namespaces when it is absent.
    #[must_use]
    pub fn grouped_names(&self, namespace: Option<&str>) -> Vec<(String, String)> {
        self.shared.engine.read(|state| {
            let services = state.services().map(|service| service.key());
            let asked = |key: &&ServiceKey| namespace.is_none_or(|asked| asked == key.namespace());
            let name = |key: &ServiceKey| (key.namespace().to_owned(), grouped(key));
            services.filter(asked).map(name).collect()
        })
    }

    /// Services whose group and name contain the given texts (both may be empty), sorted, by page
    /// from 1.
    #[must_use]
    pub fn services(
        &self,
        namespace: &str,
        (group_part, name_part): (&str, &str),
        with_instances_only: bool,
        page: usize,
        page_size: usize,
    ) -> Page<ServiceRow> {
        let Ok(any) = key(namespace, "", "a") else { return Page::default() };
        let asked = |service: &ServiceRef<'_>| {
            let key = service.key();
            key.namespace() == any.namespace()
                && group_of(key).contains(group_part)
                && key.name().contains(name_part)
                && !(with_instances_only && service.is_empty())
        };
        // Rows look at settings, which must not happen with the catalog locked.
        let found = self.shared.engine.read(|state| {
            let services = state.services().filter(asked);
            page_of(services, page, page_size, |service| {
                (service.key().clone(), Arc::clone(service.instances()))
            })
        });
        let items = found.items.iter().map(|(key, instances)| self.row(key, instances)).collect();
        Page { count: found.count, items }
    }

    /// Who subscribes to a service, sorted; with `fuzzy`, to all services of the namespace whose
    /// group and name contain those of `key`.
    #[must_use]
    pub fn subscribers(&self, key: &ServiceKey, fuzzy: bool) -> Vec<SubscriberRow> {
        let mut found = Vec::new();
        {
            let pushes = self.shared.pushes.lock();
            let similar = |other: &&ServiceKey| {
                other.namespace() == key.namespace()
                    && group_of(other).contains(group_of(key))
                    && other.name().contains(key.name())
            };
            let keys: Vec<&ServiceKey> =
                if fuzzy { pushes.services().filter(similar).collect() } else { vec![key] };
            for key in keys {
                let all = pushes.of(key);
                found.extend(all.map(|(id, clusters)| (id, key.clone(), clusters.clone())));
            }
        }
        let row = |(id, key, clusters): (_, ServiceKey, Option<Arc<str>>)| {
            self.shared.clients.with(id, |held| subscriber(held, &key, clusters.as_deref()))
        };
        let mut rows: Vec<SubscriberRow> = found.into_iter().filter_map(row).collect();
        let by = |row: &SubscriberRow| (row.service_name.clone(), row.addr_str.clone());
        rows.sort_by_key(by);
        rows
    }

    /// Identifiers of all clients, sorted: connections, and `ip:port#true` or `ip:port#false` of
    /// those without.
    #[must_use]
    pub fn clients(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        self.shared.clients.each(|_, held| _ = found.insert(held.client.name.to_string()));
        self.each_published(|_, one, publisher| {
            if !matches!(publisher, Publisher::Connection(_)) {
                found.insert(address_id(one, publisher));
            }
        });
        found.into_iter().collect()
    }

    /// One client.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<ClientRow> {
        let mut found = None;
        self.shared.clients.each(|_, held| {
            if *held.client.name == *id {
                found = Some(connection_row(held, self.shared.engine.now().0));
            }
        });
        if found.is_some() {
            return found;
        }
        let mut last = None;
        self.each_published(|_, one, publisher| {
            if !matches!(publisher, Publisher::Connection(_)) && address_id(one, publisher) == id {
                last = last.max(Some((one.changed().0, one.port(), publisher == Publisher::Beats)));
            }
        });
        let (changed, port, ephemeral) = last?;
        Some(ClientRow {
            client_id: id.to_owned(),
            client_type: "ipPort".to_owned(),
            ephemeral,
            last_updated_time: changed,
            client_ip: id.rsplit_once(':').map_or(id, |(ip, _)| ip).to_owned(),
            client_port: port,
            create_time: 0,
            version: String::new(),
            app_name: String::new(),
        })
    }

    /// What a client publishes, sorted; `None` when there is no such client.
    #[must_use]
    pub fn published_by(&self, id: &str) -> Option<Vec<PublisherRow>> {
        let (connection, _) = self.connection_named(id).unzip();
        let mut rows = Vec::new();
        self.each_published(|key, one, publisher| {
            let own = match publisher {
                Publisher::Connection(owner) => connection == Some(owner),
                _ => connection.is_none() && address_id(one, publisher) == id,
            };
            if own {
                rows.push(publisher_row(id.to_owned(), key, one));
            }
        });
        (connection.is_some() || !rows.is_empty()).then_some(rows)
    }

    /// What a client subscribes to, sorted; `None` when there is no such client.
    #[must_use]
    pub fn subscribed_by(&self, id: &str) -> Option<Vec<PublisherRow>> {
        let Some((_, mut rows)) = self.connection_named(id) else {
            return self.client(id).map(|_| Vec::new());
        };
        rows.sort_by_key(|row| (row.group_name.clone(), row.service_name.clone()));
        Some(rows)
    }

    /// Who publishes at a service, in the order of its instances.
    #[must_use]
    pub fn publishers(&self, key: &ServiceKey) -> Vec<PublisherRow> {
        let name = |one: &Instance| match publisher(one) {
            Publisher::Connection(owner) => {
                let id = super::ConnectionId(owner);
                let found = self.shared.clients.with(id, |held| held.client.name.to_string());
                // Its server restarted: the connection is no more, and a new one will take over.
                found.unwrap_or_else(|| format!("orphan_{}_{}", one.host(), one.port()))
            }
            publisher => address_id(one, publisher),
        };
        let all = self.all_of(key);
        let own = all.iter().filter(|one| one.protocol() == Protocol::Nacos);
        own.map(|one| publisher_row(name(one), key, one)).collect()
    }

    /// How much there is.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let (mut beating, mut persistent) = (BTreeSet::new(), BTreeSet::new());
        self.each_published(|_, one, publisher| {
            match publisher {
                Publisher::Connection(_) => return,
                Publisher::Beats => &mut beating,
                Publisher::Persistent => &mut persistent,
            }
            .insert((one.host().to_owned(), one.port()));
        });
        let connections = self.shared.clients.len();
        let (services, instances) =
            self.shared.engine.read(|state| (state.services_len(), state.instances_len()));
        Metrics {
            service_count: services,
            instance_count: instances,
            subscribe_count: self.shared.pushes.lock().len(),
            client_count: connections + beating.len() + persistent.len(),
            connection_based_client_count: connections,
            ephemeral_ip_port_client_count: beating.len(),
            persistent_ip_port_client_count: persistent.len(),
        }
    }

    fn row(&self, key: &ServiceKey, instances: &[Arc<Instance>]) -> ServiceRow {
        let settings = self.shared.settings.get(key);
        let wanted = Wanted { clusters: "", healthy_only: false, enabled_only: false };
        let (seen, _) = select(instances, wanted, None);
        let healthy = seen.iter().filter(|seen| seen.healthy).count();
        let clusters: BTreeSet<&str> = seen.iter().map(|seen| seen.cluster).collect();
        let threshold = settings.map_or(0.0, |settings| settings.protect_threshold);
        ServiceRow {
            name: key.name().to_owned(),
            group_name: group_of(key).to_owned(),
            cluster_count: clusters.len(),
            ip_count: seen.len(),
            healthy_instance_count: healthy,
            trigger_flag: !seen.is_empty() && healthy as f32 / seen.len() as f32 <= threshold,
        }
    }

    /// A connection by its name, with what it subscribes to.
    fn connection_named(&self, name: &str) -> Option<(u64, Vec<PublisherRow>)> {
        let mut found = None;
        self.shared.clients.each(|id, held| {
            if *held.client.name == *name {
                let row = |(key, clusters): (&ServiceKey, &Option<Arc<str>>)| PublisherRow {
                    client_id: name.to_owned(),
                    namespace_id: key.namespace().to_owned(),
                    group_name: group_of(key).to_owned(),
                    service_name: key.name().to_owned(),
                    ip: held.client.remote.ip().to_string(),
                    port: held.client.remote.port(),
                    cluster: clusters.as_deref().unwrap_or("").to_owned(),
                };
                found = Some((id.0, held.subscribed.iter().map(row).collect()));
            }
        });
        found
    }

    /// Looks at all instances of Nacos, service by service, sorted. Not with one lock: what changes
    /// in between may be seen or not.
    fn each_published(&self, mut look: impl FnMut(&ServiceKey, &Instance, Publisher)) {
        let own = |service: &ServiceRef<'_>| service.count(Protocol::Nacos) > 0;
        let keys: Vec<ServiceKey> = self.shared.engine.read(|state| {
            state.services().filter(own).map(|service| service.key().clone()).collect()
        });
        for key in keys {
            for one in self.all_of(&key).iter() {
                if one.protocol() == Protocol::Nacos {
                    look(&key, one, publisher(one));
                }
            }
        }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { count: 0, items: Vec::new() }
    }
}

fn publisher(one: &Instance) -> Publisher {
    match (one.promise(), Payload::owner_of(one)) {
        (Promise::Agreed, _) => Publisher::Persistent,
        (Promise::Ephemeral, BEATS) => Publisher::Beats,
        (Promise::Ephemeral, owner) => Publisher::Connection(owner),
    }
}

fn address_id(one: &Instance, publisher: Publisher) -> String {
    format!("{}:{}#{}", one.host(), one.port(), publisher == Publisher::Beats)
}

fn publisher_row(client_id: String, key: &ServiceKey, one: &Instance) -> PublisherRow {
    PublisherRow {
        client_id,
        namespace_id: key.namespace().to_owned(),
        group_name: group_of(key).to_owned(),
        service_name: key.name().to_owned(),
        ip: one.host().to_owned(),
        port: one.port(),
        cluster: cluster_of(one).to_owned(),
    }
}

fn subscriber(held: &Held, key: &ServiceKey, clusters: Option<&str>) -> SubscriberRow {
    let client = &held.client;
    SubscriberRow {
        addr_str: client.remote.ip().to_string(),
        agent: client.agent.to_string(),
        app: client.app.to_string(),
        ip: client.remote.ip().to_string(),
        port: client.remote.port(),
        namespace_id: key.namespace().to_owned(),
        service_name: grouped(key),
        cluster: clusters.unwrap_or("").to_owned(),
        client_id: client.name.to_string(),
    }
}

fn connection_row(held: &Held, now_ms: u64) -> ClientRow {
    let client = &held.client;
    ClientRow {
        client_id: client.name.to_string(),
        client_type: "connection".to_owned(),
        ephemeral: true,
        last_updated_time: now_ms,
        client_ip: client.remote.ip().to_string(),
        client_port: client.remote.port(),
        create_time: held.since.0,
        version: client.agent.to_string(),
        app_name: client.app.to_string(),
    }
}

/// One page of what is found, and how much is found in all.
fn page_of<T, R>(
    all: impl Iterator<Item = T>,
    page: usize,
    page_size: usize,
    row: impl Fn(T) -> R,
) -> Page<R> {
    let first = page.max(1).saturating_sub(1).saturating_mul(page_size);
    let beyond = first.saturating_add(page_size);
    let (mut count, mut items) = (0, Vec::new());
    for one in all {
        if (first..beyond).contains(&count) {
            items.push(row(one));
        }
        count += 1;
    }
    Page { count, items }
}
