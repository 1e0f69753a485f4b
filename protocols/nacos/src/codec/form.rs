//! Parameters of a call from its query and its form body, in one list.
//!
//! Always UTF-8, whatever charset the request names: the Node client announces GBK and sends
//! UTF-8. Text that needs no decoding is borrowed, so that a registration or a beat allocates for
//! its metadata at most.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::limits::{FORM_NAME_BYTES_MAX, FORM_PARAMETERS_MAX};

/// Parameters kept in place; a registration has about ten.
const IN_PLACE: usize = 12;

/// The parameters of one call, in the order in which they came: those of the query first.
#[derive(Debug, Default)]
pub struct Form<'a> {
    pairs: SmallVec<[(Cow<'a, str>, Cow<'a, str>); IN_PLACE]>,
}

/// Why parameters cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`FORM_PARAMETERS_MAX`].
    #[error("the call has more than {FORM_PARAMETERS_MAX} parameters; send fewer")]
    TooMany,
    /// A name longer than [`FORM_NAME_BYTES_MAX`].
    #[error("a parameter's name is longer than {FORM_NAME_BYTES_MAX} bytes; shorten it")]
    NameTooLong,
    /// Bytes that are no UTF-8: storing something else in their place would damage the content.
    #[error("a parameter is not UTF-8 text; encode it as UTF-8, whatever charset is announced")]
    NotText,
}

impl<'a> Form<'a> {
    /// Reads the query and, when there is one, a form body.
    ///
    /// # Errors
    /// [`FormError`] for what has no place in a list of parameters.
    pub fn read(query: Option<&'a str>, body: Option<&'a [u8]>) -> Result<Self, FormError> {
        let mut form = Form::default();
        form.add(query.unwrap_or_default().as_bytes())?;
        form.add(body.unwrap_or_default())?;
        Ok(form)
    }

    /// The first value under a name; the query wins over the body. May be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// The first value under a name that is not blank.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.trim().is_empty())
    }

    /// Every parameter in its order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    fn add(&mut self, text: &'a [u8]) -> Result<(), FormError> {
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let middle = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match middle {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            if name.len() > FORM_NAME_BYTES_MAX {
                return Err(FormError::NameTooLong);
            }
            if self.pairs.len() == FORM_PARAMETERS_MAX {
                return Err(FormError::TooMany);
            }
            self.pairs.push((decode(name)?, decode(value)?));
        }
        Ok(())
    }
}

/// Decodes `+` and `%XX`; an escape that is none stays as it is, as browsers' decoders have it.
///
/// # Errors
/// [`FormError::NotText`] when the result is no UTF-8.
pub fn decode(text: &[u8]) -> Result<Cow<'_, str>, FormError> {
    let Some(first) = text.iter().position(|byte| matches!(byte, b'%' | b'+')) else {
        return std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| FormError::NotText);
    };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => match escaped(after) {
                Some(value) => {
                    out.push(value);
                    rest = &after[2..];
                }
                None => out.push(b'%'),
            },
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| FormError::NotText)
}

/// Appends text as Java's `URLEncoder` writes it.
pub fn encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(DIGITS[usize::from(byte >> 4)]));
                out.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

fn escaped(after: &[u8]) -> Option<u8> {
    let [high, low, ..] = *after else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(high)? * 16 + digit(low)?;
    u8::try_from(value).ok()
}

/// Reads arbitrary bytes as a form, and what was read once more after writing it.
pub fn fuzz(data: &[u8]) {
    let half = data.len() / 2;
    let query = std::str::from_utf8(&data[..half]).ok();
    let Ok(form) = Form::read(query, Some(&data[half..])) else { return };
    for (name, value) in form.iter() {
        assert!(name.len() <= FORM_NAME_BYTES_MAX);
        let mut written = String::new();
        encode(value, &mut written);
        let again = decode(written.as_bytes()).expect("what is encoded can be decoded");
        assert_eq!(again, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_query_comes_first_and_every_value_is_decoded() {
        let body = b"b=2&ip=10.0.0.2&metadata=%7B%22k%22%3A%22%E4%B8%AD%22%7D&bare&=x&plus=a+b";
        let form = Form::read(Some("ip=10.0.0.1&empty=&a%3Db=1"), Some(body)).expect("a form");
        assert_eq!(form.get("ip"), Some("10.0.0.1"));
        assert_eq!(form.get("b"), Some("2"));
        assert_eq!(form.get("metadata"), Some("{\"k\":\"中\"}"));
        assert_eq!(form.get("empty"), Some(""));
        assert_eq!(form.filled("empty"), None);
        assert_eq!(form.get("a=b"), Some("1"));
        assert_eq!(form.get("bare"), Some(""));
        assert_eq!(form.get("plus"), Some("a b"));
        assert_eq!(form.get("none"), None);
    }

    #[test]
    fn what_needs_no_decoding_is_borrowed() {
        assert!(matches!(decode(b"10.0.0.1"), Ok(Cow::Borrowed("10.0.0.1"))));
        assert!(matches!(decode("中".as_bytes()), Ok(Cow::Borrowed("中"))));
    }

    #[test]
    fn broken_escapes_stay_and_broken_text_is_refused() {
        assert_eq!(decode(b"100%").as_deref(), Ok("100%"));
        assert_eq!(decode(b"%zz%4").as_deref(), Ok("%zz%4"));
        assert_eq!(decode(b"%ff"), Err(FormError::NotText));
        assert_eq!(decode(b"\xd6\xd0"), Err(FormError::NotText), "GBK bytes are no text");
    }

    #[test]
    fn the_limits_hold() {
        let many = "a=1&".repeat(FORM_PARAMETERS_MAX);
        assert!(Form::read(Some(&many), None).is_ok());
        let refused = Form::read(Some(&many), Some(b"a=1")).map(|_| ());
        assert_eq!(refused, Err(FormError::TooMany));
        let long = "a".repeat(FORM_NAME_BYTES_MAX);
        assert!(Form::read(Some(&long), None).is_ok());
        let refused = Form::read(Some(&format!("{long}a=1")), None).map(|_| ());
        assert_eq!(refused, Err(FormError::NameTooLong));
    }

    proptest! {
        #[test]
        fn any_text_survives(text in ".*") {
            let mut written = String::new();
            encode(&text, &mut written);
            prop_assert_eq!(decode(written.as_bytes()).expect("text"), text);
        }

        #[test]
        fn never_panics(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            fuzz(&data);
        }
    }
}
