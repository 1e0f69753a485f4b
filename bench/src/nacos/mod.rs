//! The Nacos door beside r-nacos and Nacos itself: one load generator, the same bytes, in turn.
//!
//! Nacos is warmed for a minute by the same load before each of its figures.

mod calls;
mod churn;
mod crowd;
mod memory;
mod pushes;
mod sides;
mod wire;
mod words;

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::effort::Effort;
use crate::error::{Error, chain};
use crate::load::{Latency, closed, fetch};
use crate::process;
use crate::report::{Bound, Report, Table, median};
use crate::rialto::Binary;
pub(crate) use churn::run as churn;
use sides::{Kinds, NACOS, NAMES, Side};

/// Connections of the HTTP scenarios.
const CONNECTIONS: usize = 32;

/// Writers of configurations.
const WRITERS: usize = 64;

/// Publishes of one writer before it begins again.
const WRITER_VERSIONS: usize = 16;

/// Connections that register over gRPC.
const CALLERS: usize = 32;

/// Services in which each of them registers in turn.
const CALLER_SERVICES: usize = 64;

/// Instances of the list.
const LISTED: usize = 100;

/// The service that is listed.
const LISTED_SERVICE: &str = "listed";

/// Files that this program has open besides the subscribers' sockets, at most.
const OTHER_FILES: usize = 100;

/// Longest wait until what was written is seen.
const SEEN_MAX: Duration = Duration::from_secs(10);

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

/// One value of each side, ours first.
type Values = [Option<f64>; 3];

/// Measures all scenarios.
pub(crate) fn run(binary: &Binary, effort: &Effort, report: &mut Report) -> Result<(), Error> {
    let kinds = Kinds::find(binary, effort, report)?;
    let mut table = Table::new("Nacos door", &NAMES);
    let bench = Bench::start(&kinds)?;
    bench.http(effort, &mut table)?;
    bench.grpc(effort, &mut table)?;
    bench.publishes(effort, &mut table)?;
    report.add(table);
    drop(bench);
    let mut table = Table::new("Nacos door, from a change to its subscribers", &NAMES);
    let open_files = process::open_files_max().unwrap_or(usize::MAX);
    let fits = |subscribers: &&usize| **subscribers + OTHER_FILES <= open_files;
    let subscribers: Vec<usize> = effort.subscribers.iter().filter(fits).copied().collect();
    if subscribers.len() < effort.subscribers.len() {
        report.leave_out("pushes to more subscribers than open files: raise `ulimit -n`");
    }
    latencies(&kinds, &subscribers, effort, report, &mut table)?;
    report.add(table);
    let mut table = Table::new("Nacos door, memory", &NAMES);
    memory::run(&kinds, effort, &mut table)?;
    report.add(table);
    Ok(())
}

/// All sides, running.
struct Bench {
    sides: [Option<Side>; 3],
}

/// A load over HTTP.
struct Load<'a> {
    what: &'a str,
    requests: &'a [Vec<u8>],
    /// What the answer to the first request has to hold, and how often.
    expected: (&'a str, usize),
    /// What is sent before each turn, without being measured.
    before: &'a [Vec<u8>],
    connections: usize,
}

impl Bench {
    fn start(kinds: &Kinds<'_>) -> Result<Self, Error> {
        let mut sides = [None, None, None];
        for (side, kind) in sides.iter_mut().zip(kinds.all()) {
            *side = kind.map(sides::Kind::start).transpose()?;
        }
        Ok(Self { sides })
    }

