//! The Eureka door beside the real server: heartbeats and full fetches per second of CPU.
//!
//! The real server is warmed for a minute by the same load before its first figure; measured
//! cold it would look several times slower than it is.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::effort::Effort;
use crate::error::Error;
use crate::load::{self, Done, closed, fetch, post_json, request};
use crate::peers::{EurekaServer, Nginx, StaticFile, nginx_files};
use crate::process::{self, Server};
use crate::report::{Bound, Report, Table, median, mib};
use crate::rialto::{Binary, Rialto};

/// Instances of one application.
const APP_INSTANCES: usize = 20;

/// Connections of the load.
const HEARTBEAT_CONNECTIONS: usize = 32;
const FETCH_CONNECTIONS: usize = 4;

/// Instances of the measured applications, which must not expire in the middle.
const LEASE_SECONDS: u32 = 3_600;

/// The real server answers from a cache that is up to 30 s old.
const VISIBLE_MAX: Duration = Duration::from_secs(40);

const ALL: &str = "/eureka/apps";
const JSON: &str = "Accept: application/json";
const GZIP: &str = "Accept-Encoding: gzip";

/// One value of each side, ours first.
type Values = [Option<f64>; 2];

/// Measures all scenarios.
pub(crate) fn run(binary: &Binary, effort: &Effort, report: &mut Report) -> Result<(), Error> {
    let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
    let real = if effort.has_slow_peers { EurekaServer::start(folder.path())? } else { None };
    if real.is_none() {
        report.leave_out("Eureka beside the real server: only in a full run, with Java and Maven");
    }
    let bench = Bench::start(binary, real, folder)?;
    let mut table = Table::new("Eureka door", &["rialto", "Eureka server"]);
    let [few, many] = effort.instances;
    bench.register(0..few)?;
    let at_few = bench.heartbeats(effort, few, &mut table)?;
    table.goal_ratio(effort.judges, Bound::AtLeast(5.0));
    bench.register(few..many)?;
    let at_many = bench.heartbeats(effort, many, &mut table)?;
    table.goal_ratio(effort.judges, Bound::AtLeast(5.0));
    let growth = [at_many.zip(at_few).map(|(many, few)| many / few), None];
    table.more(&format!("heartbeats, {many} instances to {few}"), "×", &growth);
    table.goal_value(effort.judges, Bound::AtLeast(0.9));
    bench.fetches(effort, many, &mut table)?;
    bench.memory(effort, many, &mut table);
    if effort.judges {
        bench.visibility(&mut table)?;
    }
    report.add(table);
    bench.beside_files(effort, many, report)
}

/// Both sides, running.
struct Bench {
    rialto: Rialto,
    ours: SocketAddr,
    real: Option<EurekaServer>,
    folder: TempDir,
}

impl Bench {
    fn start(binary: &Binary, real: Option<EurekaServer>, folder: TempDir) -> Result<Self, Error> {
        let data = folder.path().join("rialto");
        std::fs::create_dir_all(&data).map_err(Error::io("make a data folder"))?;
        let rialto = binary.start(&data, &["gateway.listen=off"], None)?;
        let ours = rialto.door("eureka")?;
        Ok(Self { rialto, ours, real, folder })
    }

    fn register(&self, instances: std::ops::Range<usize>) -> Result<(), Error> {
        let requests = registrations(instances, APP_INSTANCES);
        for (server, address) in self.sides().into_iter().flatten() {
            let done = closed(address, &requests, HEARTBEAT_CONNECTIONS, None)?;
            done.all_right(&format!("registering with {}", server.name))?;
        }
        Ok(())
    }

    /// Gives our heartbeats per CPU second.
    fn heartbeats(
        &self,
        effort: &Effort,
        instances: usize,
        table: &mut Table,
    ) -> Result<Option<f64>, Error> {
        let requests: Vec<Vec<u8>> = (0..instances)
            .map(|index| request("PUT", &instance_path(index, APP_INSTANCES), &[]))
            .collect();
        let (rates, _) = self.measure(effort, &requests, HEARTBEAT_CONNECTIONS)?;
        table.more(&format!("heartbeats per CPU second, {instances} instances"), "/s", &rates);
        Ok(rates[0])
    }

