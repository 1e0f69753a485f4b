//! Pages: each is a title and a few regions, drawn whole for a request and piece by piece for its
//! live stream. Forms live beside the page that shows them.

mod access;
mod configuration;
mod events;
mod namespaces;
mod overview;
mod route;
mod route_form;
mod routes;
mod service;
mod service_clients;
mod services;
mod topology;

use std::borrow::Cow;
use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html as HtmlResponse, IntoResponse, Response};
use axum::routing::{get, post};
use http::{StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rialto_catalog::ServiceKey;
use rialto_security::{Action, Resource};

use crate::context::App;
use crate::guard::Member;
use crate::view::{Html, Mark, View};

/// Everything but what RFC 3986 calls unreserved is escaped in addresses.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an address asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Overview,
    Services,
    Service(ServiceKey),
    Configuration(configuration::Target),
    Namespaces,
    Routes,
    Route(String),
    AddRoute,
    EditRoute(String),
    Topology,
    Events,
    Access,
}

/// Where in the rail a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nav {
    Overview,
    Services,
    Configuration,
    Namespaces,
    Gateway,
    Topology,
    Events,
    Access,
}

/// A page as its template takes it.
pub(crate) struct Page {
    pub(crate) nav: Nav,
    pub(crate) title: String,
    pub(crate) crumb: Option<Crumb>,
    pub(crate) sub: String,
    /// Beside the title.
    pub(crate) right: Html,
    pub(crate) notice: Option<Notice>,
    /// Above the regions; not live.
    pub(crate) top: Html,
    pub(crate) regions: Vec<Region>,
    /// Below the regions; not live.
    pub(crate) bottom: Html,
    pub(crate) live: bool,
    /// CSS class: `list`, `detail` or none.
    pub(crate) shape: &'static str,
}

pub(crate) struct Crumb {
    pub(crate) href: Cow<'static, str>,
    pub(crate) text: Cow<'static, str>,
}

pub(crate) struct Notice {
    pub(crate) mark: Mark,
    pub(crate) text: String,
}

/// A part of a page that a live stream replaces.
pub(crate) struct Region {
    pub(crate) id: &'static str,
    pub(crate) html: Html,
    pub(crate) label: Option<&'static str>,
    /// Whether a change is worth saying aloud.
    pub(crate) polite: bool,
}

/// What follows the `?`.
pub(crate) struct Params(HashMap<String, String>);

struct NavItem {
    href: &'static str,
    icon: &'static str,
    text: &'static str,
    current: bool,
}

#[derive(Template)]
#[template(path = "page.html")]
struct PageTemplate<'a> {
    v: &'a View,
    page: &'a Page,
    nav: Vec<NavItem>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorTemplate<'a> {
    v: &'a View,
    title: &'static str,
    text: &'static str,
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(show))
        .route("/services", get(show))
        .route("/services/{namespace}/{group}/{name}", get(show).post(service::act))
        .merge(configuration::router())
        .route("/namespaces", get(show).post(namespaces::act))
        .route("/gateway", get(show))
        .route("/gateway/add", get(show).post(route_form::add))
        .route("/gateway/routes/{id}", get(show))
        .route("/gateway/routes/{id}/edit", get(show).post(route_form::edit))
        .route("/gateway/routes/{id}/remove", post(route_form::remove))
        .route("/topology", get(show))
        .route("/events", get(show))
        .merge(access::router())
}

async fn show(State(app): State<App>, member: Member, uri: Uri) -> Response {
    let Some(target) = Target::parse(uri.path()) else {
        return error_page(&member.view, StatusCode::NOT_FOUND);
    };
    if let Err(status) = target.allowed(&app, &member.view) {
        return error_page(&member.view, status);
    }
    match target.build(&app, &member.view, &Params::of(&uri)) {
        Ok(page) => render_page(&member.view, &page, StatusCode::OK),
        Err(Missing { title, text }) => {
            let template = ErrorTemplate { v: &member.view, title, text };
            (StatusCode::NOT_FOUND, HtmlResponse(html(&template).0)).into_response()
        }
    }
}

