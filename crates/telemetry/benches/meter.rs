//! What counting a request costs, alone and beside another worker.

use divan::Bencher;
use rialto_telemetry::{Class, Meter, Telemetry};

fn main() {
    divan::main();
}

#[divan::bench(threads = [1, 2])]
fn begin_and_finish(bencher: Bencher<'_, '_>) {
    let meter = Meter::default();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let worker = || next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    bencher.with_inputs(worker).bench_refs(|worker| {
        let shard = meter.shard(*worker);
        for latency_us in 0..100 {
            shard.begin();
            shard.finish(Class::Ok, latency_us * 37);
        }
    });
}

#[divan::bench(args = [10, 1_000])]
fn sample(bencher: Bencher<'_, '_>, edges: usize) {
    let telemetry = Telemetry::new();
    let meters: Vec<_> =
        (0..edges).map(|edge| telemetry.calls().meter("gateway", &edge.to_string())).collect();
    let mut now_ms = 0;
    bencher.bench_local(|| {
        meters.iter().for_each(|meter| meter.shard(0).finish(Class::Ok, 1_234));
        now_ms += 1_000;
        telemetry.sample(now_ms);
    });
}