    fn fetches(&self, effort: &Effort, instances: usize, table: &mut Table) -> Result<(), Error> {
        for (name, headers, goal) in [("plain", vec![JSON], 4.0), ("gzip", vec![JSON, GZIP], 2.0)] {
            let requests = vec![request("GET", ALL, &headers); FETCH_CONNECTIONS];
            let (rates, sizes) = self.measure(effort, &requests, FETCH_CONNECTIONS)?;
            let what = format!("full fetches per CPU second, {instances} instances, JSON {name}");
            table.more(&what, "/s", &rates);
            table.goal_ratio(effort.judges, Bound::AtLeast(goal));
            table.less(&format!("size of that answer, {name}"), "KB", &sizes);
        }
        Ok(())
    }

    /// Requests per CPU second and kilobytes per answer of each side, in turn.
    fn measure(
        &self,
        effort: &Effort,
        requests: &[Vec<u8>],
        connections: usize,
    ) -> Result<(Values, Values), Error> {
        let sides = self.sides();
        let mut rates: [Vec<f64>; 2] = Default::default();
        let mut sizes = [None; 2];
        if let Some(real) = &self.real {
            let time = Duration::from_secs(effort.jvm_warm_seconds);
            closed(real.address, requests, connections, Some(time))?.all_right("warming")?;
        }
        for _ in 0..effort.rounds {
            for (index, side) in sides.iter().enumerate() {
                let Some((server, address)) = *side else { continue };
                let time = Duration::from_secs(effort.seconds);
                let before = server.cpu();
                let done = closed(address, requests, connections, Some(time))?;
                let cpu = server.cpu().saturating_sub(before);
                let done = done.all_right(&format!("load on {}", server.name))?;
                rates[index].push(per_cpu_second(&done, cpu));
                sizes[index] = Some(kilobytes_each(&done));
            }
        }
        Ok((rates.map(median), sizes))
    }

    fn memory(&self, effort: &Effort, instances: usize, table: &mut Table) {
        let bytes = self.sides().map(|side| side.map(|(server, _)| mib(server.memory_bytes())));
        table.less(&format!("memory after that load, {instances} instances"), "MB", &bytes);
        table.goal_ratio(effort.judges, Bound::AtMost(0.1));
    }

    /// From a registration to the first full fetch that has it.
    fn visibility(&self, table: &mut Table) -> Result<(), Error> {
        let mut values = [None; 2];
        for (value, side) in values.iter_mut().zip(self.sides()) {
            let Some((_, address)) = side else { continue };
            let body = registration("LATECOMER", "latecomer", 7);
            let begin = Instant::now();
            fetch(address, &post_json("/eureka/apps/LATECOMER", &body))?;
            while begin.elapsed() < VISIBLE_MAX {
                let (_, all) = fetch(address, &request("GET", ALL, &[JSON]))?;
                if all.windows(9).any(|window| window == b"LATECOMER") {
                    *value = Some(begin.elapsed().as_secs_f64());
                    break;
                }
            }
        }
        table.less("time until a registration is in the full fetch", "s", &values);
        Ok(())
    }

    /// Our full fetch beside nginx serving the same bytes from a file.
    fn beside_files(
        &self,
        effort: &Effort,
        instances: usize,
        report: &mut Report,
    ) -> Result<(), Error> {
        if process::find("nginx").is_none() {
            report.leave_out("Eureka fetch beside nginx: nginx is not installed");
            return Ok(());
        }
        let files = self.folder.path();
        let variants = [("plain", vec![JSON]), ("gzip", vec![JSON, GZIP])];
        for (name, headers) in &variants {
            let (_, body) = fetch(self.ours, &request("GET", ALL, headers))?;
            std::fs::write(files.join(name), body).map_err(Error::io("write a fetched answer"))?;
        }
        let nginx = serve_files(files)?;
        let mut table = Table::new("Eureka full fetch, the same bytes", &["rialto", "nginx, file"]);
        for (name, headers) in &variants {
            let ours = request("GET", ALL, headers);
            let theirs = request("GET", &format!("/{name}"), &[]);
            let mut costs: [Vec<f64>; 2] = Default::default();
            for _ in 0..effort.rounds {
                let sides = [
                    (&self.rialto.server, self.ours, &ours),
                    (&nginx.server, nginx.address, &theirs),
                ];
                for (cost, (server, address, request)) in costs.iter_mut().zip(sides) {
                    let requests = vec![request.clone(); FETCH_CONNECTIONS];
                    let time = Duration::from_secs(effort.seconds);
                    let before = server.cpu();
                    let done = closed(address, &requests, FETCH_CONNECTIONS, Some(time))?;
                    let cpu = server.cpu().saturating_sub(before);
                    cost.push(1e6 / per_cpu_second(&done.all_right(name)?, cpu));
                }
            }
            let what = format!("CPU per fetch, {instances} instances, JSON {name}");
            table.less(&what, "µs", &costs.map(median));
            table.goal_ratio(effort.judges, Bound::AtMost(2.0));
        }
        report.add(table);
        Ok(())
    }