    fn http(&self, effort: &Effort, table: &mut Table) -> Result<(), Error> {
        let [few, _] = effort.instances;
        // Each instance in two versions in turn: every registration is a change.
        let registrations: Vec<_> = (0..2)
            .flat_map(|version| (0..few).map(move |index| words::register(index, version)))
            .collect();
        let beats: Vec<_> = (0..few).map(words::beat).collect();
        let full_beats: Vec<_> = (0..few).map(words::full_beat).collect();
        let lists = vec![words::list(LISTED_SERVICE); CONNECTIONS];
        let publish = [words::publish_read()];
        let reads = vec![words::read(); CONNECTIONS];
        let load = |what, requests, expected, before| Load {
            what,
            requests,
            expected,
            before,
            connections: CONNECTIONS,
        };
        for (load, r_nacos, nacos) in [
            (load("register over HTTP", &registrations[..], ("ok", 1), &[]), 2.5, 8.0),
            (load("beat", &beats, ("10200", 1), &full_beats), 2.5, 8.0),
            (load("list of 100 instances", &lists, ("\"ip\":", LISTED), &[]), 5.0, 8.0),
            (load("read of a configuration of 1 KB", &reads, ("k=01234", 1), &publish), 1.5, 8.0),
        ] {
            let _listed = match load.what {
                "list of 100 instances" => self.listed()?,
                _ => Vec::new(),
            };
            let rates = self.measure(effort, &load)?;
            table.more(&format!("{} per CPU second", load.what), "/s", &rates);
            table.goal_ratio(effort.judges, Bound::AtLeast(r_nacos));
            table.goal_ratio_to(NACOS, effort.judges, Bound::AtLeast(nacos));
        }
        Ok(())
    }

    /// Connected clients that hold the instances of the list on every side.
    fn listed(&self) -> Result<Vec<crowd::Crowd>, Error> {
        let clients: Vec<_> =
            (0..LISTED).map(|index| vec![words::grpc_register(LISTED_SERVICE, index, 0)]).collect();
        let gather = |side: &Side| crowd::Crowd::gather(side.grpc(), clients.clone());
        self.sides.iter().flatten().map(gather).collect()
    }

    /// Requests per CPU second of each side, in turn.
    fn measure(&self, effort: &Effort, load: &Load<'_>) -> Result<Values, Error> {
        if self.sides[NACOS].is_some() {
            self.turn(NACOS, load, effort.jvm_warm_seconds)?;
        }
        self.rates(effort, |side| self.turn(side, load, effort.seconds))
    }

    fn turn(&self, index: usize, load: &Load<'_>, seconds: u64) -> Result<Option<f64>, Error> {
        let Some(side) = &self.sides[index] else { return Ok(None) };
        let what = format!("{} on {}", load.what, NAMES[index]);
        if !load.before.is_empty() {
            closed(side.http(), load.before, load.connections, None)?.all_right(&what)?;
        }
        expect(side, load, &what)?;
        let before = side.server().cpu();
        let time = Some(Duration::from_secs(seconds));
        let done = closed(side.http(), load.requests, load.connections, time)?.all_right(&what)?;
        Ok(Some(per_second(done.requests, side.server().cpu().saturating_sub(before))))
    }

    fn grpc(&self, effort: &Effort, table: &mut Table) -> Result<(), Error> {
        // Two rounds with different metadata: every registration is a change.
        let calls: Vec<Vec<_>> = (0..CALLERS)
            .map(|caller| {
                let calls = (0..2).flat_map(|version| {
                    (0..CALLER_SERVICES).map(move |service| {
                        words::grpc_register(&words::service(service), caller, version)
                    })
                });
                calls.collect()
            })
            .collect();
        let turn = |index: usize, seconds| -> Result<Option<f64>, Error> {
            let Some(side): &Option<Side> = &self.sides[index] else { return Ok(None) };
            let before = Cell::new(Duration::ZERO);
            let time = Duration::from_secs(seconds);
            let begin = || before.set(side.server().cpu());
            let done = calls::closed(side.grpc(), &calls, time, begin)?;
            Ok(Some(per_second(done, side.server().cpu().saturating_sub(before.get()))))
        };
        turn(NACOS, effort.jvm_warm_seconds)?;
        let rates = self.rates(effort, |side| turn(side, effort.seconds))?;
        table.more("register over gRPC per CPU second", "/s", &rates);
        table.goal_ratio(effort.judges, Bound::AtLeast(2.0));
        table.goal_ratio_to(NACOS, effort.judges, Bound::AtLeast(8.0));
        Ok(())
    }

