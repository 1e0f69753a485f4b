//! What every template has at hand: words, numbers and times in the reader's language, and the
//! small pieces of markup that look the same everywhere.

use std::fmt;

use askama::filters::HtmlSafe;
use rialto_api::rest::Traffic;
use rialto_security::{Action, Resource, Role, Session};

use crate::assets;
use crate::context::App;
use crate::format;
use crate::messages::Lang;

/// Markup that is safe as it is: built here, with everything from outside escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Html(pub(crate) String);

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// Light, dark, or what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == text)
    }
}

/// Four states, each with its own shape and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    Off,
    Ok,
    Warn,
    Bad,
}

impl Mark {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// How an instance's status looks.
    pub(crate) fn of_status(status: &str) -> Self {
        match status {
            "up" => Self::Ok,
            "starting" => Self::Warn,
            "down" => Self::Bad,
            _ => Self::Off,
        }
    }

    /// How an event looks: most are news, not trouble.
    pub(crate) fn of_event(kind: &str) -> Self {
        match kind {
            "registered" | "returned" | "breaker_closed" | "protection_ended" | "started" => {
                Self::Ok
            }
            "limited" | "ejected" | "protection_began" | "sign_in_failed" | "warning" => Self::Warn,
            "expired" | "breaker_opened" => Self::Bad,
            _ => Self::Off,
        }
    }
}

/// The reader of a page and the page they are on.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) lang: Lang,
    pub(crate) theme: Theme,
    /// Path and query of the page, to come back to.
    pub(crate) here: String,
    pub(crate) session: Option<Session>,
    pub(crate) now_ms: u64,
    pub(crate) version: String,
    /// For a live stream: times and other things that the script keeps up to date are left to it,
    /// so that a region is the same as long as nothing happened.
    pub(crate) live: bool,
}

