//! The parts of one node, wired: catalog engine, security, telemetry and the doors.

use std::sync::Arc;
use std::time::Duration;

use rialto_catalog::{ExactPolicy, ExpiryMode, Millis, NetflixPolicy, Policy};
use rialto_configuration::Quotas;
use rialto_console::{Clients, ConsoleContext, ListRoutes, NoClients};
use rialto_door::{Shutdown, Tls};
use rialto_engine::{Configurations, Engine, EngineConfig, SystemClock};
use rialto_eureka::EurekaConfig;
use rialto_gateway::{Gateway, GatewayConfig, Origin};
use rialto_nacos::{Bound, NacosConfig};
use rialto_protocol::Context;
use rialto_security::{GeneratedPassword, Security};
use rialto_telemetry::{EventKind, Telemetry};
use tokio::net::TcpListener;

use super::clients::NacosClients;
use super::{Doors, VERSION, check_route, http, trouble};
use crate::config::Config;
use crate::exit::{Exit, Failure};

/// Between two samples of the counters.
const SAMPLE: Duration = Duration::from_secs(1);

/// A node that serves.
pub(crate) struct Node {
    engine: Engine,
    configurations: Configurations,
    shutdown: Shutdown,
    /// The engine stops after the doors: they still ask it while they drain.
    engine_shutdown: Shutdown,
    gateway: Option<Gateway>,
    /// What the console asks of doors whose clients stay connected.
    clients: Arc<dyn Clients>,
    doors: Doors,
    password: Option<GeneratedPassword>,
}

impl Node {
    /// Opens the data folder and starts every door that is not off.
    ///
    /// # Errors
    /// When one of them cannot; what was started is stopped again.
    pub(crate) async fn start(config: &Config) -> Result<Self, Failure> {
        let telemetry = Telemetry::new();
        let engine = open_engine(config, &telemetry)?;
        let configurations = Configurations::open(&engine, Quotas::default())
            .map_err(|error| trouble::open(&error))?;
        let (security, password) = open_security(config)?;
        let mut node = Self {
            engine,
            configurations,
            shutdown: Shutdown::new(),
            engine_shutdown: Shutdown::new(),
            gateway: None,
            clients: Arc::new(NoClients),
            doors: Doors::new(),
            password,
        };
        node.run_engine(&telemetry);
        match node.open_doors(config, &telemetry, &security).await {
            Ok(()) => Ok(node),
            Err(failure) => {
                node.stop(Duration::ZERO).await;
                Err(failure)
            }
        }
    }

    /// Doors with their bound addresses.
    pub(crate) fn doors(&self) -> &Doors {
        &self.doors
    }

