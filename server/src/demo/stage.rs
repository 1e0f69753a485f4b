//! The stage: processes, load, and eyes on the catalog; what the acts play on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use rialto_api::rest::{EventView, InstanceView, ServiceDetail};
use rialto_api::route::{FilterSpec, RateLimitSpec, RetrySpec, RouteSpec};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

use super::board::{Board, Health, Member};
use super::crew::{Crew, Role};
use super::load::Load;
use super::web::Web;
use crate::ctl::{Client, token_of};
use crate::exit::{Exit, Failure};
use crate::words::count;

/// The shop's services, two instances each.
pub(crate) const SERVICES: [&str; 4] = ["storefront", "order", "stock", "account"];
/// Instances of each service.
pub(crate) const INSTANCES: usize = 2;
/// The gateway's route into the shop.
const ROUTE: &str = "shop";
/// Longest wait for a server that starts.
const SERVER_PATIENCE: Duration = Duration::from_secs(20);
/// Longest wait for the shop to be registered.
const SHOP_PATIENCE: Duration = Duration::from_secs(40);
/// Longest wait for an instance to tell what it served.
const TOLD_MAX: Duration = Duration::from_secs(1);
/// Between two looks while waiting.
const LOOK: Duration = Duration::from_millis(50);

/// Everything that plays.
#[derive(Debug)]
pub(crate) struct Stage {
    /// What the audience sees.
    pub(crate) board: Arc<Board>,
    /// Processes.
    pub(crate) crew: Crew,
    /// Orders.
    pub(crate) load: Load,
    /// Rialto's REST interface.
    pub(crate) client: Client,
    /// The shop's.
    pub(crate) web: Web,
    roles: BTreeMap<String, Role>,
    gateway: String,
}

/// What `GET /chaos` of an instance tells.
#[derive(Debug, Deserialize)]
struct Chaos {
    served: u64,
}

#[derive(Debug, Deserialize)]
struct Ready {
    gateway: String,
    api: String,
}

/// Starts Rialto and the shop, and opens the doors to customers.
///
/// # Errors
/// When something does not start in time.
pub(crate) async fn set_up(
    board: &Arc<Board>,
    folder: &Path,
    port_offset: u16,
    rate: f64,
) -> Result<Stage, Failure> {
    let crew = Crew::new(folder).map_err(|error| Failure::caused(Exit::Failed, &error))?;
    let password = format!("demo-{:08x}", rand::random::<u32>());
    board.say("Starting Rialto, with a temporary data folder.");
    let ready = start_server(&crew, folder, port_offset, &password).await?;
    let console = format!("http://{}/   sign in as admin, password {password}", ready.api);
    if board.is_plain() {
        board.say(format!("Console: {console}"));
    }
    board.update(|shown| shown.console = console);
    let token = token_of(&folder.join("data"));
    let client = Client::new(&format!("http://{}", ready.api), token.as_deref())?;
    put_route(&client, None).await?;
    board.say("Starting the shop: storefront, order, stock and account, two processes each.");
    let roles = roles(folder, &ready.api);
    for role in roles.values() {
        start(&crew, role)?;
    }
    let web = Web::new();
    wait_for_shop(&client, &crew).await?;
    board.say("All eight have registered themselves and found one another in the catalog.");
    let gateway = format!("http://{}", ready.gateway);
    let load = Load::start(&web, &format!("{gateway}/shop/orders"), rate);
    let board = Arc::clone(board);
    Ok(Stage { board, crew, load, client, web, roles, gateway })
}

impl Stage {
    /// What the shop tells at an address below the gateway's route.
    ///
    /// # Errors
    /// When it does not, in words.
    pub(crate) async fn ask_shop<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<T, String> {
        self.web.get(&format!("{}/shop{path}", self.gateway)).await
    }

