//! A console over an engine in memory, and a browser that keeps its cookies.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use rialto_api::route::RouteSpec;
use rialto_catalog::{
    Command, DocumentKind, InstanceSpec, Millis, Protocol, ServiceKey, Timestamp,
};
use rialto_configuration::{
    Command as ConfigCommand, ConfigKey, Content, Kind, Origin, Publish, PublishMeta, Quotas,
    Target,
};
use rialto_console::ConsoleContext;
use rialto_door::Shutdown;
use rialto_engine::{Configurations, Engine, ManualClock};
use rialto_security::Security;
use rialto_telemetry::Telemetry;
use tower_service::Service;

use crate::door::Door;

pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const START_MS: u64 = 1_795_562_463_000;

pub(crate) struct Browser {
    pub(crate) engine: Engine,
    pub(crate) configurations: Configurations,
    pub(crate) door: Arc<Mutex<Door>>,
    pub(crate) security: Security,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) telemetry: Telemetry,
    pub(crate) shutdown: Shutdown,
    router: Router,
    cookies: BTreeMap<String, String>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(START_MS)));
        let telemetry = Telemetry::new();
        let engine = Engine::in_memory(Arc::clone(&clock) as _, telemetry.clone());
        let (security, _) = Security::open(None, Some(PASSWORD.to_owned())).unwrap();
        let shutdown = Shutdown::new();
        let listed = engine.clone();
        let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
        let door = Door { configurations: Some(configurations.clone()), ..Door::default() };
        let door = Arc::new(Mutex::new(door));
        let context = ConsoleContext {
            engine: engine.clone(),
            configurations: configurations.clone(),
            clients: Arc::new(crate::door::Shared(Arc::clone(&door))),
            telemetry: telemetry.clone(),
            security: security.clone(),
            doors: BTreeMap::from([("gateway".to_owned(), "127.0.0.1:8080".to_owned())]),
            check_route: Arc::new(|route| match route.uri.starts_with("lb://") {
                true => Ok(()),
                false => Err("the gateway <refuses> it".to_owned()),
            }),
            list_routes: Arc::new(move || routes(&listed)),
            shutdown: shutdown.clone(),
            version: "1.2.3".to_owned(),
            started_ms: START_MS,
        };
        let router = rialto_console::router(context);
        let cookies = BTreeMap::new();
        Self { engine, configurations, door, security, clock, telemetry, shutdown, router, cookies }
    }

    /// A browser that has signed in as the administrator.
    pub(crate) async fn signed_in() -> Self {
        let mut browser = Self::new();
        let answer = browser.post("/sign-in", &[("user", "admin"), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        browser
    }

    pub(crate) fn register(&self, name: &str, port: u16) -> ServiceKey {
        let service = ServiceKey::named(name).unwrap();
        let id = format!("127.0.0.1:{port}");
        let mut spec = InstanceSpec::new(&id, Protocol::Sdk, "127.0.0.1", port, Millis(30_000));
        spec.metadata = vec![("note".to_owned(), "<b>bold</b>".to_owned())];
        let command = Command::Register { service: service.clone(), spec };
        self.engine.own(|_, _| ([command], ())).unwrap();
        service
    }

    /// Publishes `content` as `public/G/<name>`, as a client would.
    pub(crate) async fn publish(&self, name: &str, content: &str) -> ConfigKey {
        self.publish_with(name, content, |_| {}).await
    }

    pub(crate) async fn publish_with(
        &self,
        name: &str,
        content: &str,
        change: impl FnOnce(&mut Publish),
    ) -> ConfigKey {
        let key = ConfigKey::new("", "G", name).unwrap();
        let mut publish = Publish {
            key: key.clone(),
            content: Content::new(content),
            target: Target::Formal,
            cas: String::new(),
            kind: Some(Kind::Yaml),
            meta: PublishMeta::default(),
            encrypted_data_key: String::new(),
            secret: None,
            origin: Origin { user: "carol".to_owned(), ip: "10.9.9.9".to_owned() },
        };
        change(&mut publish);
        self.clock.advance(Millis(1_000));
        self.configurations.propose(ConfigCommand::Publish(Box::new(publish))).await.unwrap();
        key
    }

    /// What is published as `public/G/<name>`.
    pub(crate) fn published(&self, name: &str) -> Option<String> {
        let key = ConfigKey::new("", "G", name).unwrap();
        let entry = self.configurations.entry(&key.borrow())?;
        entry.formal.as_ref().map(|formal| formal.effective.content.text().to_owned())
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), "").await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::post(path);
        self.send(request, &encode(fields)).await
    }

    /// Sends a form with the token of the page that shows it.
    pub(crate) async fn submit(
        &mut self,
        page: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let shown = self.get(page).await.body;
        let csrf = token(&shown).to_owned();
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        self.post(path, &fields).await
    }

    pub(crate) async fn send(&mut self, request: http::request::Builder, body: &str) -> Answer {
        let response = self.open(request, body).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a form with the token of a page and what the page's hidden fields say.
    pub(crate) async fn submit_with_hidden(
        &mut self,
        page: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let shown = self.get(page).await.body;
        self.resubmit(&shown, path, fields).await
    }

    /// As [`Browser::submit_with_hidden`], for a page that was shown already.
    pub(crate) async fn resubmit(
        &mut self,
        shown: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let mut all = hidden(shown);
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        let mut sent: Vec<(&str, &str)> =
            all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        sent.extend(fields);
        self.post(path, &sent).await
    }

    /// Like [`Browser::send`] without reading the body.
    pub(crate) async fn open(
        &mut self,
        mut request: http::request::Builder,
        body: &str,
    ) -> Response<Body> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let typed = request.headers_ref().is_some_and(|one| one.contains_key(header::CONTENT_TYPE));
        if request.method_ref() == Some(&Method::POST) && !typed {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.header(header::COOKIE, cookies.join("; "));
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.call(request).await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }
}

