//! What is published: the text, its digest and its type.

use std::fmt;

use bytes::Bytes;
use md5::{Digest, Md5 as Hasher};

/// An MD5 digest. Clients compare it to know whether they have what is published.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Md5(pub [u8; 16]);

/// A text with its digest, computed once. Never shown by `Debug`: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Bytes,
    md5: Md5,
    hex: [u8; 32],
}

/// What a text is written in. Clients choose a parser by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Kind {
    /// Java properties.
    Properties,
    /// XML.
    Xml,
    /// JSON.
    Json,
    /// Plain text, and whatever is not one of the others.
    #[default]
    Text,
    /// HTML.
    Html,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// Not said on purpose.
    Unset,
}

// === impl Md5 ===

impl Md5 {
    /// The digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hasher::digest(bytes).into())
    }

    /// As 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(self) -> [u8; 32] {
        let mut hex = [0; 32];
        hex::encode_to_slice(self.0, &mut hex).expect("two digits for each byte");
        hex
    }

    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 16];
        hex::decode_to_slice(text, &mut digest).ok()?;
        Some(Self(digest))
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(text_of(&self.hex()))
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl Content ===

impl Content {
    /// Keeps a copy of a text, so that it holds no larger buffer.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let md5 = Md5::of(&bytes);
        Self { bytes, md5, hex: md5.hex() }
    }

    /// Bytes of a text that was stored; `None` when they are not UTF-8.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().map(Self::new)
    }

    /// The text, shared.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        text_of(&self.bytes)
    }

    /// Its digest.
    #[must_use]
    pub const fn md5(&self) -> Md5 {
        self.md5
    }

    /// Its digest as clients write it, computed once.
    #[must_use]
    pub fn md5_text(&self) -> &str {
        text_of(&self.hex)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.bytes.len())
    }
}

// === impl Kind ===

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Properties,
        Self::Xml,
        Self::Json,
        Self::Text,
        Self::Html,
        Self::Yaml,
        Self::Toml,
        Self::Unset,
    ];

    /// As clients write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Properties => "properties",
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Text => "text",
            Self::Html => "html",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Unset => "unset",
        }
    }

    /// Reads a type; whatever is unknown is text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).unwrap_or_default()
    }
}

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("made of a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_clients_compute() {
        let content = Content::new("a: 1");
        assert_eq!(content.md5_text(), "270f9e65a80226eccd82c99cdd0dd2fb");
        assert_eq!(content.md5().to_string(), content.md5_text());
        assert_eq!(Md5::parse(content.md5_text()), Some(content.md5()));
        assert_eq!(Md5::parse("27"), None);
        assert_eq!(Md5::parse(""), None);
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(format!("{:?}", Content::new("secret")), "Content(6 bytes)");
    }

    #[test]
    fn unknown_kinds_are_text() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), kind);
        }
        assert_eq!(Kind::parse("nope"), Kind::Text);
        assert_eq!(Kind::parse(""), Kind::Text);
    }
}
