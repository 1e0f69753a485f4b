//! Request targets: their form, and the one reading of a path.

use crate::refusal::Refusal;

/// Path and query of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'b> {
    /// Begins with `/`, or is what the client wrote with CONNECT and `OPTIONS *`.
    pub path: &'b str,
    /// What follows the first `?`.
    pub query: Option<&'b str>,
    /// The path has one reading as it stands. Otherwise use [`normalise`] before matching.
    pub plain: bool,
}

/// What becomes of `%2F` and `%5C` in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlashPolicy {
    /// Refused: a server behind may take them for separators, after the route was chosen.
    #[default]
    Reject,
    /// Passed on encoded, and matched as ordinary characters.
    Keep,
}

impl<'b> Target<'b> {
    /// Splits and inspects an origin-form target.
    ///
    /// # Errors
    /// [`Refusal::Target`] when it does not begin with `/`, or holds bytes no target may have.
    pub fn parse(target: &'b str) -> Result<Self, Refusal> {
        if !target.starts_with('/') {
            return Err(Refusal::Target);
        }
        let mut plain = true;
        let mut end = target.len();
        let mut previous = 0;
        for (at, byte) in target.bytes().enumerate() {
            match CLASSES[usize::from(byte)] {
                Class::Ordinary => {}
                Class::Special => match byte {
                    b'?' => {
                        end = at;
                        break;
                    }
                    b'/' if previous != b'/' => {}
                    b'.' if previous != b'/' => {}
                    _ => plain = false,
                },
                Class::Illegal => return Err(Refusal::Target),
            }
            previous = byte;
        }
        let query = target.get(end + 1..);
        if query.is_some_and(|query| query.bytes().any(is_illegal_in_query)) {
            return Err(Refusal::Target);
        }
        Ok(Self { path: &target[..end], query, plain })
    }
}

/// Writes the one reading of `path` to `out`: escapes of unreserved characters decoded, the others
/// in upper case, runs of `/` merged.
///
/// # Errors
/// [`Refusal::Traversal`] for dot segments (also encoded), backslashes, `%00` and other control
/// bytes, and encoded separators under [`SlashPolicy::Reject`]; [`Refusal::Target`] for a broken
/// escape.
pub fn normalise(path: &str, policy: SlashPolicy, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let begin = out.len();
    let bytes = path.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        match byte {
            b'/' if out.len() > begin && out.last() == Some(&b'/') => {}
            b'\\' => return Err(Refusal::Traversal),
            b'%' => {
                let escape = bytes.get(at..at + 2).ok_or(Refusal::Target)?;
                at += 2;
                let decoded = hex(escape[0])? * 16 + hex(escape[1])?;
                match decoded {
                    0..=0x1f | 0x7f => return Err(Refusal::Traversal),
                    b'/' | b'\\' if policy == SlashPolicy::Reject => {
                        return Err(Refusal::Traversal);
                    }
                    _ if is_unreserved(decoded) => out.push(decoded),
                    _ => out.extend([
                        b'%',
                        escape[0].to_ascii_uppercase(),
                        escape[1].to_ascii_uppercase(),
                    ]),
                }
            }
            _ => out.push(byte),
        }
    }
    let dots = |segment: &[u8]| segment == b"." || segment == b"..";
    // A path parameter does not hide a dot segment: some servers cut it off before they climb.
    let name = |segment: &[u8]| segment.split(|byte| *byte == b';').next().is_some_and(dots);
    if out[begin..].split(|byte| *byte == b'/').any(name) {
        return Err(Refusal::Traversal);
    }
    Ok(())
}

