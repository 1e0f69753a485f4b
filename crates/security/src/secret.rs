//! Values that must not reach a log: they have no `Debug` and no `Display`, and are wiped when
//! dropped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Error;

/// A secret text. Reading it takes an explicit [`Secret::reveal`].
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// The administrator password made by a first start. Shown to a person once, stored only as a hash.
pub struct GeneratedPassword(pub(crate) Secret);

impl Secret {
    /// Takes a text out of circulation.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that must send or show it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Compares without telling by its duration where the first difference is.
    #[must_use]
    pub fn matches(&self, other: &str) -> bool {
        bool::from(self.0.as_bytes().ct_eq(other.as_bytes()))
    }

    /// 256 random bits in URL-safe base64.
    pub(crate) fn random() -> Result<Self, Error> {
        let bytes = Zeroizing::new(random_bytes::<32>()?);
        Ok(Self::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }
}

impl GeneratedPassword {
    /// The password, to be printed once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_secrets_are_256_bits_and_differ() {
        let (one, two) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.decode(one.reveal()).unwrap().len(), 32);
        assert!(!one.matches(two.reveal()) && one.matches(one.reveal()));
        assert!(!one.matches("") && !one.matches(&one.reveal()[1..]));
    }
}
