//! The console's words, in each language, from the files in `messages/`.
//!
//! A line is `key = text`; `{name}` is filled in. Tests make sure that every language has every key
//! with the same places to fill in, and that every key is used.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    En,
    Zh,
}

static EN: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| parse(include_str!("../messages/en.txt")));
static ZH: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| parse(include_str!("../messages/zh-CN.txt")));

impl Lang {
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The tag for `lang` attributes and the cookie.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.tag() == tag)
    }

    /// The best language for an `Accept-Language` header; English when none fits.
    pub(crate) fn accepted(header: &str) -> Self {
        let mut best = (0.0, Self::En);
        for range in header.split(',').take(16) {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let quality = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1.0, |value| value.parse::<f32>().unwrap_or(0.0));
            let lang = match tag.split('-').next() {
                Some("zh") => Self::Zh,
                Some("en") => Self::En,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, lang);
            }
        }
        best.1
    }

    /// The text of a key; the key itself when it is missing, which a test rules out.
    pub(crate) fn text(self, key: &'static str) -> &'static str {
        self.find(key).unwrap_or(key)
    }

    /// The text of a key that is only known when running, such as the kind of an event.
    pub(crate) fn find(self, key: &str) -> Option<&'static str> {
        let table = match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        };
        table.get(key).copied()
    }

    /// The text of a key with its places filled in.
    pub(crate) fn fill(self, key: &'static str, values: &[(&str, &str)]) -> String {
        let mut text = self.text(key).to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }
}

fn parse(file: &'static str) -> HashMap<&'static str, &'static str> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, text)| (key.trim(), text.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_keys_and_places() {
        let keys = |table: &HashMap<&'static str, &'static str>| -> BTreeSet<&'static str> {
            table.keys().copied().collect()
        };
        assert_eq!(keys(&EN), keys(&ZH));
        for (key, text) in EN.iter() {
            assert_eq!(places(text), places(ZH[key]), "{key}");
            assert!(!text.is_empty() && !ZH[key].is_empty(), "{key}");
        }
    }

    #[test]
    fn no_line_is_lost() {
        for (file, table) in [
            (include_str!("../messages/en.txt"), &EN),
            (include_str!("../messages/zh-CN.txt"), &ZH),
        ] {
            let lines = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            assert_eq!(lines.count(), table.len(), "a key is there twice, or a line has no ' = '");
        }
    }

    fn sources(dir: &Path, into: &mut String) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, into);
            } else {
                into.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }

    #[test]
    fn every_key_is_used_and_every_used_key_exists() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        sources(&here.join("src"), &mut text);
        sources(&here.join("templates"), &mut text);
        // Families whose last word comes from data: statuses, kinds of event, roles, notices.
        let families = ["status.", "event.", "role.", "notice.", "promise.", "did."];
        for key in EN.keys() {
            let used = text.contains(&format!("\"{key}\""));
            assert!(used || families.iter().any(|family| key.starts_with(family)), "{key}");
        }
        for call in ["v.t(\"", "v.f(\"", ".text(\"", ".fill(\""] {
            for rest in text.split(call).skip(1) {
                let key = rest.split('"').next().unwrap();
                assert!(EN.contains_key(key) || key == "no.such", "{key} is used and has no text");
            }
        }
    }

    #[test]
    fn the_browsers_language_is_chosen() {
        for (header, lang) in [
            ("", Lang::En),
            ("de", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-US,en;q=0.9,zh;q=0.8", Lang::En),
            ("fr, zh-Hant;q=0.5, en;q=0.1", Lang::Zh),
            ("zh;q=x", Lang::En),
        ] {
            assert_eq!(Lang::accepted(header), lang, "{header}");
        }
    }

    #[test]
    fn places_are_filled_in_and_a_missing_key_shows_itself() {
        assert_eq!(Lang::En.fill("time.ago", &[("n", "3s")]), "3s ago");
        assert_eq!(Lang::Zh.text("no.such"), "no.such");
    }
}