/// The authority of an absolute-form target, and its path and query.
pub(crate) fn split_absolute<'b>(
    method: &str,
    target: &'b str,
) -> Result<(Option<&'b str>, Target<'b>), Refusal> {
    let verbatim = Target { path: target, query: None, plain: true };
    if target.starts_with('/') {
        return Ok((None, Target::parse(target)?));
    }
    if method == "CONNECT" || (method == "OPTIONS" && target == "*") {
        return Ok((None, verbatim));
    }
    let (scheme, rest) = target.split_once("://").ok_or(Refusal::Target)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(Refusal::Target);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match path.as_bytes().first() {
        Some(b'/') => Ok((Some(authority), Target::parse(path)?)),
        None => Ok((Some(authority), Target { path: "/", query: None, plain: true })),
        // `http://host?query` has an empty path; nobody needs it, and readers differ.
        Some(_) => Err(Refusal::Target),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Ordinary,
    Special,
    Illegal,
}

const CLASSES: [Class; 256] = {
    let mut table = [Class::Illegal; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = match byte {
            b'/' | b'.' | b'%' | b'?' | b'\\' | b';' => Class::Special,
            b'#' => Class::Illegal,
            _ => Class::Ordinary,
        };
        byte += 1;
    }
    table
};

fn is_illegal_in_query(byte: u8) -> bool {
    !(b'!'..=b'~').contains(&byte) || byte == b'#'
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(digit: u8) -> Result<u8, Refusal> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Refusal::Target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(path: &str, policy: SlashPolicy) -> Result<String, Refusal> {
        let target = Target::parse(path)?;
        let mut out = Vec::new();
        normalise(target.path, policy, &mut out)?;
        assert!(!target.plain || out == target.path.as_bytes(), "{path} is not plain");
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn one_reading() {
        for (path, expected) in [
            ("/", "/"),
            ("/a/b.c?x=../..", "/a/b.c"),
            ("/%61%2d%7e", "/a-~"),
            ("/a//b///c/", "/a/b/c/"),
            ("/%e4%bd%a0", "/%E4%BD%A0"),
            ("/a%20b;c=d", "/a%20b;c=d"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a/...", "/a/..."),
        ] {
            assert_eq!(read(path, SlashPolicy::Reject).unwrap(), expected, "{path}");
        }
        assert_eq!(read("/a%2fb%5C", SlashPolicy::Keep).unwrap(), "/a%2Fb%5C");
    }

    #[test]
    fn climbing_is_refused() {
        for path in [
            "/..",
            "/../x",
            "/a/..",
            "/a/./b",
            "/.",
            "/%2e%2e/x",
            "/.%2E",
            "/a/%2e",
            "/a\\..\\b",
            "/a%2fb",
            "/a%5Cb",
            "/%00",
            "/a%0d%0a",
            "/%7f",
            "/..;/x",
            "/a/..;x=y/b",
            "//..",
        ] {
            assert_eq!(read(path, SlashPolicy::Reject).unwrap_err(), Refusal::Traversal, "{path}");
        }
    }

    #[test]
    fn broken_targets_are_refused() {
        for path in ["", "a", "/%", "/%4", "/%zz", "/a#b", "/a?b#c", "/a b", "/ä", "/a?ä"] {
            assert_eq!(read(path, SlashPolicy::Reject).unwrap_err(), Refusal::Target, "{path}");
        }
    }

    #[test]
    fn absolute_forms() {
        let (authority, target) = split_absolute("GET", "HTTP://a:1/b?c").unwrap();
        assert_eq!((authority, target.path, target.query), (Some("a:1"), "/b", Some("c")));
        assert_eq!(split_absolute("GET", "http://a").unwrap().1.path, "/");
        assert_eq!(split_absolute("OPTIONS", "*").unwrap().1.path, "*");
        assert_eq!(split_absolute("CONNECT", "a:1").unwrap().1.path, "a:1");
        for bad in ["*", "ftp://a/", "a:1", "http://a?b"] {
            assert_eq!(split_absolute("GET", bad).unwrap_err(), Refusal::Target, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reading_twice_changes_nothing(path in "/[a-c./%25;]{0,24}") {
            if let Ok(once) = read(&path, SlashPolicy::Keep) {
                prop_assert_eq!(read(&once, SlashPolicy::Keep), Ok(once));
            }
        }
    }
}
