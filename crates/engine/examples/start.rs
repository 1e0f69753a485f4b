//! How long a start takes with many services on disk, and how much memory the catalog holds then.
//!
//! `cargo run --release -p rialto-engine --example start` writes 10,000 agreed services and as many
//! ephemeral instances into a temporary directory, closes it, and opens it again.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rialto_catalog::{Command, InstanceSpec, Millis, Protocol, ServiceKey};
use rialto_engine::{Engine, EngineConfig, SystemClock};
use rialto_telemetry::Telemetry;

const SERVICES: usize = 10_000;

#[allow(clippy::print_stdout, reason = "the figures are this program's output")]
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (engine, empty) = open(dir.path());
    let start = Instant::now();
    fill(&engine).await;
    let filled = start.elapsed();
    engine.close().await;
    drop(engine);
    let (engine, full) = open(dir.path());
    let (services, instances) = engine.read(|state| (state.services_len(), state.instances_len()));
    assert_eq!((services, instances), (SERVICES, SERVICES));
    println!("open, empty:    {:>8.1} ms", millis(empty));
    println!("propose 10,000: {:>8.1} ms", millis(filled));
    println!("open, 10,000:   {:>8.1} ms", millis(full));
    engine.close().await;
}

async fn fill(engine: &Engine) {
    let proposals: Vec<_> = (0..SERVICES)
        .map(|number| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let service = ServiceKey::named(&format!("service-{number}")).expect("a name");
                let metadata = vec![("owner".to_owned(), "team".to_owned())];
                let command = Command::PutService { service: service.clone(), metadata };
                while engine.propose(command.clone()).await.is_err() {
                    tokio::task::yield_now().await;
                }
                let id = format!("10.0.0.1:{number}");
                let ttl = Millis(3_600_000);
                let spec = InstanceSpec::new(&id, Protocol::Sdk, "10.0.0.1", 8080, ttl);
                engine.apply(Command::Register { service, spec }).expect("it is valid");
            })
        })
        .collect();
    for proposal in proposals {
        proposal.await.expect("no task fails");
    }
}

fn open(dir: &Path) -> (Engine, Duration) {
    let start = Instant::now();
    let config = EngineConfig { data_dir: Some(dir.to_owned()), ..EngineConfig::default() };
    let engine = Engine::open(config, Arc::new(SystemClock::new()), Telemetry::new());
    (engine.expect("the directory is usable"), start.elapsed())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
