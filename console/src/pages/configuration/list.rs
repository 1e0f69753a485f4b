//! The list of configurations: searched, filtered, in the order of namespace, group and dataId,
//! read on from any of them.

use std::sync::Arc;

use askama::Template;
use rialto_configuration::{ConfigKey, Entry, Text};
use rialto_security::Action;

use super::{href, may_change, resource};
use crate::context::App;
use crate::limits::{CONFIGURATIONS_CHUNK, ROWS_MAX, SEARCH_CHARS_MAX, SEARCHED_BYTES_MAX};
use crate::pages::{Nav, Page, Params, encode, html, namespaces};
use crate::view::{Html, View, escape};

#[derive(Default)]
struct Filter {
    search: String,
    namespace: String,
    group: String,
    tag: String,
    content: String,
    /// Read on after this one.
    after: Option<ConfigKey>,
}

#[derive(Template)]
#[template(path = "configuration_filters.html")]
struct Filters<'a> {
    v: &'a View,
    filter: &'a Filter,
    namespaces: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "configuration_table.html")]
struct Table<'a> {
    v: &'a View,
    rows: Vec<Row>,
    filtered: bool,
    command: &'static str,
    summary: String,
    first: Option<String>,
    next: Option<String>,
    export: Option<String>,
}

struct Row {
    href: String,
    name: String,
    place: String,
    kind: &'static str,
    size: String,
    tags: Vec<String>,
    grays: usize,
    /// Whether only some see it.
    only_gray: bool,
    secret: bool,
    changed_ms: u64,
    who: String,
    md5: String,
}

const PUBLISH: &str = "curl -X POST http://127.0.0.1:8848/nacos/v1/cs/configs \
    -d dataId=hello.yaml -d group=DEFAULT_GROUP -d type=yaml \
    --data-urlencode 'content=greeting: hello'";

pub(super) fn page(app: &App, view: &View, params: &Params) -> Page {
    let filter = Filter::read(params);
    let mut page = Page::new(Nav::Configuration, view.t("nav.configuration").to_owned());
    let total = app.context.configurations.read(rialto_configuration::State::total);
    // Of those who see some only, how many there are is nobody's business.
    if !view.is_member() {
        page.sub = view.n("configuration.count", total);
    }
    page.shape = "list";
    page.right = buttons(view, &filter);
    let namespaces = namespaces::choices(app, view, &filter.namespace);
    page.top = html(&Filters { v: view, filter: &filter, namespaces });
    let (entries, next) = find(app, view, &filter, ROWS_MAX);
    page.region(
        "configurations",
        &Table {
            v: view,
            filtered: filter.narrows() && total > 0,
            command: PUBLISH,
            summary: view.n("configuration.shown", entries.len() as u64),
            first: filter.after.as_ref().map(|_| filter.address("/configuration", None)),
            next: next.map(|key| filter.address("/configuration", Some(&key))),
            export: (!entries.is_empty()).then(|| filter.address("/configuration/export", None)),
            rows: entries.iter().filter_map(|entry| Row::of(entry)).collect(),
        },
    );
    page
}

/// All that the address of a list asks for, for a file: at most `most`. Takes a while: not for a
/// thread that others wait for.
pub(super) fn matching(app: &App, view: &View, params: &Params, most: usize) -> Vec<Arc<Entry>> {
    let mut filter = Filter { after: None, ..Filter::read(params) };
    let mut all = Vec::new();
    loop {
        let (found, next) = find(app, view, &filter, most - all.len());
        all.extend(found);
        if next.is_none() || all.len() == most {
            return all;
        }
        filter.after = next;
    }
}

fn buttons(view: &View, filter: &Filter) -> Html {
    if !view.operates() && !view.is_member() {
        return Html(String::new());
    }
    let namespace = match filter.namespace.as_str() {
        "" => String::new(),
        namespace => format!("?ns={}", encode(namespace)),
    };
    let button = |class: &str, path: &str, word: &str| {
        let word = escape(word);
        format!("<a class=\"button{class}\" href=\"/configuration/{path}{namespace}\">{word}</a>")
    };
    Html(
        button("", "import", view.t("configuration.import"))
            + &button(" primary", "add", view.t("configuration.add")),
    )
}

