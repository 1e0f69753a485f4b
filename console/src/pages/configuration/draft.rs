//! What somebody is about to publish: the fields of the editor, kept through each step of its form.

use rialto_configuration::{
    ConfigKey, Content, Effective, Entry, Formal, Gray, Kind, Meta, Origin, Publish, PublishMeta,
    Refused, Rule, Target,
};
use serde::Deserialize;

use crate::limits::EDIT_BYTES_MAX;
use crate::view::View;

/// A digest that nothing has: what must not be there yet is compared with it.
const NOTHING: &str = "nothing";

/// The fields of the editor.
#[derive(Deserialize, Clone, Default)]
pub(super) struct Draft {
    pub(super) csrf: String,
    /// What to do next: `edit`, `preview` or `publish`.
    #[serde(default)]
    pub(super) step: String,
    #[serde(default)]
    pub(super) namespace: String,
    #[serde(default)]
    pub(super) group: String,
    #[serde(default)]
    pub(super) data_id: String,
    #[serde(default)]
    pub(super) content: String,
    #[serde(default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) tags: String,
    #[serde(default)]
    pub(super) app_name: String,
    #[serde(default)]
    pub(super) secret: Option<String>,
    /// Who sees a gray version: `beta` for addresses, or `tag`.
    #[serde(default)]
    pub(super) rule: String,
    /// The addresses or the tag.
    #[serde(default)]
    pub(super) expression: String,
    /// Digest of what was published when the editor was opened; empty for nothing.
    #[serde(default)]
    pub(super) base: String,
    /// When that was published; what is said about a configuration can change without its content.
    #[serde(default)]
    pub(super) seen_ms: u64,
}

/// The version that a draft is to replace.
pub(super) enum Before<'a> {
    Nothing,
    Formal(&'a Formal),
    Gray(&'a Gray),
}

impl<'a> Before<'a> {
    /// What is published now where the draft is to go.
    pub(super) fn of(entry: Option<&'a Entry>, gray: Option<&str>) -> Self {
        let found = match (entry, gray) {
            (Some(entry), None) => entry.formal.as_ref().map(Self::Formal),
            (Some(entry), Some(name)) => entry.gray(name).map(Self::Gray),
            (None, _) => None,
        };
        found.unwrap_or(Self::Nothing)
    }

    pub(super) fn effective(&self) -> Option<&'a Effective> {
        match self {
            Self::Nothing => None,
            Self::Formal(formal) => Some(&formal.effective),
            Self::Gray(gray) => Some(&gray.effective),
        }
    }

    pub(super) fn origin(&self) -> Option<&'a Origin> {
        match self {
            Self::Nothing => None,
            Self::Formal(formal) => Some(&formal.origin),
            Self::Gray(gray) => Some(&gray.origin),
        }
    }
}

