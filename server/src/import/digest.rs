//! Digests by which what was carried is known again.

use md5::{Digest as _, Md5};
use serde::Serialize;

/// MD5 in hexadecimal: what Nacos calls a content by. It keeps no secret.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A digest of all fields of an item.
pub(super) fn of(item: &impl Serialize) -> String {
    // What is carried consists of texts, numbers and maps with texts for keys.
    md5_hex(&serde_json::to_vec(item).expect("items can be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_nacos() {
        assert_eq!(md5_hex(b"k: 1"), "91f4a7bb25cd3347fcc9821061b42d2a");
        assert_ne!(of(&("a", 1)), of(&("a", 2)));
    }
}