/// Nothing is there; says what to look at instead.
pub(crate) struct Missing {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

impl Target {
    /// Reads a path; `None` when no page has it.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let decode =
            |segment: &str| percent_decode_str(segment).decode_utf8().ok().map(String::from);
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match segments.as_slice() {
            [""] => Self::Overview,
            ["services"] => Self::Services,
            ["services", namespace, group, name] => {
                let (namespace, group, name) = (decode(namespace)?, decode(group)?, decode(name)?);
                Self::Service(ServiceKey::new(&namespace, &group, &name).ok()?)
            }
            ["configuration", rest @ ..] => {
                Self::Configuration(configuration::Target::parse(rest)?)
            }
            ["namespaces"] => Self::Namespaces,
            ["gateway"] => Self::Routes,
            ["gateway", "add"] => Self::AddRoute,
            ["gateway", "routes", id] => Self::Route(decode(id)?),
            ["gateway", "routes", id, "edit"] => Self::EditRoute(decode(id)?),
            ["topology"] => Self::Topology,
            ["events"] => Self::Events,
            ["access"] => Self::Access,
            _ => return None,
        })
    }

    /// Whether a reader may see it.
    pub(crate) fn allowed(&self, app: &App, view: &View) -> Result<(), StatusCode> {
        let needs = match self {
            Self::Configuration(target) => target.needs(),
            // Everybody may see who they are; the rest of that page asks for more.
            Self::Access => None,
            other => Some(other.needs()),
        };
        let Some((action, resource)) = needs else { return Ok(()) };
        // A refusal is written to the audit log, unlike what a page does not offer.
        let may = view.session.as_ref().is_some_and(|session| {
            let security = &app.context.security;
            security.authorize(&session.identity, action, &resource).is_allowed()
        });
        if may { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
    }

    /// The number of what the page is made of, where nothing else can change the page.
    pub(crate) fn revision(&self, app: &App) -> Option<u64> {
        match self {
            Self::Services => Some(app.context.engine.read(rialto_catalog::State::revision).0),
            Self::Configuration(target) => target.revision(app),
            _ => None,
        }
    }

    /// What a reader must be allowed to do to see it.
    fn needs(&self) -> (Action, Resource<'_>) {
        match self {
            Self::Overview => (Action::Read, Resource::Overview),
            Self::Services => (Action::Read, Resource::Services),
            Self::Service(key) => (Action::Read, service_resource(key)),
            Self::Configuration(_) | Self::Namespaces => (Action::Read, Resource::Namespaces),
            Self::Routes => (Action::Read, Resource::Routes),
            Self::Route(id) => (Action::Read, Resource::Route(id)),
            Self::AddRoute => (Action::Administer, Resource::Routes),
            Self::EditRoute(id) => (Action::Administer, Resource::Route(id)),
            Self::Topology => (Action::Read, Resource::Topology),
            Self::Events => (Action::Read, Resource::Events),
            Self::Access => (Action::Read, Resource::Access),
        }
    }

    pub(crate) fn build(&self, app: &App, view: &View, params: &Params) -> Result<Page, Missing> {
        let mut page = match self {
            Self::Overview => overview::page(app, view),
            Self::Services => services::page(app, view, params),
            Self::Service(key) => service::page(app, view, key)?,
            Self::Configuration(target) => target.build(app, view, params)?,
            Self::Namespaces => namespaces::page(app, view),
            Self::Routes => routes::page(app, view),
            Self::Route(id) => route::page(app, view, id)?,
            Self::AddRoute => route_form::add_page(view),
            Self::EditRoute(id) => route_form::edit_page(app, view, id)?,
            Self::Topology => topology::page(app, view),
            Self::Events => events::page(app, view, params),
            Self::Access => access::page(app, view),
        };
        page.notice = page.notice.or_else(|| Notice::named(view, params.get("notice")));
        Ok(page)
    }
}

