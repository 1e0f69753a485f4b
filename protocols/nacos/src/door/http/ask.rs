//! One call as a handler sees it: parameters by name, headers that mean something, and the answers
//! in the look of the route's generation.

use std::net::SocketAddr;
use std::str::FromStr;

use bytes::Bytes;
use rialto_door::http::{Answer, Body, Call, Reply};
use rialto_security::Identity;
use serde::Serialize;

use super::refusal::{Refusal, Wrapped, json};
use super::style::{JSON, JSON_UTF8, Style, TEXT};
use super::table::Route;
use crate::codec::form::Form;
use crate::limits::PAGE_SIZE_MAX;

/// One call.
pub(super) struct Ask<'a> {
    pub(super) route: &'static Route,
    pub(super) call: &'a Call<'a>,
    pub(super) form: Form<'a>,
    /// What stood for each `*` of the route.
    pub(super) segments: Vec<String>,
    /// Who calls.
    pub(super) who: Identity,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageAsked {
    /// From 1.
    pub(super) number: usize,
    pub(super) size: usize,
}

impl PageAsked {
    /// At most [`PAGE_SIZE_MAX`] items; both numbers are above 0.
    fn new(number: i64, size: i64) -> Self {
        let whole = |it: i64| usize::try_from(it).unwrap_or(usize::MAX).max(1);
        PageAsked { number: whole(number), size: whole(size).min(PAGE_SIZE_MAX) }
    }

    /// The part of a list that is on the page.
    pub(super) fn of<'t, T>(&self, all: &'t [T]) -> &'t [T] {
        let from = (self.number - 1).saturating_mul(self.size).min(all.len());
        let to = from.saturating_add(self.size).min(all.len());
        &all[from..to]
    }
}

/// A page of a list, as answers have it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    pub(super) total_count: usize,
    pub(super) page_number: usize,
    pub(super) pages_available: usize,
    pub(super) page_items: Vec<T>,
}

impl<T> Page<T> {
    /// A page whose items were chosen already.
    pub(super) fn new(asked: PageAsked, total: usize, items: Vec<T>) -> Self {
        Page {
            total_count: total,
            page_number: asked.number,
            pages_available: total.div_ceil(asked.size),
            page_items: items,
        }
    }
}

impl Ask<'_> {
    pub(super) fn style(&self) -> Style {
        self.route.style
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.call.origin.peer
    }

    /// What stood for a `*` of the route.
    pub(super) fn segment(&self, number: usize) -> Option<&str> {
        self.segments.get(number).map(String::as_str)
    }

    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.call.header(name)
    }

    /// A parameter that may be missing; blank counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.form.filled(name)
    }

    /// A parameter that may be missing, under the first of several names.
    pub(super) fn any(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// A parameter that must be there; blank counts as missing.
    pub(super) fn need(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::Missing(name))
    }

    /// A number that may be missing.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Refusal::Argument(format!("For input string: \"{}\"", start(text)))),
        }
    }

    /// A truth value that may be missing, in any of Java's words.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let text = self.get(name)?;
        let yes = ["true", "on", "yes", "y", "t", "1"];
        Some(yes.iter().any(|it| it.eq_ignore_ascii_case(text)))
    }

    /// Which page is asked for.
    ///
    /// # Errors
    /// When a number is none, or below 1.
    pub(super) fn page(&self, size: usize) -> Result<PageAsked, Refusal> {
        let number = self.number::<i64>("pageNo")?.unwrap_or(1);
        let size = self.number::<i64>("pageSize")?.unwrap_or(size as i64);
        if number < 1 || size < 1 {
            let text = "Required parameter 'pageNo' and 'pageSize' should be positive";
            return Err(Refusal::Argument(text.to_owned()));
        }
        Ok(PageAsked::new(number, size))
    }

    /// `ok`
    pub(super) fn done(&self) -> Reply {
        match self.style() {
            Style::V1 | Style::V1Config => Answer::text(200, TEXT, "ok").into(),
            Style::V2 | Style::V3 => {
                Answer::text(200, JSON, r#"{"code":0,"message":"success","data":"ok"}"#).into()
            }
        }
    }

    /// Whether something was done.
    pub(super) fn truth(&self, truth: bool) -> Answer {
        truth_in(self.style(), truth)
    }

    /// A value: naked in v1, wrapped in later generations.
    pub(super) fn data(&self, data: &impl Serialize) -> Answer {
        data_in(self.style(), data)
    }

    /// A value that v1 wraps in its own way, with `message` absent.
    pub(super) fn rest(&self, data: &impl Serialize) -> Answer {
        match self.style() {
            Style::V1 | Style::V1Config => rest_in(self.style(), None, data),
            Style::V2 | Style::V3 => self.data(data),
        }
    }

    /// A value that is JSON already.
    pub(super) fn rendered(&self, data: Bytes) -> Answer {
        match self.style() {
            Style::V1 | Style::V1Config => {
                Answer::new(200, self.style().json(), Body::Shared(data))
            }
            Style::V2 | Style::V3 => {
                const BEFORE: &[u8] = br#"{"code":0,"message":"success","data":"#;
                let mut body = Vec::with_capacity(BEFORE.len() + data.len() + 1);
                body.extend_from_slice(BEFORE);
                body.extend_from_slice(&data);
                body.push(b'}');
                Answer::owned(200, JSON, body)
            }
        }
    }
}