    /// Kills an instance and tells its process identifier.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) async fn kill(&self, name: &str) -> Result<u32, String> {
        self.crew.kill(name).await.map_err(|error| error.to_string())
    }

    /// Starts an instance again.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&self, name: &str) -> Result<(), String> {
        let role = self.roles.get(name).ok_or_else(|| format!("nobody is called {name}"))?;
        start(&self.crew, role).map_err(|failure| failure.message().to_owned())
    }

    /// An instance as the catalog has it.
    pub(crate) async fn instance(&self, name: &str) -> Option<InstanceView> {
        let service = name.rsplit_once('-')?.0;
        let found = instances(&self.client, service).await.ok()?;
        found.into_iter().find(|instance| instance.id == name)
    }

    /// Requests that an instance has served since it started.
    pub(crate) async fn served(&self, name: &str) -> Option<u64> {
        let instance = self.instance(name).await?;
        self.served_at(&format!("{}:{}", instance.host, instance.port)).await
    }

    async fn served_at(&self, address: &str) -> Option<u64> {
        let url = format!("http://{address}/chaos");
        timeout(TOLD_MAX, self.web.get::<Chaos>(&url)).await.ok()?.ok().map(|chaos| chaos.served)
    }

    /// Makes an instance wait before every answer; zero ends it.
    ///
    /// # Errors
    /// When the instance does not take it.
    pub(crate) async fn slow(&self, name: &str, delay: Duration) -> Result<(), String> {
        let instance = self.instance(name).await;
        let instance = instance.ok_or_else(|| format!("{name} is not in the catalog"))?;
        let url = format!("http://{}:{}/chaos", instance.host, instance.port);
        let body = format!(r#"{{"delay_ms":{}}}"#, delay.as_millis());
        let answer = self.web.post(&url, body, None).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.status.to_string()) }
    }

    /// Puts a limit on the gateway's route into the shop, or takes it off.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn limit(&self, per_second: Option<f64>) -> Result<(), String> {
        let put = put_route(&self.client, per_second).await;
        put.map_err(|failure| failure.message().to_owned())
    }

    /// Events newer than the one of this number.
    pub(crate) async fn events_after(&self, last: u64) -> Vec<EventView> {
        let events: Vec<EventView> = self.client.get("/events?limit=500").await.unwrap_or_default();
        events.into_iter().filter(|event| event.id > last).collect()
    }

    /// The number of the newest event.
    pub(crate) async fn last_event(&self) -> u64 {
        self.events_after(0).await.iter().map(|event| event.id).max().unwrap_or(0)
    }

    /// Every instance that should be there, as it is.
    pub(crate) async fn members(&self, ejected: &[String]) -> Vec<Member> {
        let mut members = Vec::new();
        for service in SERVICES {
            let found = instances(&self.client, service).await.unwrap_or_default();
            for number in 1..=INSTANCES {
                let name = format!("{service}-{number}");
                let instance = found.iter().find(|instance| instance.id == name);
                let runs = self.crew.runs(&name);
                let health = match instance {
                    Some(_) if !runs => Health::Dead,
                    None if !runs => Health::Dead,
                    None => Health::Gone,
                    Some(_) if ejected.contains(&name) => Health::Ejected,
                    Some(_) => Health::Up,
                };
                let address = instance.map_or_else(String::new, |instance| {
                    format!("{}:{}", instance.host, instance.port)
                });
                let served = match health {
                    Health::Up | Health::Ejected => self.served_at(&address).await,
                    Health::Dead | Health::Gone => None,
                };
                let (service, name) = (service.to_owned(), number.to_string());
                members.push(Member { service, name, address, health, served, calls: 0 });
            }
        }
        members
    }
}

fn start(crew: &Crew, role: &Role) -> Result<(), Failure> {
    crew.start(role).map_err(|error| {
        Failure::new(Exit::Failed, format!("{} cannot be started: {error}", role.name))
    })
}

async fn start_server(
    crew: &Crew,
    folder: &Path,
    port_offset: u16,
    password: &str,
) -> Result<Ready, Failure> {
    let ready_file = folder.join("ready.json");
    let door = |name: &str, port: u16| format!("{name}.listen=127.0.0.1:{}", port + port_offset);
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut arguments = vec!["serve".to_owned(), "--stop-with-parent".to_owned()];
    for (name, value) in [
        ("--data", text(folder.join("data"))),
        ("--ready-file", text(ready_file.clone())),
        ("--set", door("eureka", 8761)),
        ("--set", door("nacos", 8848)),
        ("--set", door("gateway", 8080)),
        ("--set", door("api", 7000)),
    ] {
        arguments.extend([name.to_owned(), value]);
    }
    let environment = vec![("RIALTO_ADMIN_PASSWORD".to_owned(), password.to_owned())];
    let role = Role { name: "rialto".to_owned(), arguments, environment };
    start(crew, &role)?;
    let deadline = Instant::now() + SERVER_PATIENCE;
    loop {
        if let Ok(text) = std::fs::read_to_string(&ready_file) {
            return serde_json::from_str(&text)
                .map_err(|error| Failure::caused(Exit::Failed, &error));
        }
        if let Some((_, status)) = crew.ended().first() {
            return Err(no_start(*status, &crew.last_words("rialto"), port_offset));
        }
        if Instant::now() > deadline {
            let words = crew.last_words("rialto");
            let message = format!("Rialto did not start within 20 s; its last words: {words}");
            return Err(Failure::new(Exit::Failed, message));
        }
        sleep(LOOK).await;
    }
}

