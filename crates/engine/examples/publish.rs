//! How many durable publishes a second a node does: `publish [writers] [seconds] [directory]`.
//!
//! Each writer publishes 1 KB to a name of its own, waits for the answer, and goes on. What is
//! answered is on disk.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rialto_configuration::{ConfigKey, Content, Origin, Publish, PublishMeta, Quotas, Target};
use rialto_engine::{Configurations, Engine, EngineConfig, SystemClock};
use rialto_telemetry::Telemetry;

const BYTES: usize = 1_024;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let writers: usize = arguments.next().map_or(64, |text| text.parse().expect("a number"));
    let seconds: u64 = arguments.next().map_or(5, |text| text.parse().expect("a number"));
    let made = std::env::temp_dir().join(format!("rialto-publish-{}", std::process::id()));
    let data_dir = arguments.next().map_or(made, PathBuf::from);
    let config = EngineConfig { data_dir: Some(data_dir.clone()), ..EngineConfig::default() };
    let engine = Engine::open(config, Arc::new(SystemClock::new()), Telemetry::new())
        .expect("the directory can be used");
    let configurations =
        Configurations::open(&engine, Quotas::default()).expect("the file can be used");
    let start = Instant::now();
    let until = start + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..writers)
        .map(|writer| tokio::spawn(write(configurations.clone(), writer, until)))
        .collect();
    let (mut count, mut slowest) = (0, Duration::ZERO);
    for task in tasks {
        let (publishes, longest) = task.await.expect("a writer ends");
        count += publishes;
        slowest = slowest.max(longest);
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    configurations.close().await;
    engine.close().await;
    let report = format!("{writers} writers: {rate:.0} publishes/s, slowest {slowest:?}\n");
    std::io::stdout().write_all(report.as_bytes()).expect("somebody reads");
    std::fs::remove_dir_all(data_dir).expect("the directory can be removed");
}

async fn write(configurations: Configurations, writer: usize, until: Instant) -> (u32, Duration) {
    let (mut count, mut longest) = (0, Duration::ZERO);
    let key = ConfigKey::new("", "bench", &format!("config-{writer}")).expect("a name");
    while Instant::now() < until {
        let begun = Instant::now();
        let publish = Publish {
            key: key.clone(),
            content: Content::new(&format!("{count:0width$}", width = BYTES)),
            target: Target::Formal,
            cas: String::new(),
            kind: None,
            meta: PublishMeta::default(),
            encrypted_data_key: String::new(),
            secret: None,
            origin: Origin::default(),
        };
        configurations.publish(publish).await.expect("it is stored");
        longest = longest.max(begun.elapsed());
        count += 1;
    }
    (count, longest)
}