    /// The administrator's password, if this start made it.
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_ref().map(GeneratedPassword::reveal)
    }

    /// The gateway, unless it is off.
    pub(crate) fn gateway(&self) -> Option<Gateway> {
        self.gateway.clone()
    }

    /// What tells the doors to stop.
    pub(crate) fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Lets requests under way finish for at most `grace`, then closes the catalog.
    pub(crate) async fn stop(self, grace: Duration) {
        self.shutdown.begin();
        if !self.shutdown.drained(grace).await && !grace.is_zero() {
            let left = self.shutdown.pending();
            tracing::warn!(left, "requests under way did not finish in time and are cut");
        }
        self.engine_shutdown.begin();
        self.engine_shutdown.drained(SAMPLE).await;
        self.configurations.close().await;
        self.engine.close().await;
    }

    fn run_engine(&self, telemetry: &Telemetry) {
        let (engine, begun) = (self.engine.clone(), self.engine_shutdown.begun());
        self.engine_shutdown.spawn(async move { engine.run(begun).await });
        let (configurations, begun) = (self.configurations.clone(), self.engine_shutdown.begun());
        self.engine_shutdown.spawn(async move { configurations.run(begun).await });
        let (engine, telemetry) = (self.engine.clone(), telemetry.clone());
        let begun = self.engine_shutdown.begun();
        self.engine_shutdown.spawn(async move {
            let mut seconds = tokio::time::interval(SAMPLE);
            let mut begun = std::pin::pin!(begun);
            loop {
                tokio::select! {
                    () = &mut begun => return,
                    _ = seconds.tick() => telemetry.sample(engine.now().0),
                }
            }
        });
    }

    async fn open_doors(
        &mut self,
        config: &Config,
        telemetry: &Telemetry,
        security: &Security,
    ) -> Result<(), Failure> {
        let started_ms = self.engine.now().0;
        let api = self.bind_api(config)?;
        self.open_eureka(config, telemetry, security).await?;
        self.open_nacos(config, telemetry, security).await?;
        self.open_gateway(config, telemetry)?;
        if let Some(api) = api {
            self.open_api(api, telemetry, security, started_ms);
        }
        telemetry.events().push(EventKind::Started, "rialto", format!("version {VERSION}"));
        Ok(())
    }

    /// Before the other doors, which want to know where the console is.
    fn bind_api(&mut self, config: &Config) -> Result<Option<TcpListener>, Failure> {
        let Some(listen) = config.api.listen.address() else { return Ok(None) };
        let listener =
            rialto_door::listen("api", listen).map_err(|error| trouble::listen(&error))?;
        let bound = listener.local_addr();
        let bound = bound.map_err(|error| trouble::io("the API's address is unknown", &error))?;
        self.doors.insert("api".to_owned(), bound.to_string());
        Ok(Some(listener))
    }

    async fn open_eureka(
        &mut self,
        config: &Config,
        telemetry: &Telemetry,
        security: &Security,
    ) -> Result<(), Failure> {
        let Some(listen) = config.eureka.listen.address() else { return Ok(()) };
        let door = EurekaConfig {
            listen,
            access: config.eureka.access,
            workers: config.eureka.workers,
            console_url: self.doors.get("api").map(|api| format!("http://{api}/")),
            ..EurekaConfig::default()
        };
        let bound = rialto_eureka::start(
            door,
            self.engine.clone(),
            telemetry.clone(),
            security.clone(),
            self.shutdown.clone(),
        );
        let bound = bound.await.map_err(|error| trouble::eureka(&error))?;
        self.doors.insert("eureka".to_owned(), bound.to_string());
        Ok(())
    }

    async fn open_nacos(
        &mut self,
        config: &Config,
        telemetry: &Telemetry,
        security: &Security,
    ) -> Result<(), Failure> {
        let Some(listen) = config.nacos.listen.address() else { return Ok(()) };
        let tls = config.nacos.tls.as_ref().map(|(certificate, key)| Tls::open(certificate, key));
        let door = NacosConfig {
            listen,
            access: config.nacos.access,
            workers: config.nacos.workers,
            tls: tls.transpose().map_err(|error| Failure::caused(Exit::Configuration, &error))?,
            ..NacosConfig::default()
        };
        let bound = rialto_nacos::start(
            door,
            self.engine.clone(),
            self.configurations.clone(),
            security.clone(),
            telemetry.clone(),
            self.shutdown.clone(),
        );
        let bound = bound.await.map_err(|error| trouble::nacos(&error))?;
        self.doors.insert("nacos".to_owned(), bound.main.to_string());
        self.doors.insert("nacos-grpc".to_owned(), bound.grpc.to_string());
        let Bound { naming, configs, .. } = bound;
        self.clients = Arc::new(NacosClients { naming, configs });
        Ok(())
    }

    fn open_gateway(&mut self, config: &Config, telemetry: &Telemetry) -> Result<(), Failure> {
        let Some(listen) = config.gateway.listen.address() else { return Ok(()) };
        let wanted = &config.gateway;
        let door = GatewayConfig {
            listen,
            workers: wanted.workers,
            routes: config.routes.clone(),
            access_log: wanted.access_log.clone(),
            access_log_format: wanted.access_log_format,
            limits: wanted.limits.clone(),
            trusted_proxies: wanted.trusted_proxies.clone(),
            encoded_slashes: wanted.encoded_slashes,
            ..GatewayConfig::default()
        };
        let engine = self.engine.clone();
        let gateway = rialto_gateway::start(door, engine, telemetry.clone(), self.shutdown.clone());
        let gateway = gateway.map_err(|error| trouble::gateway(&error))?;
        self.doors.insert("gateway".to_owned(), gateway.local_addr().to_string());
        self.gateway = Some(gateway);
        Ok(())
    }

    fn open_api(
        &self,
        listener: TcpListener,
        telemetry: &Telemetry,
        security: &Security,
        started_ms: u64,
    ) {
        let table = {
            let gateway = self.gateway.clone();
            move || gateway.as_ref().map_or_else(Vec::new, Gateway::table)
        };
        let configured = {
            let table = table.clone();
            move || {
                let ours = |(spec, origin)| (origin == Origin::Configuration).then_some(spec);
                table().into_iter().filter_map(ours).collect()
            }
        };
        let list_routes: ListRoutes = Arc::new(move || {
            let named = |(spec, origin): (_, Origin)| (spec, origin.as_str().to_owned());
            table().into_iter().map(named).collect()
        });
        let context = Context {
            engine: self.engine.clone(),
            telemetry: telemetry.clone(),
            security: security.clone(),
            doors: self.doors.clone(),
            check_route: Arc::new(check_route),
            configured_routes: Arc::new(configured),
            version: VERSION.to_owned(),
            started_ms,
            shutdown: self.shutdown.clone(),
        };
        let console = ConsoleContext {
            engine: self.engine.clone(),
            configurations: self.configurations.clone(),
            clients: Arc::clone(&self.clients),
            telemetry: telemetry.clone(),
            security: security.clone(),
            doors: self.doors.clone(),
            check_route: Arc::new(check_route),
            list_routes,
            shutdown: self.shutdown.clone(),
            version: VERSION.to_owned(),
            started_ms,
        };
        let router = rialto_protocol::router(context).merge(rialto_console::router(console));
        self.shutdown.spawn(http::serve(listener, router, self.shutdown.clone()));
    }
}

fn open_engine(config: &Config, telemetry: &Telemetry) -> Result<Engine, Failure> {
    let expiry = match config.eureka.netflix {
        true => ExpiryMode::Netflix(NetflixPolicy::default()),
        false => ExpiryMode::Exact,
    };
    let exact = ExactPolicy {
        protection: config.catalog.protection,
        protection_max: Millis(config.catalog.protection_max_ms),
        ..ExactPolicy::default()
    };
    let policy = Policy { expiry, exact, hash_seed: rand::random(), ..Policy::default() };
    let engine = EngineConfig { data_dir: Some(config.data.clone()), policy };
    Engine::open(engine, Arc::new(SystemClock::new()), telemetry.clone())
        .map_err(|error| trouble::open(&error))
}

fn open_security(config: &Config) -> Result<(Security, Option<GeneratedPassword>), Failure> {
    let password = config.admin_password.as_ref().map(|secret| secret.reveal().to_owned());
    Security::open(Some(&config.data), password).map_err(|error| trouble::security(&error))
}
