//! The handle of a process: registers, and makes the channels that calls go through.

use std::collections::{BTreeMap, HashMap};
use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use rialto_api::proto::{Instance, ServiceName};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::builder::Builder;
use crate::cache::CacheFile;
use crate::call::Channel;
use crate::call::service::Service;
use crate::call::transport::Transport;
use crate::error::Error;
use crate::limits::{LEAVE_WAIT, REGISTER_WAIT, REGISTRATIONS_MAX, TTL_DEFAULT};
use crate::registry::follow::Follow;
use crate::registry::link::{Command, Link};
use crate::registry::server::Server;
use crate::report::Reports;
use crate::view::{Endpoint, View};

/// A process's way to Rialto: cheap to clone, one for a process is enough.
///
/// When the last clone, client and registration is dropped, what is registered leaves.
#[derive(Clone)]
pub struct Rialto {
    pub(crate) inner: Arc<Inner>,
}

/// A finished set-up.
pub(crate) struct Setup {
    pub(crate) server: Server,
    pub(crate) name: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) zone: String,
    pub(crate) cache: Option<PathBuf>,
    pub(crate) fixed: BTreeMap<String, Vec<Endpoint>>,
}

pub(crate) struct Inner {
    setup: Setup,
    caller: Arc<OnceLock<Arc<str>>>,
    commands: mpsc::UnboundedSender<Command>,
    reports: Arc<Reports>,
    services: Mutex<HashMap<String, Arc<Service>>>,
    pub(crate) transport: Transport,
    stop: CancellationToken,
    _stopped_on_drop: DropGuard,
}

impl Rialto {
    /// Connects with the settings of the environment; none are needed on the server's own machine.
    /// Returns at once, whether the server is there or not. See [`Builder`].
    ///
    /// # Errors
    /// When a setting cannot work.
    pub async fn connect() -> Result<Self, Error> {
        Self::builder().connect().await
    }

    /// Sets up step by step.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Registers an instance of a service at a port of this process; renewed until it leaves.
    ///
    /// Await the result, perhaps after adding to it:
    /// `rialto.register("stock", 9001).metadata("version", "2").await?`.
    pub fn register(&self, service: impl Into<String>, port: u16) -> Register {
        let setup = &self.inner.setup;
        let host = setup.host.clone().unwrap_or_else(|| setup.server.own_host().to_string());
        Register {
            rialto: self.clone(),
            service: service.into(),
            ttl: TTL_DEFAULT,
            instance: Instance {
                id: String::new(),
                host,
                port: port.into(),
                zone: setup.zone.clone(),
                weight: 1.0,
                ..Instance::default()
            },
        }
    }

    /// The instances of a service that may be called, as this process sees them at present.
    pub async fn instances(&self, service: &str) -> Vec<Arc<Endpoint>> {
        let service = self.service(service);
        _ = timeout(crate::limits::FIRST_VIEW_WAIT, service.view.ready()).await;
        service.view.listed().endpoints.clone()
    }

    /// The channel that calls of a service go through. Clients made by `#[client]` use it.
    pub fn channel(&self, service: &str) -> Channel {
        Channel::new(self.clone(), self.service(service))
    }

    pub(crate) fn start(setup: Setup) -> Self {
        let (commands, taken) = mpsc::unbounded_channel();
        let reports = Arc::new(Reports::default());
        let caller = Arc::new(OnceLock::new());
        if let Some(name) = &setup.name {
            caller.get_or_init(|| name.as_str().into());
        }
        let link = Link {
            server: setup.server.clone(),
            caller: caller.clone(),
            reports: reports.clone(),
            commands: taken,
        };
        tokio::spawn(link.run());
        let stop = CancellationToken::new();
        let inner = Inner {
            setup,
            caller,
            commands,
            reports,
            services: Mutex::default(),
            transport: Transport::new(),
            _stopped_on_drop: stop.clone().drop_guard(),
            stop,
        };
        Self { inner: Arc::new(inner) }
    }

    /// This process's name, once it has one.
    pub(crate) fn caller(&self) -> Option<&Arc<str>> {
        self.inner.caller.get()
    }