impl View {
    pub(crate) fn t(&self, key: &'static str) -> &'static str {
        self.lang.text(key)
    }

    pub(crate) fn f(&self, key: &'static str, values: &[(&str, &str)]) -> String {
        self.lang.fill(key, values)
    }

    /// A text with one number `{n}`; where it has two forms, the first is for one of a thing.
    pub(crate) fn n(&self, key: &'static str, number: u64) -> String {
        let text = self.f(key, &[("n", &format::count(number))]);
        match text.split_once(" | ") {
            Some((one, _)) if number == 1 => one.to_owned(),
            Some((_, many)) => many.to_owned(),
            None => text,
        }
    }

    /// [`View::n`] for the lengths that templates have.
    pub(crate) fn sized(&self, key: &'static str, number: &usize) -> String {
        self.n(key, *number as u64)
    }

    /// The word for an instance's status; the status itself when it is none we know.
    pub(crate) fn status_word(&self, status: &str) -> String {
        self.word("status.", status)
    }

    /// The word for a kind of event; the kind itself when it is none we know.
    pub(crate) fn event_word(&self, kind: &str) -> String {
        self.word("event.", kind)
    }

    /// The word for what a change did to a configuration.
    pub(crate) fn did_word(&self, did: &str) -> String {
        self.word("did.", did)
    }

    pub(crate) fn promise_word(&self, promise: &str) -> String {
        self.word("promise.", promise)
    }

    pub(crate) fn role_word(&self, role: Role) -> String {
        self.word("role.", role.as_str())
    }

    fn word(&self, family: &str, word: &str) -> String {
        self.lang.find(&format!("{family}{word}")).map_or_else(|| word.to_owned(), str::to_owned)
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// The mark of a state, for eyes only: a word stands beside it.
    pub(crate) fn mark(&self, mark: Mark) -> Html {
        let name = mark.as_str();
        Html(format!(
            "<svg class=\"mark {name}\" aria-hidden=\"true\"><use href=\"#s-{name}\"/></svg>"
        ))
    }

    /// A mark with its word.
    pub(crate) fn badge(&self, mark: Mark, word: &str) -> Html {
        let (name, icon) = (mark.as_str(), self.mark(mark));
        Html(format!("<span class=\"badge {name}\">{icon}{}</span>", escape(word)))
    }

    pub(crate) fn status_badge(&self, status: &str) -> Html {
        self.badge(Mark::of_status(status), &self.status_word(status))
    }

    pub(crate) fn event_mark(&self, kind: &str) -> Html {
        self.mark(Mark::of_event(kind))
    }

    /// A moment, relative to now, with the exact time on hover. The script keeps it right.
    pub(crate) fn ago(&self, at_ms: u64) -> Html {
        if self.live {
            return Html(format!("<time data-ms=\"{at_ms}\"></time>"));
        }
        let exact = format::utc(at_ms);
        let stamp = exact.replacen(' ', "T", 1).replace(" UTC", "Z");
        let text = self.relative(at_ms);
        Html(format!(
            "<time data-ms=\"{at_ms}\" datetime=\"{stamp}\" title=\"{exact}\">{text}</time>"
        ))
    }

    /// A moment as an exact text.
    pub(crate) fn exact(&self, at_ms: u64) -> String {
        format::utc(at_ms)
    }

    /// [`View::ago`] for what templates take out of an `Option`.
    pub(crate) fn when(&self, at_ms: &u64) -> Html {
        self.ago(*at_ms)
    }

    fn relative(&self, at_ms: u64) -> String {
        let (past, future) = (self.now_ms.saturating_sub(at_ms), at_ms.saturating_sub(self.now_ms));
        if past >= 1_000 {
            self.f("time.ago", &[("n", &self.span(past))])
        } else if future >= 1_000 {
            self.f("time.in", &[("n", &self.span(future))])
        } else {
            self.t("time.now").to_owned()
        }
    }

    /// A length of time in its largest unit.
    pub(crate) fn span(&self, ms: u64) -> String {
        let seconds = ms / 1_000;
        let (key, value) = match seconds {
            0..60 => ("time.s", seconds),
            60..3_600 => ("time.m", seconds / 60),
            3_600..86_400 => ("time.h", seconds / 3_600),
            _ => ("time.d", seconds / 86_400),
        };
        self.n(key, value)
    }

    /// The texts that the script needs, as JSON.
    pub(crate) fn script_words(&self) -> String {
        let word = |name: &str, key: &'static str| (name.to_owned(), self.t(key).into());
        let words = [
            word("s", "time.s"),
            word("m", "time.m"),
            word("h", "time.h"),
            word("d", "time.d"),
            word("ago", "time.ago"),
            word("in", "time.in"),
            word("now", "time.now"),
        ];
        serde_json::Value::Object(words.into_iter().collect()).to_string()
    }

    /// How much of a lease is left.
    pub(crate) fn lease(&self, ttl_ms: u64, expires_ms: u64) -> Html {
        let label = escape(self.t("instance.lease_left"));
        let head =
            format!("<progress max=\"{ttl_ms}\" data-ends=\"{expires_ms}\" aria-label=\"{label}\"");
        if self.live {
            return Html(format!("{head}></progress>"));
        }
        let left = expires_ms.saturating_sub(self.now_ms);
        Html(format!("{head} value=\"{left}\"></progress>"))
    }

    /// The hidden field that proves that a form is ours.
    pub(crate) fn csrf(&self) -> Html {
        let token = self.session.as_ref().map_or("", |session| session.csrf.reveal());
        Html(format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", escape(token)))
    }

    pub(crate) fn who(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.identity.name)
    }

    fn role(&self) -> Option<Role> {
        self.session.as_ref().map(|session| session.identity.role)
    }

    /// Whether to offer taking instances out of service. What happens is decided on the action.
    pub(crate) fn operates(&self) -> bool {
        matches!(self.role(), Some(Role::Admin | Role::Operator))
    }

    /// Whether what the reader may do is not told by a built-in role.
    pub(crate) fn is_member(&self) -> bool {
        self.role() == Some(Role::Member)
    }

    /// Whether to offer something. What happens is decided on the action.
    pub(crate) fn may(&self, app: &App, action: Action, resource: &Resource<'_>) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| app.context.security.allows(&session.identity, action, resource))
    }

    /// Whether to offer changing routes. What happens is decided on the action.
    pub(crate) fn administers(&self) -> bool {
        self.role() == Some(Role::Admin)
    }

    /// CSS class of an error figure.
    pub(crate) fn error_class(&self, traffic: &Traffic) -> &'static str {
        match error_mark(traffic) {
            Mark::Ok | Mark::Off => "",
            trouble => trouble.as_str(),
        }
    }

    pub(crate) fn count(&self, value: &usize) -> String {
        format::count(*value as u64)
    }

    pub(crate) fn rate(&self, value: &f64) -> String {
        format::rate(*value)
    }

    /// Milliseconds with their unit, or a dash when nothing was measured.
    pub(crate) fn latency(&self, value_ms: &f64) -> Html {
        if *value_ms <= 0.0 {
            return Html("<span class=\"faint\">–</span>".to_owned());
        }
        Html(format!("<span>{}<span class=\"unit\">ms</span></span>", format::millis(*value_ms)))
    }

    /// A text with some thirds of a number of minutes.
    pub(crate) fn minutes(&self, key: &'static str, minutes: &u64, thirds: u64) -> String {
        self.n(key, *minutes * thirds / 3)
    }

    pub(crate) fn percent(&self, part: &f64, all: &f64) -> String {
        format::percent(*part, *all)
    }
}

/// How the errors of a route or of calls look: a stray one is no news, one in a hundred is, and one
/// in twenty is an outage. With hardly any traffic a share says nothing.
pub(crate) fn error_mark(traffic: &Traffic) -> Mark {
    const RATE_MIN: f64 = 0.2;
    let share = if traffic.rate < RATE_MIN { 0.0 } else { traffic.error_rate / traffic.rate };
    match share {
        share if share >= 0.05 => Mark::Bad,
        share if share >= 0.01 => Mark::Warn,
        _ => Mark::Ok,
    }
}

/// Text made safe inside markup and attribute values.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
pub(crate) fn test_view(lang: Lang) -> View {
    View {
        lang,
        theme: Theme::System,
        here: "/".to_owned(),
        session: None,
        now_ms: 1_795_562_463_000,
        version: "0.0.0".to_owned(),
        live: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_with_the_exact_time_on_hover() {
        let view = test_view(Lang::En);
        let html = view.ago(view.now_ms - 65_000).0;
        assert!(
            html.contains(">1m ago<") && html.contains("title=\"2026-11-24 23:19:58 UTC\""),
            "{html}"
        );
        assert!(view.ago(view.now_ms + 5_000).0.contains(">in 5s<"));
        let live = View { live: true, ..view };
        assert_eq!(live.ago(7).0, "<time data-ms=\"7\"></time>", "the same at every moment");
    }

    #[test]
    fn one_thing_is_not_many() {
        let view = test_view(Lang::En);
        assert_eq!(view.n("services.count", 1), "1 service");
        assert_eq!(view.n("services.count", 1_000), "1,000 services");
        assert_eq!(test_view(Lang::Zh).n("services.count", 1), "共 1 个服务");
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let view = test_view(Lang::En);
        assert!(
            view.badge(Mark::Ok, "<script>'\"&")
                .0
                .ends_with("&lt;script&gt;&#39;&quot;&amp;</span>")
        );
    }

    #[test]
    fn without_a_session_nobody_may_do_anything() {
        let view = test_view(Lang::Zh);
        assert!(!view.operates() && !view.administers() && view.who().is_empty());
    }
}
