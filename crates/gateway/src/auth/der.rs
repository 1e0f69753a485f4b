//! The little of DER and PEM that a public key needs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// The bytes of the key in a PEM file of either usual kind: the inside of a SubjectPublicKeyInfo
/// (`PUBLIC KEY`), or an `RSA PUBLIC KEY` as it is.
pub(super) fn public_key(pem: &str) -> Option<Vec<u8>> {
    let begin = pem.find("-----BEGIN ")?;
    let (label, rest) = pem[begin + 11..].split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let text: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(text).ok()?;
    match label {
        "PUBLIC KEY" => subject_public_key(&der).map(<[u8]>::to_vec),
        "RSA PUBLIC KEY" => Some(der),
        _ => None,
    }
}

fn subject_public_key(der: &[u8]) -> Option<&[u8]> {
    let (outer, rest) = element(der, SEQUENCE)?;
    let (_algorithm, bits) = element(outer, SEQUENCE)?;
    let (bits, after) = element(bits, BIT_STRING)?;
    let (unused, key) = bits.split_first()?;
    (rest.is_empty() && after.is_empty() && *unused == 0).then_some(key)
}

/// Content of the first element, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 | 0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if *first != tag {
        return None;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p256_key() {
        let pem = "-----BEGIN PUBLIC KEY-----\n\
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n\
            q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n\
            -----END PUBLIC KEY-----\n";
        let key = public_key(pem).unwrap();
        assert_eq!((key.len(), key[0]), (65, 4));
    }

    #[test]
    fn anything_else_is_no_key() {
        for text in [
            "",
            "secret",
            "-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----",
            "-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----",
        ] {
            assert_eq!(public_key(text), None, "{text}");
        }
    }
}