    fn service(&self, name: &str) -> Arc<Service> {
        let folded = name.to_lowercase();
        let mut services = self.inner.services.lock();
        if let Some(service) = services.get(&folded) {
            return service.clone();
        }
        let view = Arc::new(View::new());
        let name: Arc<str> = name.into();
        match self.inner.setup.fixed.get(&folded) {
            Some(fixed) => view.publish(fixed.iter().cloned().map(Arc::new).collect()),
            None => self.follow(name.clone(), view.clone()),
        }
        let zone = &self.inner.setup.zone;
        let service = Arc::new(Service::new(name, zone, view, self.inner.reports.clone()));
        services.insert(folded, service.clone());
        service
    }

    fn follow(&self, service: Arc<str>, view: Arc<View>) {
        let Setup { server, cache, .. } = &self.inner.setup;
        let cache = cache.as_ref().map(|folder| CacheFile::new(folder, server.address(), &service));
        let follow = Follow { server: server.clone(), service, view, cache };
        let stop = self.inner.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(follow.run()).await });
    }
}

impl std::fmt::Debug for Rialto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rialto").field("server", &self.inner.setup.server.address()).finish()
    }
}

/// A registration to be made: await it.
#[derive(Debug)]
#[must_use = "nothing is registered until it is awaited"]
pub struct Register {
    rialto: Rialto,
    service: String,
    instance: Instance,
    ttl: Duration,
}

impl Register {
    /// Identifier of the instance; `host:port` unless said otherwise.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.instance.id = id.into();
        self
    }

    /// Host that others call the instance by.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.instance.host = host.into();
        self
    }

    /// Zone of the instance.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.instance.zone = zone.into();
        self
    }

    /// Share of the calls relative to the other instances, 1.0 unless said otherwise.
    pub fn weight(mut self, weight: f64) -> Self {
        self.instance.weight = weight;
        self
    }

    /// Text that others can read.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.instance.metadata.insert(key.into(), value.into());
        self
    }

    /// How long the instance stays after its last sign of life, 10 s unless said otherwise. It is
    /// renewed three times as often.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    async fn send(mut self) -> Result<Registration, Error> {
        if self.instance.id.is_empty() {
            self.instance.id = format!("{}:{}", self.instance.host, self.instance.port);
        }
        let rialto = self.rialto;
        rialto.inner.caller.get_or_init(|| self.service.as_str().into());
        let service = ServiceName { name: self.service, ..ServiceName::default() };
        let (answer, answered) = oneshot::channel();
        let id = self.instance.id.clone();
        _ = rialto.inner.commands.send(Command::Register {
            service: service.clone(),
            instance: self.instance,
            ttl: self.ttl,
            answer,
        });
        match timeout(REGISTER_WAIT, answered).await {
            Ok(Ok(Err(refused))) if refused.code == "too_many" && refused.request == 0 => {
                return Err(Error::TooMany(REGISTRATIONS_MAX));
            }
            Ok(Ok(Err(refused))) => {
                let (code, detail) = (refused.code, refused.detail);
                return Err(Error::Refused { service: service.name, code, detail });
            }
            Ok(_) => {}
            Err(_) => tracing::warn!(
                service = service.name,
                id,
                "the server has not answered; registering goes on in the background"
            ),
        }
        Ok(Registration { rialto, service, id, left: false })
    }
}

impl IntoFuture for Register {
    type Output = Result<Registration, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// An instance that is registered until it is dropped or leaves.
#[derive(Debug)]
#[must_use = "dropping it takes the instance out of the catalog"]
pub struct Registration {
    rialto: Rialto,
    service: ServiceName,
    id: String,
    left: bool,
}

impl Registration {
    /// Identifier of the instance.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Takes the instance out of the catalog and waits, at most 2 s, until the server has done it.
    /// Go on serving for a moment afterwards: others learn of it a little later.
    pub async fn leave(mut self) {
        if let Some(done) = self.begin_to_leave() {
            _ = timeout(LEAVE_WAIT, done).await;
        }
    }

    fn begin_to_leave(&mut self) -> Option<oneshot::Receiver<()>> {
        if std::mem::replace(&mut self.left, true) {
            return None;
        }
        let (done, wait) = oneshot::channel();
        let (service, id) = (self.service.clone(), self.id.clone());
        _ = self.rialto.inner.commands.send(Command::Leave { service, id, done });
        Some(wait)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // The task that keeps the session sends it, as long as the runtime lives.
        self.begin_to_leave();
    }
}