/// Whether something was done, for answers that come later.
pub(super) fn truth_in(style: Style, truth: bool) -> Answer {
    match (style, truth) {
        (Style::V1 | Style::V1Config, true) => Answer::text(200, style.json(), "true"),
        (Style::V1 | Style::V1Config, false) => Answer::text(200, style.json(), "false"),
        (_, truth) => data_in(style, &truth),
    }
}

/// A value, for answers that come later.
pub(super) fn data_in(style: Style, data: &impl Serialize) -> Answer {
    let body = match style {
        Style::V1 | Style::V1Config => json(data),
        Style::V2 | Style::V3 => json(&Wrapped { code: 0, message: "success", data: Some(data) }),
    };
    Answer::owned(200, style.json(), body)
}

/// v1's wrapper around some of its answers.
pub(super) fn rest_in(style: Style, message: Option<&str>, data: &impl Serialize) -> Answer {
    #[derive(Serialize)]
    struct Rest<'a, T> {
        code: u16,
        message: Option<&'a str>,
        data: T,
    }
    let typed = if style == Style::V1Config { JSON_UTF8 } else { JSON };
    Answer::owned(200, typed, json(&Rest { code: 200, message, data }))
}

/// The beginning of a text that a client sent, for sentences.
pub(super) fn start(text: &str) -> &str {
    const SHOWN_BYTES: usize = 64;
    let end = (0..=SHOWN_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_parts_of_a_limited_size() {
        let all: Vec<usize> = (0..25).collect();
        assert_eq!(PageAsked::new(3, 10).of(&all), [20, 21, 22, 23, 24]);
        assert!(PageAsked::new(4, 10).of(&all).is_empty());
        assert!(PageAsked::new(i64::MAX, i64::MAX).of(&all).is_empty());
        assert_eq!(PageAsked::new(1, i64::MAX).size, PAGE_SIZE_MAX);
        let page = Page::new(PageAsked::new(3, 10), all.len(), vec![20]);
        assert_eq!((page.total_count, page.pages_available), (25, 3));
    }

    #[test]
    fn only_the_start_of_a_text_is_repeated() {
        assert_eq!(start("short"), "short");
        let long = "ä".repeat(100);
        assert_eq!(start(&long).len(), 64);
        assert_eq!(start(&format!("x{long}")).len(), 63, "cut between characters");
    }
}