impl Draft {
    /// An empty draft of a new configuration.
    pub(super) fn new(namespace: &str, group: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            group: group.to_owned(),
            kind: Kind::Yaml.as_str().to_owned(),
            ..Self::default()
        }
    }

    /// What is published now, to begin with.
    pub(super) fn of_formal(key: &ConfigKey, formal: &Formal) -> Self {
        let mut draft = Self { secret: formal.secret.then(|| "on".to_owned()), ..Self::at(key) };
        draft.take(&formal.effective);
        draft.description.clone_from(&formal.meta.desc);
        draft.tags.clone_from(&formal.meta.tags);
        draft.app_name.clone_from(&formal.meta.app_name);
        draft
    }

    /// A new gray version begins with what all see.
    pub(super) fn of_new_gray(key: &ConfigKey, entry: &Entry) -> Self {
        let mut draft = Self { rule: "beta".to_owned(), ..Self::at(key) };
        if let Some(formal) = &entry.formal {
            draft.take(&formal.effective);
        }
        Self { base: String::new(), seen_ms: 0, ..draft }
    }

    pub(super) fn of_gray(key: &ConfigKey, gray: &Gray) -> Self {
        let mut draft = Self {
            rule: gray.rule.kind().to_owned(),
            expression: gray.rule.expression().to_owned(),
            ..Self::at(key)
        };
        draft.take(&gray.effective);
        draft
    }

    fn at(key: &ConfigKey) -> Self {
        Self {
            namespace: key.namespace().to_owned(),
            group: key.group().to_owned(),
            data_id: key.data_id().to_owned(),
            ..Self::default()
        }
    }

    fn take(&mut self, effective: &Effective) {
        effective.content.text().clone_into(&mut self.content);
        effective.kind.as_str().clone_into(&mut self.kind);
        self.rebase(Some(effective));
    }

    /// Says that the reader has now seen what is published.
    pub(super) fn rebase(&mut self, effective: Option<&Effective>) {
        self.base = effective.map_or(String::new(), |one| one.content.md5_text().to_owned());
        self.seen_ms = effective.map_or(0, |one| one.modified_ms);
    }

    /// Whether what is published is still what the reader has seen.
    pub(super) fn is_current(&self, effective: Option<&Effective>) -> bool {
        let now = effective.map_or(("", 0), |one| (one.content.md5_text(), one.modified_ms));
        (self.base.as_str(), self.seen_ms) == now
    }

    /// The key that the fields name.
    pub(super) fn key(&self) -> Result<ConfigKey, Refused> {
        ConfigKey::new(self.namespace.trim(), self.group.trim(), self.data_id.trim())
    }

    /// Browsers send every end of a line as CR LF, whatever it was. What is published with LF, or
    /// not yet, is published with LF.
    pub(super) fn mend_line_ends(&mut self, before: Option<&Effective>) {
        let text = before.map_or("", |before| before.content.text());
        let keeps_cr = text.contains("\r\n") && !text.replace("\r\n", "").contains('\n');
        if !keeps_cr {
            self.content = self.content.replace("\r\n", "\n");
        }
    }

    /// What is wrong with the draft, in words, before anything is asked for.
    pub(super) fn problem(&self, view: &View, gray: bool) -> Option<String> {
        if self.content.trim().is_empty() {
            return Some(view.t("draft.problem_empty").to_owned());
        }
        if self.content.len() > EDIT_BYTES_MAX {
            let most = crate::format::bytes(EDIT_BYTES_MAX);
            return Some(view.f("draft.problem_large", &[("n", &most)]));
        }
        (gray && self.expression.trim().is_empty()).then(|| view.t("draft.problem_rule").to_owned())
    }

    /// A doubt that does not keep anybody from publishing.
    pub(super) fn doubt(&self, view: &View) -> Option<String> {
        if self.kind != Kind::Json.as_str() {
            return None;
        }
        let error = serde_json::from_str::<serde::de::IgnoredAny>(&self.content).err()?;
        Some(view.f("draft.doubt_json", &[("n", &error.to_string())]))
    }

    pub(super) fn is_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Who is to see a gray version.
    pub(super) fn target(&self) -> Target {
        let expression = self.expression.trim();
        match self.rule.as_str() {
            "tag" => Target::Tag(expression.to_owned()),
            _ => {
                let separators = |one: char| one == ',' || one.is_whitespace();
                let parts = expression.split(separators).filter(|part| !part.is_empty());
                Target::Beta { ips: parts.collect::<Vec<_>>().join(",") }
            }
        }
    }

    /// The name of the gray version that the draft is for.
    pub(super) fn gray_name(&self) -> String {
        match self.target() {
            Target::Formal => String::new(),
            Target::Beta { ips } => Rule::Beta { ips }.name(),
            Target::Tag(tag) => Rule::Tag { tag }.name(),
        }
    }

    /// The command, for all or for some. It changes nothing that the reader has not seen.
    pub(super) fn publish(
        &self,
        key: ConfigKey,
        entry: Option<&Entry>,
        gray: bool,
        origin: Origin,
    ) -> Publish {
        let formal = entry.and_then(|entry| entry.formal.as_ref());
        let meta = formal.map_or_else(Meta::default, |formal| formal.meta.clone());
        let said = |text: String| (!text.is_empty()).then_some(text);
        let content = Content::new(&self.content);
        let formals = entry.into_iter().filter_map(|one| one.formal.as_ref());
        let grays = entry.into_iter().flat_map(|one| &one.grays).map(|gray| &gray.effective);
        let mut published = formals.map(|formal| &formal.effective).chain(grays);
        // An encrypted text keeps the key that it came with.
        let same = published.find(|one| one.content.md5() == content.md5());
        let text = |text: &str| Some(text.trim().to_owned());
        let secret = match gray {
            true => entry.map(Entry::is_secret),
            false => Some(self.is_secret()),
        };
        Publish {
            key,
            content,
            target: if gray { self.target() } else { Target::Formal },
            cas: if self.base.is_empty() { NOTHING.to_owned() } else { self.base.clone() },
            kind: Some(Kind::parse(&self.kind)),
            meta: PublishMeta {
                app_name: text(&self.app_name).filter(|_| !gray),
                tags: text(&self.tags).filter(|_| !gray),
                desc: text(&self.description).filter(|_| !gray),
                used_for: said(meta.used_for),
                effect: said(meta.effect),
                schema: said(meta.schema),
            },
            encrypted_data_key: same
                .map_or(String::new(), |before| before.encrypted_data_key.to_string()),
            secret,
            origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn effective(text: &str) -> Effective {
        Effective {
            content: Content::new(text),
            kind: Kind::Yaml,
            encrypted_data_key: "".into(),
            modified_ms: 7,
            rule: None,
        }
    }

    #[test]
    fn ends_of_lines_are_as_they_were() {
        for (before, sent, kept) in [
            (None, "a\r\nb\r\n", "a\nb\n"),
            (Some("x\ny"), "a\r\nb", "a\nb"),
            (Some("x\r\ny\r\n"), "a\r\nb\r\n", "a\r\nb\r\n"),
            (Some("x\r\ny\n"), "a\r\nb", "a\nb"),
        ] {
            let mut draft = Draft { content: sent.to_owned(), ..Draft::default() };
            draft.mend_line_ends(before.map(effective).as_ref());
            assert_eq!(draft.content, kept, "{before:?}");
        }
    }

    #[test]
    fn a_draft_notices_what_changed_since() {
        let key = ConfigKey::new("", "G", "a").unwrap();
        let now = effective("a: 1");
        let formal = Formal {
            effective: Arc::new(now.clone()),
            meta: Meta::default(),
            created_ms: 1,
            origin: Origin::default(),
            secret: false,
        };
        let draft = Draft::of_formal(&key, &formal);
        assert!(draft.is_current(Some(&now)));
        assert!(!draft.is_current(None) && !draft.is_current(Some(&effective("a: 2"))));
        let described = Effective { modified_ms: 8, ..now };
        assert!(!draft.is_current(Some(&described)), "what is said about it changed");
        assert!(Draft::new("", "G").is_current(None));
    }

    #[test]
    fn what_is_new_replaces_nothing_unseen() {
        let key = ConfigKey::new("", "G", "a").unwrap();
        let draft = Draft { content: "a".to_owned(), ..Draft::new("", "G") };
        let publish = draft.publish(key, None, false, Origin::default());
        assert!(!publish.cas.is_empty(), "a blank one would replace what somebody else published");
    }

    #[test]
    fn addresses_come_in_any_separation() {
        let draft =
            Draft { expression: " 10.0.0.1\n10.0.0.2, 10.0.0.3 ".to_owned(), ..Draft::default() };
        assert_eq!(draft.target(), Target::Beta { ips: "10.0.0.1,10.0.0.2,10.0.0.3".to_owned() });
        assert_eq!(draft.gray_name(), "beta");
        let draft = Draft { rule: "tag".to_owned(), expression: "blue".to_owned(), ..draft };
        assert_eq!(draft.gray_name(), "tag_blue");
    }
}
