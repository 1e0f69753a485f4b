//! From the start of the process to serving, with ten thousand services on disk.

use std::time::{Duration, Instant};

use crate::effort::Effort;
use crate::error::Error;
use crate::eureka::registrations;
use crate::load::{closed, fetch, request};
use crate::report::{Bound, Report, Table, median};
use crate::rialto::Binary;

/// Connections of the registrations.
const CONNECTIONS: usize = 16;

/// Between two looks whether the server serves.
const POLL: Duration = Duration::from_millis(1);

/// Fills a data folder, stops the server, and measures its next starts.
pub(crate) fn run(binary: &Binary, effort: &Effort, report: &mut Report) -> Result<(), Error> {
    let services = effort.instances[1];
    let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
    let mut first = binary.start(folder.path(), &[], None)?;
    let door = first.door("eureka")?;
    // One instance each: the catalog then has as many services as instances.
    closed(door, &registrations(0..services, 1), CONNECTIONS, None)?.all_right("registering")?;
    first.server.stop();
    let mut times = Vec::new();
    for _ in 0..effort.rounds.max(3) {
        let begin = Instant::now();
        let mut again = binary.start(folder.path(), &[], None)?;
        let door = again.door("eureka")?;
        let all = loop {
            let answer =
                fetch(door, &request("GET", "/eureka/apps", &["Accept: application/json"]));
            match answer {
                Ok((200, body)) => break body,
                _ => std::thread::sleep(POLL),
            }
        };
        times.push(begin.elapsed().as_secs_f64() * 1e3);
        expect_all(&all, services)?;
        again.server.stop();
    }
    let mut table = Table::new("Cold start", &["rialto"]);
    let what = format!("start to a full answer, {services} services on disk");
    table.less(&what, "ms", &[median(times)]);
    table.goal_value(effort.judges, Bound::AtMost(300.0));
    report.add(table);
    Ok(())
}

/// A fast start that forgot something is no start.
fn expect_all(body: &[u8], services: usize) -> Result<(), Error> {
    let found = body.windows(12).filter(|window| window == b"\"instanceId\"").count();
    if found == services {
        return Ok(());
    }
    Err(Error::WrongAnswers {
        what: "full answer after a restart".to_owned(),
        count: services.abs_diff(found) as u64,
        example: format!("{found} of {services} instances"),
    })
}
