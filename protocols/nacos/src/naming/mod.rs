//! What naming calls mean, whichever transport they come by: instances of connections and of beats,
//! persistent ones with their health checks, views of services, pushes to subscribers.
//!
//! Instances are in the engine alone. Here is what only Nacos has: who is connected, who subscribes
//! to what, and what was rendered for them.

mod push;
mod view;
mod words;

use std::sync::Arc;

use rialto_catalog::ServiceKey;
use rialto_engine::Engine;
use rialto_telemetry::Telemetry;

pub use push::{ConnectionId, Outcome, Push, PushOutcome, PushRequest};
pub use view::ServiceView;
pub use words::{
    BeatAnswer, Checker, Client, ClientRow, ClusterForm, ClusterInfo, InstanceChange, InstanceInfo,
    Metrics, Owner, Page, PublisherRow, ServiceDetail, ServiceForm, ServiceRow, SubscriberRow,
    Target,
};

pub use crate::map::{BeatForm, InstanceForm};
use crate::{Code, Problem};

/// The naming part of the door. Clones share it.
#[derive(Clone)]
pub struct Naming {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    push: Arc<dyn Push>,
    telemetry: Telemetry,
}

impl Naming {
    /// Over an engine; pushes go out by `push`. [`Naming::run`] keeps it going.
    #[must_use]
    pub fn new(engine: Engine, push: Arc<dyn Push>, telemetry: Telemetry) -> Self {
        Self { shared: Arc::new(Shared { engine, push, telemetry }) }
    }

