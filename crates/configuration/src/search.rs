//! Finding configurations by what they are called and what is in them.

use std::sync::Arc;

use crate::content::Kind;
use crate::entry::{Entry, Formal};

/// What is looked for. Only what all see is found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// The namespace; blank is the public one.
    pub namespace: String,
    /// The dataId.
    pub data_id: Text,
    /// The group.
    pub group: Text,
    /// The application's name.
    pub app_name: Text,
    /// The content. Secrets are not found by it unless `into_secrets` is set.
    pub content: Text,
    /// All of these tags.
    pub tags: Vec<String>,
    /// One of these types; none means any.
    pub kinds: Vec<Kind>,
    /// Whether secrets are found by their content: only for whoever may read them.
    pub into_secrets: bool,
}

/// How a text is compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Text {
    /// Not at all.
    #[default]
    Any,
    /// It is this.
    Exact(String),
    /// It is this, where each `*` stands for anything.
    Blur(String),
}

/// A part of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// How many were found.
    pub total: usize,
    /// From one.
    pub page_no: usize,
    /// How many fit on a page.
    pub page_size: usize,
    /// Those on this page.
    pub items: Vec<T>,
}

impl Search {
    /// Whether a configuration is looked for, if it is in the right namespace.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        let Some(formal) = &entry.formal else { return false };
        self.data_id.matches(entry.key.data_id())
            && self.group.matches(entry.key.group())
            && self.app_name.matches(&formal.meta.app_name)
            && (self.kinds.is_empty() || self.kinds.contains(&formal.effective.kind))
            && self.tags.iter().all(|tag| formal.meta.tags.split(',').any(|one| one.trim() == tag))
            && self.finds_content(formal)
    }

    fn finds_content(&self, formal: &Formal) -> bool {
        match &self.content {
            Text::Any => true,
            _ if formal.secret && !self.into_secrets => false,
            text => text.matches(formal.effective.content.text()),
        }
    }
}

impl Text {
    /// Exactly this; blank is anything.
    #[must_use]
    pub fn accurate(text: &str) -> Self {
        if text.trim().is_empty() { Self::Any } else { Self::Exact(text.to_owned()) }
    }

    /// This with `*` for anything; blank is anything.
    #[must_use]
    pub fn blur(text: &str) -> Self {
        if text.trim().is_empty() { Self::Any } else { Self::Blur(text.to_owned()) }
    }

    /// This anywhere in the text, with `*` for anything; blank is anything.
    #[must_use]
    pub fn within(text: &str) -> Self {
        if text.trim().is_empty() { Self::Any } else { Self::Blur(format!("*{text}*")) }
    }

    /// Whether a text is meant.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == text,
            Self::Blur(pattern) => blur_matches(pattern, text),
        }
    }
}

impl<T> Page<T> {
    /// How many pages there are.
    #[must_use]
    pub const fn pages(&self) -> usize {
        self.total.div_ceil(if self.page_size == 0 { 1 } else { self.page_size })
    }
}

impl Page<Arc<Entry>> {
    /// Takes one page of what was found. Pages are counted from one, sizes are within 1 and
    /// [`PAGE_SIZE_MAX`](crate::limits::PAGE_SIZE_MAX).
    #[must_use]
    pub fn of(found: Vec<Arc<Entry>>, page_no: usize, page_size: usize) -> Self {
        let page_size = page_size.clamp(1, crate::limits::PAGE_SIZE_MAX);
        let (page_no, total) = (page_no.max(1), found.len());
        let skipped = (page_no - 1).saturating_mul(page_size);
        let items = found.into_iter().skip(skipped).take(page_size).collect();
        Self { total, page_no, page_size, items }
    }
}

/// Each piece between stars is taken where it comes first: linear in the text.
fn blur_matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, meant) in [
            ("a*", "a.yaml", true),
            ("*", "", true),
            ("**", "x", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c2b", false),
            ("*yaml", "a.yaml", true),
            ("*am*", "a.yaml", true),
            ("a", "ab", false),
            ("a", "a", true),
            ("é*", "éa", true),
        ] {
            assert_eq!(Text::blur(pattern).matches(text), meant, "{pattern} {text}");
        }
        assert!(Text::within("b").matches("abc"));
        assert!(Text::accurate(" ").matches("anything"));
        assert!(!Text::accurate("a*").matches("ab"));
    }

    #[test]
    fn pages_are_counted_from_one_and_have_a_limit() {
        let page = Page::of(Vec::new(), 0, 0);
        assert_eq!((page.page_no, page.page_size, page.pages()), (1, 1, 0));
        assert_eq!(Page::of(Vec::new(), usize::MAX, usize::MAX).page_size, 500);
    }
}