/// The hidden fields of the main form of a page, and what its text fields hold.
fn hidden(page: &str) -> Vec<(String, String)> {
    let main = page.split("<main").nth(1).unwrap_or_default();
    let form = main.split("<form method=\"post\"").nth(1).unwrap_or_default();
    let form = form.split("</form>").next().unwrap_or_default();
    let mut fields = Vec::new();
    for tag in form.split("<input ").skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let value = |name: &str| {
            let rest = tag.split(&format!("{name}=\"")).nth(1)?;
            rest.split('"').next().map(unescape)
        };
        let skipped = tag.contains("type=\"checkbox\"") && !tag.contains(" checked");
        if let (Some(name), false) = (value("name"), skipped) {
            fields.push((name, value("value").unwrap_or_default()));
        }
    }
    if let Some(area) = form.split("<textarea ").nth(1) {
        let text = area.split_once(">\n").map_or("", |(_, text)| text);
        let text = text.split("</textarea>").next().unwrap_or_default();
        fields.push(("content".to_owned(), unescape(text)));
    }
    fields
}

pub(crate) fn unescape(text: &str) -> String {
    let mut text = text.to_owned();
    for (from, to) in
        [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
    {
        text = text.replace(from, to);
    }
    text
}

/// The form token of a page.
pub(crate) fn token(page: &str) -> &str {
    let after = page.split("name=\"csrf\" value=\"").nth(1).expect("the page has a form");
    after.split('"').next().unwrap()
}

fn routes(engine: &Engine) -> Vec<(RouteSpec, String)> {
    let fixed = RouteSpec::parse_shorthand("/fixed/**=lb://fixed").unwrap();
    let mut routes = vec![(fixed, "configuration".to_owned())];
    engine.read(|state| {
        for (_, document) in state.documents(DocumentKind::Route) {
            routes.push((serde_json::from_slice(&document.body).unwrap(), "catalog".to_owned()));
        }
    });
    routes
}

fn encode(fields: &[(&str, &str)]) -> String {
    let text = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).into(),
                other => format!("%{other:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect();
    pairs.join("&")
}
