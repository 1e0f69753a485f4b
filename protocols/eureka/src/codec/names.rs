//! Metadata keys as XML element names (XStream's friendly names): `_` is written `__`, `$` is
//! written `_-`, and a character that no name may hold at its place `_.` and four hex digits.

use std::borrow::Cow;

/// The element name of a metadata key.
#[must_use]
pub fn encode_name(key: &str) -> Cow<'_, str> {
    let plain = |(at, byte): (usize, u8)| {
        byte.is_ascii_alphabetic()
            || (at > 0 && (byte.is_ascii_digit() || byte == b'-' || byte == b'.'))
    };
    if !key.is_empty() && key.bytes().enumerate().all(plain) {
        return Cow::Borrowed(key);
    }
    let mut name = String::with_capacity(key.len() + 8);
    for (at, character) in key.char_indices() {
        match character {
            '_' => name.push_str("__"),
            '$' => name.push_str("_-"),
            _ if begins_name(character) || (at > 0 && continues_name(character)) => {
                name.push(character);
            }
            _ => {
                // Like Java, in UTF-16 units: a character beyond them takes two escapes.
                for unit in character.encode_utf16(&mut [0; 2]) {
                    name.push_str(&format!("_.{unit:04x}"));
                }
            }
        }
    }
    if name.is_empty() {
        // No element can be nameless; a lone escape is what no key encodes to.
        name.push_str("_.");
    }
    Cow::Owned(name)
}

/// The metadata key of an element name.
#[must_use]
pub fn decode_name(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut units = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(character) = rest.chars().next() {
        let (unit, taken) = escape(rest).unwrap_or((None, 0));
        if taken > 0 {
            units.extend(unit);
            rest = &rest[taken..];
        } else {
            units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
            rest = &rest[character.len_utf8()..];
        }
    }
    Cow::Owned(String::from_utf16_lossy(&units))
}

/// What an escape at the beginning of `text` stands for, and its length.
fn escape(text: &str) -> Option<(Option<u16>, usize)> {
    if text == "_." {
        return Some((None, 2));
    }
    if text.starts_with("__") {
        return Some((Some(u16::from(b'_')), 2));
    }
    if text.starts_with("_-") {
        return Some((Some(u16::from(b'$')), 2));
    }
    let digits = text.strip_prefix("_.")?.get(..4)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some((Some(u16::from_str_radix(digits, 16).ok()?), 6))
}

fn begins_name(character: char) -> bool {
    matches!(character,
        'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
        | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}')
}

fn continues_name(character: char) -> bool {
    begins_name(character)
        || matches!(character,
            '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_become_names() {
        for (key, name) in [
            ("zone", "zone"),
            ("e.f", "e.f"),
            ("a_b", "a__b"),
            ("c$d", "c_-d"),
            ("with space", "with_.0020space"),
            ("9num", "_.0039num"),
            ("a:b", "a_.003ab"),
            ("", "_."),
            ("𝄞", "_.d834_.dd1e"),
        ] {
            assert_eq!(encode_name(key), name);
            assert_eq!(decode_name(name), key);
        }
    }

    #[test]
    fn a_broken_escape_is_text() {
        assert_eq!(decode_name("a_.12"), "a_.12");
        assert_eq!(decode_name("a_.12é4"), "a_.12é4");
    }

    proptest! {
        #[test]
        fn every_key_comes_back(key in ".*") {
            let name = encode_name(&key);
            prop_assert_eq!(decode_name(&name), key.as_str());
        }
    }
}
