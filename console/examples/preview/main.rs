//! The console over a made-up system that changes by itself: for working on pages without a
//! cluster.
//!
//! `cargo run -p rialto-console --example preview -- 127.0.0.1:7100`, then sign in as `admin` with
//! the password `preview-only`.

mod door;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rialto_api::route::RouteSpec;
use rialto_catalog::{
    Command, DocumentKey, DocumentKind, InstanceSpec, Millis, Protocol, ServiceKey, Status,
};
use rialto_configuration::Quotas;
use rialto_console::ConsoleContext;
use rialto_door::Shutdown;
use rialto_engine::{Configurations, Engine, SystemClock};
use rialto_security::Security;
use rialto_telemetry::{Class, EventKind, Telemetry};

/// Name, instances, protocol, zone of the first.
const SERVICES: [(&str, u16, Protocol); 10] = [
    ("storefront", 3, Protocol::Sdk),
    ("order", 4, Protocol::Sdk),
    ("stock", 2, Protocol::Sdk),
    ("account", 2, Protocol::Sdk),
    ("payment", 2, Protocol::Eureka),
    ("pricing", 2, Protocol::Eureka),
    ("notification", 1, Protocol::Eureka),
    ("search", 3, Protocol::Rest),
    ("legacy-invoice-renderer", 1, Protocol::Eureka),
    ("inventory", 3, Protocol::Nacos),
];
/// Caller, callee, calls a second, latency in microseconds.
const CALLS: [(&str, &str, u32, u64); 11] = [
    ("gateway", "storefront", 140, 6_200),
    ("gateway", "search", 60, 11_000),
    ("gateway", "order", 42, 9_400),
    ("storefront", "pricing", 120, 1_800),
    ("storefront", "search", 35, 10_000),
    ("order", "stock", 40, 2_400),
    ("order", "account", 41, 3_100),
    ("order", "payment", 38, 21_000),
    ("payment", "account", 38, 3_000),
    ("payment", "notification", 4, 900),
    ("stock", "pricing", 0, 1_000),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address: SocketAddr =
        std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:7100").parse()?;
    let many: usize = std::env::args().nth(2).as_deref().unwrap_or("0").parse()?;
    let telemetry = Telemetry::new();
    let engine = Engine::in_memory(Arc::new(SystemClock::new()), telemetry.clone());
    let (security, _) = Security::open(None, Some("preview-only".to_owned()))?;
    telemetry.events().push(EventKind::Started, "rialto", "preview");
    register(&engine, many)?;
    let routes = routes();
    for route in &routes[2..] {
        let key = DocumentKey { kind: DocumentKind::Route, name: route.id.clone() };
        let body = serde_json::to_vec(route)?.into();
        engine.propose(Command::PutDocument { key, body }).await?;
    }
    let configurations = Configurations::open(&engine, Quotas::default())?;
    door::publish(&engine, &configurations).await?;
    let context = context(&engine, &configurations, &telemetry, &security);
    let running = engine.clone();
    tokio::spawn(async move { running.run(std::future::pending()).await });
    tokio::spawn(live(engine, telemetry));
    let listener = tokio::net::TcpListener::bind(address).await?;
    let app = rialto_console::router(context);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

fn context(
    engine: &Engine,
    configurations: &Configurations,
    telemetry: &Telemetry,
    security: &Security,
) -> ConsoleContext {
    let door = door::Door { engine: engine.clone(), configurations: configurations.clone() };
    let listed = engine.clone();
    let list_routes = move || {
        let mut all: Vec<(RouteSpec, String)> =
            routes().drain(..2).map(|route| (route, "configuration".to_owned())).collect();
        listed.read(|state| {
            for (_, document) in state.documents(DocumentKind::Route) {
                if let Ok(route) = serde_json::from_slice(&document.body) {
                    all.push((route, "catalog".to_owned()));
                }
            }
        });
        all
    };
    let check = |route: &RouteSpec| match route.uri.contains("://") {
        true => Ok(()),
        false => Err(format!("uri {:?} has no scheme; write lb://service", route.uri)),
    };
    ConsoleContext {
        engine: engine.clone(),
        configurations: configurations.clone(),
        clients: Arc::new(door),
        telemetry: telemetry.clone(),
        security: security.clone(),
        doors: BTreeMap::from([
            ("api".to_owned(), "127.0.0.1:7000".to_owned()),
            ("eureka".to_owned(), "127.0.0.1:8761".to_owned()),
            ("gateway".to_owned(), "127.0.0.1:8080".to_owned()),
        ]),
        check_route: Arc::new(check),
        list_routes: Arc::new(list_routes),
        shutdown: Shutdown::new(),
        version: "0.1.0".to_owned(),
        started_ms: engine.now().0,
    }
}

fn routes() -> Vec<RouteSpec> {
    let route = |id: &str, path: &str, uri: &str| RouteSpec {
        id: id.to_owned(),
        uri: uri.to_owned(),
        paths: vec![path.to_owned()],
        ..RouteSpec::default()
    };
    let mut orders = route("orders", "/orders/**", "lb://order");
    orders.methods = vec!["POST".to_owned(), "GET".to_owned()];
    orders.rate_limit = serde_json::from_str(r#"{"per_second": 50, "burst": 20}"#).ok();
    orders.breaker = Some(rialto_api::route::BreakerSpec::default());
    let mut old = route("old-site", "/old/**", "http://127.0.0.1:9000");
    old.enabled = Some(false);
    vec![
        route("shop", "/shop/**", "lb://storefront"),
        old,
        route("search", "/search/**", "lb://search"),
        orders,
    ]
}

fn spec(protocol: Protocol, port: u16) -> InstanceSpec {
    let id = format!("127.0.0.1:{port}");
    let mut spec = InstanceSpec::new(&id, protocol, "127.0.0.1", port, Millis(15_000));
    spec.zone = if port.is_multiple_of(2) { "venice-a" } else { "venice-b" }.to_owned();
    spec.metadata = vec![
        ("version".to_owned(), format!("2.{}.0", port % 3)),
        ("commit".to_owned(), "9f1c2ab".to_owned()),
    ];
    if protocol == Protocol::Eureka {
        spec.id = format!("host-{port}.example:payment:{port}");
        spec.metadata.push(("management.port".to_owned(), (port + 1_000).to_string()));
    }
    spec
}

fn register(engine: &Engine, many: usize) -> Result<(), Box<dyn std::error::Error>> {
    for (at, (name, instances, protocol)) in (0_u16..).zip(SERVICES) {
        for instance in 0..instances {
            let mut spec = spec(protocol, 9_000 + at * 10 + instance);
            if name == "pricing" && instance == 1 {
                spec.status = Status::OutOfService;
                spec.overridden = true;
            }
            if name == "legacy-invoice-renderer" {
                spec.status = Status::Down;
            }
            let service = ServiceKey::named(name)?;
            engine.own(|_, _| ([Command::Register { service, spec }], ()))?;
        }
    }
    let service = ServiceKey::new("billing", "blue", "ledger")?;
    let mut permanent = spec(Protocol::Rest, 9_900);
    permanent.ttl = Some(Millis(600_000));
    engine.own(|_, _| ([Command::Register { service, spec: permanent }], ()))?;
    for at in 0..many {
        let service = ServiceKey::named(&format!("batch-{at:06}"))?;
        let spec = InstanceSpec::new("a:1", Protocol::Rest, "10.0.0.1", 80, Millis(900_000));
        engine.own(|_, _| ([Command::Register { service, spec }], ()))?;
    }
    Ok(())
}

/// Heartbeats, calls, a crash now and then.
async fn live(engine: Engine, telemetry: Telemetry) {
    let mut rng = SmallRng::seed_from_u64(7);
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let start_ms = engine.now().0;
    // History as it would be after a while.
    for second in (0..880).rev() {
        traffic(&telemetry, &mut rng, 0.6 + 0.3 * f64::from(second % 300) / 300.0, second == 400);
        telemetry.sample(start_ms.saturating_sub(u64::try_from(second).unwrap_or(0) * 1_000));
    }
    let mut at = 0_u64;
    loop {
        ticks.tick().await;
        at += 1;
        if at.is_multiple_of(10) {
            let wave = 0.85 + 0.15 * (at as f64 / 150.0).sin();
            traffic(&telemetry, &mut rng, wave, false);
            telemetry.sample(engine.now().0);
        }
        if at.is_multiple_of(40) {
            heartbeats(&engine, at);
        }
        match at % 600 {
            120 => telemetry.events().push(
                EventKind::Limited,
                "orders",
                "31 requests refused in 10 s: 50 a second are allowed",
            ),
            200 => telemetry.events().push(
                EventKind::Ejected,
                "account/127.0.0.1:9031",
                "p99 11 times that of its peers; back in 30 s at the earliest",
            ),
            400 => telemetry.events().push(EventKind::Returned, "account/127.0.0.1:9031", ""),
            _ => {}
        }
    }
}

fn heartbeats(engine: &Engine, at: u64) {
    for (index, (name, instances, protocol)) in (0_u16..).zip(SERVICES) {
        for instance in 0..instances {
            // One instance of stock is dead for twenty seconds of each minute.
            if name == "stock" && instance == 1 && (at / 10) % 60 > 38 {
                continue;
            }
            let Ok(service) = ServiceKey::named(name) else { continue };
            let spec = spec(protocol, 9_000 + index * 10 + instance);
            let renewed = engine.renew(&service, protocol, &spec.id);
            if matches!(renewed, rialto_engine::Renewal::Unknown) {
                // A refused registration would show on the page.
                let _ = engine.own(|_, _| ([Command::Register { service, spec }], ()));
            }
        }
    }
}

fn traffic(telemetry: &Telemetry, rng: &mut SmallRng, wave: f64, trouble: bool) {
    for (from, to, rate, latency_us) in CALLS {
        let calls = telemetry.calls().meter(from, to);
        let route = match (from, to) {
            ("gateway", "storefront") => Some("shop"),
            ("gateway", "search") => Some("search"),
            ("gateway", "order") => Some("orders"),
            _ => None,
        };
        let route = route.map(|id| telemetry.routes().meter(id));
        let count = (f64::from(rate) * wave * rng.random_range(0.9..1.1)) as u32;
        for _ in 0..count {
            let failed = rng.random_bool(if to == "payment" { 0.06 } else { 0.0015 });
            let limited = to == "order" && rng.random_bool(0.02);
            let class = match (failed || trouble && rng.random_bool(0.2), limited) {
                (true, _) => Class::ServerError,
                (false, true) => Class::Limited,
                (false, false) => Class::Ok,
            };
            let spread: f64 = rng.random_range(0.6..1.6);
            let tail = if rng.random_bool(0.02) { 6.0 } else { 1.0 };
            let took_us = (latency_us as f64 * spread * tail) as u64;
            for meter in [Some(&calls), route.as_ref()].into_iter().flatten() {
                meter.shard(0).begin();
                meter.shard(0).finish(class, took_us);
            }
        }
    }
}