    /// Sends pushes, checks health, sweeps what is empty or expired, until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
    }

    /// A connection was set up. Calls of connections that never were count as of one that says
    /// nothing of itself.
    pub fn begin(&self, client: Client) {
        _ = client;
    }

    /// A connection is gone: what it published leaves at once, what it subscribed to ends.
    pub fn end(&self, connection: ConnectionId) {
        _ = connection;
    }

    /// Registers an ephemeral instance. On one connection and service, it replaces what was
    /// registered before, whatever its address.
    ///
    /// # Errors
    /// When a value is out of its limits, or the service is one of persistent instances.
    pub fn register(
        &self,
        owner: Owner,
        key: &ServiceKey,
        form: InstanceForm,
    ) -> Result<(), Problem> {
        self.register_batch_of(owner, key, vec![form])
    }

    /// Registers all instances of a connection at a service; those that are not in the list go.
    ///
    /// # Errors
    /// As [`Naming::register`]; then nothing changes.
    pub fn register_batch(
        &self,
        connection: ConnectionId,
        key: &ServiceKey,
        forms: Vec<InstanceForm>,
    ) -> Result<(), Problem> {
        self.register_batch_of(Owner::Connection(connection), key, forms)
    }

    fn register_batch_of(
        &self,
        _: Owner,
        _: &ServiceKey,
        _: Vec<InstanceForm>,
    ) -> Result<(), Problem> {
        let (_, _) = (&self.shared.engine, (&self.shared.push, &self.shared.telemetry));
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Takes an ephemeral instance out; one that is not there is no error. Of a connection, all
    /// that it published at the service goes and `target` does not matter.
    ///
    /// # Errors
    /// When a name is wrong.
    pub fn deregister(
        &self,
        owner: Owner,
        key: &ServiceKey,
        target: Target<'_>,
    ) -> Result<(), Problem> {
        _ = (owner, key, target);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Registers a persistent instance; it is on disk before the answer.
    ///
    /// # Errors
    /// As [`Naming::register`], or when the service is one of ephemeral instances.
    pub async fn register_persistent(
        &self,
        key: &ServiceKey,
        form: InstanceForm,
    ) -> Result<(), Problem> {
        _ = (key, form);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Takes a persistent instance out; one that is not there is no error.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn deregister_persistent(
        &self,
        key: &ServiceKey,
        target: Target<'_>,
    ) -> Result<(), Problem> {
        _ = (key, target);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// A beat: renews an instance, or registers it when it is unknown and given in full.
    ///
    /// # Errors
    /// As [`Naming::register`].
    pub fn beat(&self, form: BeatForm) -> Result<BeatAnswer, Problem> {
        _ = form;
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Instances of a service in the clusters of a comma-separated list, or in all; what is not
    /// enabled is left out. Shared with everybody who asks the same.
    #[must_use]
    pub fn view(&self, key: &ServiceKey, clusters: &str, healthy_only: bool) -> ServiceView {
        ServiceView::empty(key, clusters, healthy_only)
    }

    /// Subscribes a connection to a service, in place of what it subscribed to there before, and
    /// gives what is there now. Every change is pushed.
    #[must_use]
    pub fn subscribe(
        &self,
        connection: ConnectionId,
        key: &ServiceKey,
        clusters: &str,
    ) -> ServiceView {
        _ = connection;
        self.view(key, clusters, false)
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, connection: ConnectionId, key: &ServiceKey) {
        _ = (connection, key);
    }

    /// Bare names of the services of a group, by page from 1, and how many there are.
    #[must_use]
    pub fn service_names(
        &self,
        namespace: &str,
        group: &str,
        page: usize,
        page_size: usize,
    ) -> Page<String> {
        _ = (namespace, group, page, page_size);
        Page { count: 0, items: Vec::new() }
    }

    /// Services whose group and name contain the given texts (both may be empty), by page from 1.
    #[must_use]
    pub fn services(
        &self,
        namespace: &str,
        (group_part, name_part): (&str, &str),
        with_instances_only: bool,
        page: usize,
        page_size: usize,
    ) -> Page<ServiceRow> {
        _ = (namespace, group_part, name_part, with_instances_only, page, page_size);
        Page { count: 0, items: Vec::new() }
    }

    /// A service with its clusters.
    ///
    /// # Errors
    /// When there is none (404).
    pub fn service(&self, key: &ServiceKey) -> Result<ServiceDetail, Problem> {
        _ = key;
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Makes a service.
    ///
    /// # Errors
    /// When it is there already, a value is wrong, or it could not be made durable.
    pub async fn create_service(&self, key: &ServiceKey, form: ServiceForm) -> Result<(), Problem> {
        _ = (key, form);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Changes a service.
    ///
    /// # Errors
    /// When there is none, a value is wrong, or it could not be made durable.
    pub async fn update_service(&self, key: &ServiceKey, form: ServiceForm) -> Result<(), Problem> {
        _ = (key, form);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Removes a service that has no instances.
    ///
    /// # Errors
    /// When there is none, it has instances, or it could not be made durable.
    pub async fn remove_service(&self, key: &ServiceKey) -> Result<(), Problem> {
        _ = key;
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Changes a cluster of a service.
    ///
    /// # Errors
    /// As [`Naming::update_service`].
    pub async fn update_cluster(&self, key: &ServiceKey, form: ClusterForm) -> Result<(), Problem> {
        _ = (key, form);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// All instances of a service, also those that are not enabled, in the clusters of a
    /// comma-separated list or in all.
    #[must_use]
    pub fn instances(&self, key: &ServiceKey, clusters: &str) -> Vec<InstanceInfo> {
        _ = (key, clusters);
        Vec::new()
    }

    /// One instance.
    ///
    /// # Errors
    /// When there is none (404).
    pub fn instance(&self, key: &ServiceKey, target: Target<'_>) -> Result<InstanceInfo, Problem> {
        _ = (key, target);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// An operator's change of an instance, which outlives its registration.
    ///
    /// # Errors
    /// When there is no such instance, a value is wrong, or it could not be made durable.
    pub async fn update_instance(
        &self,
        key: &ServiceKey,
        target: Target<'_>,
        change: InstanceChange,
    ) -> Result<(), Problem> {
        _ = (key, target, change);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Puts metadata over that of many instances, or with `remove` takes those keys out; all of the
    /// service when `targets` is empty. Returns `ip:port:unknown:cluster:ephemeral` of each.
    ///
    /// # Errors
    /// As [`Naming::update_instance`].
    pub async fn change_metadata(
        &self,
        key: &ServiceKey,
        targets: &[Target<'_>],
        ephemeral: Option<bool>,
        metadata: &[(String, String)],
        remove: bool,
    ) -> Result<Vec<String>, Problem> {
        _ = (key, targets, ephemeral, metadata, remove);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Sets the health of a persistent instance whose cluster has no checker.
    ///
    /// # Errors
    /// When there is no such instance, its health is checked here, or it could not be made durable.
    pub async fn set_health(
        &self,
        key: &ServiceKey,
        target: Target<'_>,
        healthy: bool,
    ) -> Result<(), Problem> {
        _ = (key, target, healthy);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }

    /// Who subscribes to services; `fuzzy` takes group and name as parts of theirs.
    #[must_use]
    pub fn subscribers(&self, key: &ServiceKey, fuzzy: bool) -> Vec<SubscriberRow> {
        _ = (key, fuzzy);
        Vec::new()
    }

    /// Identifiers of all clients.
    #[must_use]
    pub fn clients(&self) -> Vec<String> {
        Vec::new()
    }

    /// One client.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<ClientRow> {
        _ = id;
        None
    }

    /// What a client publishes; `None` when there is no such client.
    #[must_use]
    pub fn published_by(&self, id: &str) -> Option<Vec<PublisherRow>> {
        _ = id;
        None
    }

    /// What a client subscribes to; `None` when there is no such client.
    #[must_use]
    pub fn subscribed_by(&self, id: &str) -> Option<Vec<PublisherRow>> {
        _ = id;
        None
    }

    /// Who publishes at a service.
    #[must_use]
    pub fn publishers(&self, key: &ServiceKey) -> Vec<PublisherRow> {
        _ = key;
        Vec::new()
    }

    /// How much there is.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::default()
    }

    /// The switches as JSON, as the real server shows them.
    #[must_use]
    pub fn switches(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Sets a switch.
    ///
    /// # Errors
    /// When there is none of that name, or the value is none for it.
    pub fn set_switch(&self, entry: &str, value: &str) -> Result<(), Problem> {
        _ = (entry, value);
        Err(Problem::new(501, Code::Server, "not served yet"))
    }
}
