//! What naming calls mean, with a clock that the tests move and a record instead of connections.

mod admin;
mod beats;
mod connections;
mod persistent;
mod pushes;

use std::sync::Arc;

use parking_lot::Mutex;
use rialto_catalog::{Millis, ServiceKey, Timestamp};
use rialto_engine::{Engine, ManualClock};
use rialto_nacos::naming::{
    Client, ConnectionId, InstanceForm, Naming, Outcome, Owner, Push, PushRequest, Target,
};
use rialto_nacos::{Problem, map};
use rialto_telemetry::Telemetry;
use serde_json::Value;

const START: Timestamp = Timestamp(1_764_000_000_000);
const ONE: ConnectionId = ConnectionId(1);
const TWO: ConnectionId = ConnectionId(2);

/// Keeps what is pushed instead of sending it.
#[derive(Default)]
struct Record(Mutex<Vec<(ConnectionId, PushRequest)>>);

impl Push for Record {
    fn push(&self, connection: ConnectionId, push: PushRequest) {
        self.0.lock().push((connection, push));
    }
}

struct Lab {
    engine: Engine,
    clock: Arc<ManualClock>,
    pushed: Arc<Record>,
    naming: Naming,
}

impl Lab {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let engine = Engine::in_memory(Arc::clone(&clock) as Arc<_>, Telemetry::new());
        Self::over(engine, clock)
    }

    fn over(engine: Engine, clock: Arc<ManualClock>) -> Self {
        let pushed = Arc::new(Record::default());
        let naming =
            Naming::new(engine.clone(), Arc::clone(&pushed) as Arc<dyn Push>, &Telemetry::new());
        let lab = Self { engine, clock, pushed, naming };
        [ONE, TWO].into_iter().for_each(|connection| lab.begin(connection));
        lab
    }

    fn begin(&self, connection: ConnectionId) {
        self.naming.begin(Client {
            connection,
            name: format!("100_192.0.2.2_{}", connection.0).into(),
            remote: ([192, 0, 2, 2], connection.0 as u16).into(),
            agent: "Nacos-Java-Client:v3.0.3".into(),
            app: "shop".into(),
        });
    }

    /// Lets time pass in steps of the engine's, with what happens in each.
    fn pass(&self, ms: u64) {
        self.naming.pump();
        for step in (0..ms).step_by(100) {
            self.clock.advance(Millis(100.min(ms - step)));
            self.engine.tick();
            self.naming.pump();
        }
    }

    fn register(&self, owner: Owner, form: InstanceForm) -> Result<(), Problem> {
        self.naming.register(owner, &gold(), form)
    }

    fn deregister(&self, owner: Owner, port: u16) {
        let target = Target { ip: "10.0.0.1", port, cluster: "" };
        self.naming.deregister(owner, &gold(), target).unwrap();
    }

    /// The list that a client sees.
    fn seen(&self) -> Value {
        serde_json::from_slice(&self.naming.view(&gold(), "", false).bare()).unwrap()
    }

    /// Ports in that list, `-` before those that are not healthy.
    fn ports(&self) -> Vec<i64> {
        let list = self.seen();
        let port = |host: &Value| {
            let port = host["port"].as_i64().unwrap();
            if host["healthy"] == true { port } else { -port }
        };
        list["hosts"].as_array().unwrap().iter().map(port).collect()
    }

    /// What was pushed since the last time, with its outcome told.
    fn taken(&self, outcome: Outcome) -> Vec<(u64, Value)> {
        let pushed = std::mem::take(&mut *self.pushed.0.lock());
        let read = |(connection, push): (ConnectionId, PushRequest)| {
            push.outcome.done(connection, push.token, outcome);
            let body = [b"{", &push.shared[..]].concat();
            (connection.0, serde_json::from_slice(&body).unwrap())
        };
        pushed.into_iter().map(read).collect()
    }
}

fn gold() -> ServiceKey {
    map::key("", "", "gold").unwrap()
}

fn form(port: u16) -> InstanceForm {
    InstanceForm { ip: "10.0.0.1".into(), port, ..InstanceForm::default() }
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}