    /// Durable writes per second of the clock: what counts is how many share one wait for the disk.
    fn publishes(&self, effort: &Effort, table: &mut Table) -> Result<(), Error> {
        // A writer's share is every 64th request: its own configuration, each time another.
        let requests: Vec<_> = (0..WRITER_VERSIONS)
            .flat_map(|version| (0..WRITERS).map(move |writer| words::publish_of(writer, version)))
            .collect();
        let turn = |index: usize, seconds| -> Result<Option<f64>, Error> {
            let Some(side): &Option<Side> = &self.sides[index] else { return Ok(None) };
            let time = Duration::from_secs(seconds);
            let done = closed(side.http(), &requests, WRITERS, Some(time))?;
            let done = done.all_right(&format!("publishing on {}", NAMES[index]))?;
            Ok(Some(per_second(done.requests, time)))
        };
        turn(NACOS, effort.jvm_warm_seconds)?;
        let rates = self.rates(effort, |side| turn(side, effort.seconds))?;
        table.more(&format!("publishes per second, {WRITERS} writers"), "/s", &rates);
        table.goal_value(effort.judges, Bound::AtLeast(10_000.0));
        Ok(())
    }

    /// The median of each side's turns, which they have one after the other.
    fn rates(
        &self,
        effort: &Effort,
        turn: impl Fn(usize) -> Result<Option<f64>, Error>,
    ) -> Result<Values, Error> {
        let mut rates: [Vec<f64>; 3] = Default::default();
        for _ in 0..effort.rounds {
            for (index, rates) in rates.iter_mut().enumerate() {
                rates.extend(turn(index)?);
            }
        }
        Ok(rates.map(median))
    }
}

/// A cost of wrong answers says nothing, and Nacos refuses some requests with status 200. What was
/// written just before may take a moment to be seen.
fn expect(side: &Side, load: &Load<'_>, what: &str) -> Result<(), Error> {
    let Some(request) = load.requests.first() else { return Ok(()) };
    let deadline = Instant::now() + SEEN_MAX;
    loop {
        let (status, body) = fetch(side.http(), request)?;
        let text = String::from_utf8_lossy(&body);
        let (part, times) = load.expected;
        if status == 200 && text.matches(part).count() >= times {
            return Ok(());
        }
        if Instant::now() > deadline {
            let short: String = text.chars().take(300).collect();
            let example = format!("{status} {short}");
            return Err(Error::WrongAnswers { what: what.to_owned(), count: 1, example });
        }
        std::thread::sleep(POLL);
    }
}

/// Each side with subscribers of its own, started for this alone.
fn latencies(
    kinds: &Kinds<'_>,
    counts: &[usize],
    effort: &Effort,
    report: &mut Report,
    table: &mut Table,
) -> Result<(), Error> {
    let curve = |kind: &sides::Kind<'_>| {
        let side = kind.start()?;
        pushes::curve(side.grpc(), counts, effort.changes)
    };
    let mut all = vec![Some(curve(kinds.ours())?)];
    for (kind, name) in kinds.all().into_iter().zip(NAMES).skip(1) {
        all.push(match kind.map(curve).transpose() {
            Ok(curve) => curve,
            // A peer that fails here must not cost the figures of the others.
            Err(error) => {
                report.leave_out(format!("pushes of {name}: {}", chain(&error)));
                None
            }
        });
    }
    for (index, subscribers) in counts.iter().enumerate() {
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let value = |curve: &Option<Vec<Latency>>| {
                curve.as_ref().and_then(|curve| curve[index].quantile_ms(share))
            };
            let values: Vec<_> = all.iter().map(value).collect();
            table.less(&format!("{name}, {subscribers} subscribers"), "ms", &values);
            if name == "p99" {
                table.goal_value(effort.judges, Bound::AtMost(100.0));
            }
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(0.01)
}
