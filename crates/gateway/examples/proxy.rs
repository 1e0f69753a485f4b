//! A gateway with one route and nothing else, for measuring: access log to a file, metrics on.
//!
//! `cargo run --release -p rialto-gateway --example proxy -- LISTEN UPSTREAM LOG [WORKERS] [full]`
//! proxies everything to `http://UPSTREAM`; `full` adds JWT, a limiter and two header filters.

use std::sync::Arc;

use rialto_api::route::{AuthSpec, FilterSpec, JwtSpec, RateLimitSpec, RouteSpec};
use rialto_door::Shutdown;
use rialto_engine::{Engine, SystemClock};
use rialto_gateway::{AccessLog, GatewayConfig};
use rialto_telemetry::Telemetry;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, upstream, log, more @ ..] = arguments.as_slice() else {
        return Err("LISTEN UPSTREAM LOG [WORKERS] [full]".into());
    };
    let mut route = RouteSpec {
        response_timeout_ms: Some(30_000),
        ..RouteSpec::parse_shorthand(&format!("/**=http://{upstream}"))?
    };
    if more.iter().any(|word| word == "full") {
        protect(&mut route);
    }
    let config = GatewayConfig {
        listen: listen.parse()?,
        workers: more.first().map_or(Ok(1), |workers| workers.parse())?,
        routes: vec![route],
        access_log: match log.as_str() {
            "off" => AccessLog::Off,
            path => AccessLog::File(path.into()),
        },
        ..GatewayConfig::default()
    };
    let telemetry = Telemetry::new();
    let engine = Engine::in_memory(Arc::new(SystemClock::new()), telemetry.clone());
    let _gateway = rialto_gateway::start(config, engine, telemetry, Shutdown::new())?;
    loop {
        std::thread::park();
    }
}

fn protect(route: &mut RouteSpec) {
    let set = |header: &str, value: &str| FilterSpec::SetRequestHeader {
        header: header.to_owned(),
        value: value.to_owned(),
    };
    route.filters = vec![
        set("x-tenant", "measured"),
        FilterSpec::AddResponseHeader {
            header: "x-served-by".to_owned(),
            value: "rialto".to_owned(),
        },
    ];
    route.rate_limit =
        Some(RateLimitSpec { per_second: 1e6, burst: None, max_wait_ms: None, key: None });
    route.auth = Some(AuthSpec {
        jwt: Some(JwtSpec {
            algorithm: "HS256".to_owned(),
            key: "a-secret-only-for-measuring-never-for-use".to_owned(),
            issuer: None,
            audience: None,
            claims_to_headers: [("sub".to_owned(), "x-user".to_owned())].into(),
        }),
        api_key: None,
    });
}