    fn sides(&self) -> [Option<(&Server, SocketAddr)>; 2] {
        [
            Some((&self.rialto.server, self.ours)),
            self.real.as_ref().map(|real| (&real.server, real.address)),
        ]
    }
}

fn serve_files(folder: &Path) -> Result<Nginx, Error> {
    let files =
        [StaticFile { name: "plain", is_gzip: false }, StaticFile { name: "gzip", is_gzip: true }];
    nginx_files(folder, &files)
}

/// Registrations of instances, `app_instances` of them for each application.
pub(crate) fn registrations(
    instances: std::ops::Range<usize>,
    app_instances: usize,
) -> Vec<Vec<u8>> {
    let register = |index: usize| {
        let (app, id) = (app(index, app_instances), id(index));
        load::post_json(&format!("{ALL}/{app}"), &registration(&app, &id, index))
    };
    instances.map(register).collect()
}

fn app(index: usize, app_instances: usize) -> String {
    format!("SERVICE-{:05}", index / app_instances)
}

fn id(index: usize) -> String {
    format!("10-0-{}-{}.bench.internal:service:{}", index / 256, index % 256, 8_000 + index % 1_000)
}

fn instance_path(index: usize, app_instances: usize) -> String {
    format!("{ALL}/{}/{}", app(index, app_instances), id(index))
}

/// What a Spring Cloud client sends.
fn registration(app: &str, id: &str, index: usize) -> String {
    let (vip, port) = (app.to_lowercase(), 8_000 + index % 1_000);
    let ip = format!("10.0.{}.{}", index / 256 % 256, index % 256);
    format!(
        "{{\"instance\":{{\"instanceId\":\"{id}\",\"app\":\"{app}\",\"appGroupName\":null,\
         \"ipAddr\":\"{ip}\",\"sid\":\"na\",\"homePageUrl\":\"http://{ip}:{port}/\",\
         \"statusPageUrl\":\"http://{ip}:{port}/actuator/info\",\
         \"healthCheckUrl\":\"http://{ip}:{port}/actuator/health\",\"secureHealthCheckUrl\":null,\
         \"vipAddress\":\"{vip}\",\"secureVipAddress\":\"{vip}\",\"countryId\":1,\
         \"dataCenterInfo\":{{\
         \"@class\":\"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo\",\"name\":\"MyOwn\"}},\
         \"hostName\":\"{ip}\",\"status\":\"UP\",\"overriddenStatus\":\"UNKNOWN\",\
         \"leaseInfo\":{{\"renewalIntervalInSecs\":30,\"durationInSecs\":{LEASE_SECONDS},\
         \"registrationTimestamp\":0,\"lastRenewalTimestamp\":0,\"evictionTimestamp\":0,\
         \"serviceUpTimestamp\":0}},\"isCoordinatingDiscoveryServer\":false,\
         \"lastUpdatedTimestamp\":1700000000000,\"lastDirtyTimestamp\":1700000000000,\
         \"actionType\":null,\"asgName\":null,\
         \"port\":{{\"$\":{port},\"@enabled\":\"true\"}},\
         \"securePort\":{{\"$\":443,\"@enabled\":\"false\"}},\
         \"metadata\":{{\"management.port\":\"{port}\",\"version\":\"1.4.2\"}}}}}}"
    )
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_cpu_second(done: &Done, cpu: Duration) -> f64 {
    // One tick of the kernel's clock is the least that can be told.
    done.requests as f64 / cpu.as_secs_f64().max(0.01)
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn kilobytes_each(done: &Done) -> f64 {
    done.body_bytes as f64 / 1_000.0 / done.requests.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_valid_json() {
        let body = registration("A", &id(300), 300);
        let json: serde_json::Value = serde_json::from_str(&body).expect("valid");
        assert_eq!(json["instance"]["ipAddr"], "10.0.1.44");
        assert_eq!(json["instance"]["port"]["$"], 8_300);
    }

    #[test]
    fn instances_are_spread_over_applications() {
        assert_eq!(registrations(0..41, APP_INSTANCES).len(), 41);
        assert_eq!(app(40, APP_INSTANCES), "SERVICE-00002");
        assert_eq!(
            instance_path(1, APP_INSTANCES),
            "/eureka/apps/SERVICE-00000/10-0-0-1.bench.internal:service:8001"
        );
    }
}
