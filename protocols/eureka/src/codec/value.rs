//! Values as lenient as Netflix's codec reads them: numbers as texts, texts as numbers, null as
//! absent. What is refused is refused because the real server does.

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// One JSON scalar as the text it would be in XML; `None` for null.
#[derive(Debug, Default)]
pub(super) struct Scalar(pub Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Scalars;
        impl Visitor<'_> for Scalars {
            type Value = Scalar;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, a number, a boolean or null")
            }
            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(Some(value.to_string())))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(Some(value.to_string())))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(Some(value.to_string())))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(Some(value.to_string())))
            }
            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(Some(value.to_owned())))
            }
            fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
                Ok(Scalar(Some(value)))
            }
        }
        from.deserialize_any(Scalars)
    }
}

/// A value of an unknown field: anything but an array, which the real server refuses.
#[derive(Debug)]
pub(super) struct Unknown;

impl<'de> Deserialize<'de> for Unknown {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Unknowns;
        impl<'de> Visitor<'de> for Unknowns {
            type Value = Unknown;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything but an array")
            }
            fn visit_unit<E>(self) -> Result<Unknown, E> {
                Ok(Unknown)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Unknown, E> {
                Ok(Unknown)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Unknown, E> {
                Ok(Unknown)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Unknown, E> {
                Ok(Unknown)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Unknown, E> {
                Ok(Unknown)
            }
            fn visit_str<E>(self, _: &str) -> Result<Unknown, E> {
                Ok(Unknown)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unknown, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Unknown)
            }
        }
        from.deserialize_any(Unknowns)
    }
}

/// A 32-bit number in a place where the real server makes 0 of every text that is none.
pub(super) fn lenient_i32(text: &str) -> i32 {
    text.trim().parse().unwrap_or(0)
}

/// A 64-bit number, likewise.
pub(super) fn lenient_i64(text: &str) -> i64 {
    text.trim().parse().unwrap_or(0)
}

/// Seconds of a lease: not positive means the default, no 32-bit number is refused.
pub(super) fn seconds(text: &str, default: u32) -> Result<u32, String> {
    match text.trim().parse::<i32>() {
        Ok(value) => Ok(u32::try_from(value).ok().filter(|value| *value > 0).unwrap_or(default)),
        Err(_) => Err(format!("`{text}` is no number of seconds")),
    }
}

/// Adds or replaces an entry, keeping the order of first appearance.
pub(super) fn put(
    entries: &mut Vec<(String, String)>,
    key: String,
    value: String,
) -> Result<(), String> {
    if let Some(entry) = entries.iter_mut().find(|(name, _)| *name == key) {
        entry.1 = value;
        return Ok(());
    }
    if entries.len() == crate::limits::METADATA_ENTRIES_MAX {
        return Err(format!("more than {} metadata entries", crate::limits::METADATA_ENTRIES_MAX));
    }
    entries.push((key, value));
    Ok(())
}

/// A serde error with our words.
pub(super) fn refuse<E: de::Error>(reason: impl std::fmt::Display) -> E {
    E::custom(reason)
}