/// Why the server ended at once: in its own words, save for what the demo's flags can change.
fn no_start(status: ExitStatus, words: &str, port_offset: u16) -> Failure {
    let words = words.strip_prefix("rialto: ").unwrap_or(words);
    if status.code() != Some(Exit::Listen as i32) {
        return Failure::new(Exit::Failed, words);
    }
    let what = words.split(", or start with").next().unwrap_or(words);
    let free = (port_offset + 1_000) % 50_000;
    let message = format!("{what}, or run the demo with --port-offset {free}");
    Failure::new(Exit::Listen, message)
}

fn roles(folder: &Path, api: &str) -> BTreeMap<String, Role> {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let mut roles = BTreeMap::new();
    for service in SERVICES {
        for number in 1..=INSTANCES {
            let name = format!("{service}-{number}");
            let arguments = [
                "demo-service".to_owned(),
                service.to_owned(),
                "--data".to_owned(),
                path("shop"),
                "--id".to_owned(),
                name.clone(),
                "--chaos".to_owned(),
            ];
            let environment = [
                ("RIALTO_SERVER".to_owned(), format!("http://{api}")),
                ("RIALTO_TOKEN_FILE".to_owned(), path("data/service.token")),
                ("RIALTO_CACHE".to_owned(), path(&format!("cache-{name}"))),
            ];
            let (arguments, environment) = (arguments.to_vec(), environment.to_vec());
            roles.insert(name.clone(), Role { name, arguments, environment });
        }
    }
    roles
}

async fn put_route(client: &Client, per_second: Option<f64>) -> Result<(), Failure> {
    let every_method = ["GET", "POST", "PUT", "DELETE"].map(str::to_owned).to_vec();
    let route = RouteSpec {
        id: ROUTE.to_owned(),
        uri: "lb://storefront".to_owned(),
        paths: vec!["/shop/**".to_owned()],
        filters: vec![FilterSpec::StripPrefix { parts: 1 }],
        // Orders carry idempotency keys, so they may be tried again, too.
        retry: Some(RetrySpec { retries: 2, methods: every_method, ..RetrySpec::default() }),
        rate_limit: per_second.map(|per_second| RateLimitSpec {
            per_second,
            burst: Some((per_second / 5.0).max(1.0) as u32),
            max_wait_ms: None,
            key: None,
        }),
        ..RouteSpec::default()
    };
    client.send(Method::PUT, &format!("/routes/{ROUTE}"), Some(&route)).await.map(|_| ())
}

async fn instances(client: &Client, service: &str) -> Result<Vec<InstanceView>, Failure> {
    let detail: ServiceDetail = client.get(&format!("/services/{service}")).await?;
    Ok(detail.instances)
}

async fn wait_for_shop(client: &Client, crew: &Crew) -> Result<(), Failure> {
    let deadline = Instant::now() + SHOP_PATIENCE;
    loop {
        let mut missing = 0;
        for service in SERVICES {
            let found = instances(client, service).await.unwrap_or_default();
            missing += INSTANCES.saturating_sub(found.iter().filter(|i| i.available).count());
        }
        if missing == 0 {
            return Ok(());
        }
        if let Some((name, status)) = crew.ended().first() {
            let words = crew.last_words(name);
            let message = format!("{name} ended at once ({status}); its last words: {words}");
            return Err(Failure::new(Exit::Failed, message));
        }
        if Instant::now() > deadline {
            let missing = count(missing, "instance");
            let message = format!("{missing} of the shop did not register within 40 s");
            return Err(Failure::new(Exit::Failed, message));
        }
        sleep(LOOK).await;
    }
}
