//! The door alone, over a catalog in memory: `door [ADDRESS]`, for measurements and first looks.

use std::net::SocketAddr;
use std::sync::Arc;

use rialto_door::Shutdown;
use rialto_engine::{Engine, SystemClock};
use rialto_eureka::EurekaConfig;
use rialto_security::Security;
use rialto_telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8761".to_owned());
    let listen: SocketAddr = address.parse()?;
    let telemetry = Telemetry::new();
    let engine = Engine::in_memory(Arc::new(SystemClock::new()), telemetry.clone());
    let (security, _) = Security::open(None, Some("never-asked-for".to_owned()))?;
    let shutdown = Shutdown::new();
    let config = EurekaConfig { listen, ..EurekaConfig::default() };
    rialto_eureka::start(config, engine.clone(), telemetry, security, shutdown.clone()).await?;
    engine.run(shutdown.begun()).await;
    Ok(())
}
