//! What a request offers to prove who sent it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::Secret;
use crate::limits::AUTHORIZATION_BYTES_MAX;

/// Taken from an `Authorization` header. Has no `Debug`: it holds secrets.
pub enum Credentials {
    /// User and password.
    Basic {
        /// Who they say they are.
        user: String,
        /// The proof.
        password: Secret,
    },
    /// A token.
    Bearer(Secret),
}

/// Reads an `Authorization` header's value. `None` when it is neither Basic nor Bearer, or broken.
#[must_use]
pub fn parse_authorization(header: &str) -> Option<Credentials> {
    if header.len() > AUTHORIZATION_BYTES_MAX {
        return None;
    }
    let (scheme, value) = header.trim().split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let well_formed = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
        return well_formed.then(|| Credentials::Bearer(Secret::new(value.to_owned())));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(value).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Credentials::Basic { user: user.to_owned(), password: Secret::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Option<(String, String)> {
        parse_authorization(header).map(|credentials| match credentials {
            Credentials::Basic { user, password } => (user, password.reveal().to_owned()),
            Credentials::Bearer(token) => ("token".to_owned(), token.reveal().to_owned()),
        })
    }

    #[test]
    fn reads_both_schemes_and_nothing_else() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(read("Basic YWRtaW46YTpi"), pair("admin", "a:b"));
        assert_eq!(read("bEARER  rialto_x"), pair("token", "rialto_x"));
        let broken = [
            "",
            "Basic",
            "Basic ",
            "Basic !!",
            "Basic YWRtaW4=",
            "Basic /w==",
            "Bearer ",
            "Bearer a b",
            "Digest x",
            "Bearer \u{e9}",
        ];
        for header in broken {
            assert_eq!(read(header), None, "{header:?}");
        }
        let long = format!("Bearer {}", "x".repeat(AUTHORIZATION_BYTES_MAX));
        assert_eq!(read(&long), None);
    }
}