impl Page {
    pub(crate) fn new(nav: Nav, title: String) -> Self {
        Self {
            nav,
            title,
            crumb: None,
            sub: String::new(),
            right: Html(String::new()),
            notice: None,
            top: Html(String::new()),
            regions: Vec::new(),
            bottom: Html(String::new()),
            live: true,
            shape: "",
        }
    }

    /// Adds a region drawn by a template.
    pub(crate) fn region(&mut self, id: &'static str, template: &impl Template) -> &mut Region {
        let region = Region { id, html: html(template), label: None, polite: false };
        self.regions.push(region);
        self.regions.last_mut().expect("it was pushed just now")
    }
}

impl Notice {
    /// A notice by the name in an address; only names that have a text.
    fn named(view: &View, name: &str) -> Option<Self> {
        if name.is_empty() {
            return None;
        }
        let text = view.lang.find(&format!("notice.{name}"))?.to_owned();
        let bad = matches!(name, "gone" | "refused" | "reason" | "failed" | "weight");
        Some(Self { mark: if bad { Mark::Bad } else { Mark::Ok }, text })
    }
}

impl Params {
    pub(crate) fn of(uri: &Uri) -> Self {
        Self(Query::try_from_uri(uri).map(|Query(map)| map).unwrap_or_default())
    }

    /// Values that do not come from an address.
    pub(crate) fn given(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(pairs.iter().map(owned).collect())
    }

    /// A value, empty when absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Nav {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Services,
        Self::Configuration,
        Self::Namespaces,
        Self::Gateway,
        Self::Topology,
        Self::Events,
        Self::Access,
    ];

    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Services => "services",
            Self::Configuration => "configuration",
            Self::Namespaces => "namespaces",
            Self::Gateway => "gateway",
            Self::Topology => "topology",
            Self::Events => "events",
            Self::Access => "access",
        }
    }

    fn item(self, view: &View, current: Self) -> NavItem {
        let (href, text) = match self {
            Self::Overview => ("/", view.t("nav.overview")),
            Self::Services => ("/services", view.t("nav.services")),
            Self::Configuration => ("/configuration", view.t("nav.configuration")),
            Self::Namespaces => ("/namespaces", view.t("nav.namespaces")),
            Self::Gateway => ("/gateway", view.t("nav.gateway")),
            Self::Topology => ("/topology", view.t("nav.topology")),
            Self::Events => ("/events", view.t("nav.events")),
            Self::Access => ("/access", view.t("nav.access")),
        };
        NavItem { href, icon: self.icon(), text, current: self == current }
    }
}

/// Draws a template. Ours only fail when writing to memory does, and an empty part is then better
/// than none of the page.
pub(crate) fn html(template: &impl Template) -> Html {
    Html(template.render().unwrap_or_default())
}

pub(crate) fn render_page(view: &View, page: &Page, status: StatusCode) -> Response {
    let nav = Nav::ALL.into_iter().map(|nav| nav.item(view, page.nav)).collect();
    (status, HtmlResponse(html(&PageTemplate { v: view, page, nav }).0)).into_response()
}

/// A page that only says what is wrong.
pub(crate) fn error_page(view: &View, status: StatusCode) -> Response {
    let (title, text) = match status {
        StatusCode::FORBIDDEN => (view.t("error.denied"), view.t("error.denied_how")),
        StatusCode::CONFLICT => (view.t("error.stale"), view.t("error.stale_how")),
        _ => (view.t("error.not_found"), view.t("error.not_found_how")),
    };
    (status, HtmlResponse(html(&ErrorTemplate { v: view, title, text }).0)).into_response()
}

/// Text escaped for a path segment or a query value.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

pub(crate) fn service_href(key: &ServiceKey) -> String {
    let (namespace, group, name) = key.parts();
    format!("/services/{}/{}/{}", encode(namespace), encode(group), encode(name))
}

pub(crate) fn service_resource(key: &ServiceKey) -> Resource<'_> {
    let (namespace, group, name) = key.parts();
    Resource::Service { namespace, group, name }
}

pub(crate) fn route_href(id: &str) -> String {
    format!("/gateway/routes/{}", encode(id))
}

#[cfg(test)]
mod tests;