/// What matches and may be read, in order, and where to read on when there is more. Read in pieces,
/// and no further than through [`SEARCHED_BYTES_MAX`] of contents.
fn find(
    app: &App,
    view: &View,
    filter: &Filter,
    most: usize,
) -> (Vec<Arc<Entry>>, Option<ConfigKey>) {
    let namespace = (!filter.namespace.is_empty()).then_some(filter.namespace.as_str());
    let wanted = filter.wanted();
    let mut found: Vec<Arc<Entry>> = Vec::new();
    let mut after = filter.after.clone();
    let mut searched = 0;
    loop {
        let piece: Vec<Arc<Entry>> = app.context.configurations.read(|state| {
            state.after(namespace, after.as_ref()).take(CONFIGURATIONS_CHUNK).cloned().collect()
        });
        if piece.is_empty() {
            return (found, None);
        }
        for entry in piece {
            if searched > SEARCHED_BYTES_MAX {
                return (found, after);
            }
            searched += wanted.bytes_of(&entry);
            let key = entry.key.clone();
            if wanted.matches(&entry) && may_find(app, view, filter, &entry) {
                if found.len() == most {
                    return (found, after);
                }
                found.push(entry);
            }
            after = Some(key);
        }
    }
}

/// Whether a reader may know that a configuration matches.
fn may_find(app: &App, view: &View, filter: &Filter, entry: &Entry) -> bool {
    // To find a secret by its content is to read it.
    let reads_secret = entry.is_secret() && !filter.content.is_empty();
    view.may(app, Action::Read, &resource(&entry.key))
        && (!reads_secret || may_change(app, view, &entry.key))
}

/// The parts of a filter as they are compared.
struct Wanted<'a> {
    data_id: Text,
    group: Text,
    content: Text,
    tag: &'a str,
}

impl Wanted<'_> {
    /// How much is looked through to compare an entry.
    fn bytes_of(&self, entry: &Entry) -> usize {
        match (&self.content, &entry.formal) {
            (Text::Any, _) | (_, None) => 0,
            (_, Some(formal)) => formal.effective.content.bytes().len(),
        }
    }

    fn matches(&self, entry: &Entry) -> bool {
        let formal = entry.formal.as_ref();
        let gray = entry.grays.first().map(|gray| &gray.effective);
        let shown = formal.map(|formal| &formal.effective).or(gray);
        self.data_id.matches(entry.key.data_id())
            && self.group.matches(entry.key.group())
            && (self.tag.is_empty() || formal.is_some_and(|one| has_tag(&one.meta.tags, self.tag)))
            && shown.is_some_and(|shown| self.content.matches(shown.content.text()))
    }
}

fn has_tag(tags: &str, tag: &str) -> bool {
    tags.split(',').any(|one| one.trim() == tag)
}

impl Filter {
    fn read(params: &Params) -> Self {
        let text = |name| params.get(name).trim().chars().take(SEARCH_CHARS_MAX).collect();
        let mut after = params.get("after").splitn(3, '/');
        let after = (|| ConfigKey::new(after.next()?, after.next()?, after.next()?).ok())();
        Self {
            search: text("q"),
            namespace: text("ns"),
            group: text("group"),
            tag: text("tag"),
            content: text("text"),
            after,
        }
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            data_id: Text::within(&self.search),
            group: Text::within(&self.group),
            content: Text::within(&self.content),
            tag: &self.tag,
        }
    }

    fn narrows(&self) -> bool {
        let parts = [&self.search, &self.namespace, &self.group, &self.tag, &self.content];
        parts.into_iter().any(|part| !part.is_empty())
    }

    fn address(&self, path: &str, after: Option<&ConfigKey>) -> String {
        let mut query: Vec<String> = [
            ("q", &self.search),
            ("ns", &self.namespace),
            ("group", &self.group),
            ("tag", &self.tag),
            ("text", &self.content),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
        query.extend(after.map(|key| format!("after={}", encode(&key.to_string()))));
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }
}

impl Row {
    fn of(entry: &Entry) -> Option<Self> {
        let gray = entry.grays.first();
        let (effective, origin) = match &entry.formal {
            Some(formal) => (&formal.effective, &formal.origin),
            None => gray.map(|gray| (&gray.effective, &gray.origin))?,
        };
        let tags = entry.formal.as_ref().map_or("", |formal| &formal.meta.tags);
        let words = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        Some(Self {
            href: href(&entry.key),
            name: entry.key.data_id().to_owned(),
            place: format!("{} / {}", entry.key.namespace(), entry.key.group()),
            kind: effective.kind.as_str(),
            size: crate::format::bytes(effective.content.bytes().len()),
            tags: words.map(str::to_owned).collect(),
            grays: entry.grays.len(),
            only_gray: entry.formal.is_none(),
            secret: entry.is_secret(),
            changed_ms: effective.modified_ms,
            who: origin.user.clone(),
            md5: effective.content.md5_text().to_owned(),
        })
    }
}
