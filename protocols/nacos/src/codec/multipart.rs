//! `multipart/form-data`, read strictly: the import of configurations is the only call that sends
//! it. Everything is borrowed from the body, which has its own limit.

use std::fmt;

use crate::limits::{MULTIPART_HEAD_BYTES_MAX, MULTIPART_PARTS_MAX};

/// One part of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The field's name.
    pub name: &'a str,
    /// Of an uploaded file.
    pub file_name: Option<&'a str>,
    /// What it holds.
    pub content: &'a [u8],
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Part { name, file_name, content } = self;
        write!(f, "Part({name:?}, file {file_name:?}, {} bytes)", content.len())
    }
}

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The content type names no boundary, or one that is too long.
    #[error("the Content-Type names no usable boundary; send multipart/form-data")]
    Boundary,
    /// The body does not consist of parts between boundaries.
    #[error("the multipart body is broken: {0}")]
    Broken(&'static str),
    /// More than [`MULTIPART_PARTS_MAX`].
    #[error("the multipart body has more than {MULTIPART_PARTS_MAX} parts; send fewer")]
    TooMany,
}

/// Longest boundary of RFC 2046.
const BOUNDARY_BYTES_MAX: usize = 70;

/// The boundary that a content type names.
///
/// # Errors
/// [`MultipartError::Boundary`]
pub fn boundary(content_type: &str) -> Result<&str, MultipartError> {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return Err(MultipartError::Boundary);
    }
    let named = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    });
    named.filter(|it| (1..=BOUNDARY_BYTES_MAX).contains(&it.len())).ok_or(MultipartError::Boundary)
}

/// Splits a body into its parts.
///
/// # Errors
/// [`MultipartError`] for anything but whole parts up to the closing boundary.
pub fn read<'a>(boundary: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, MultipartError> {
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let broken = MultipartError::Broken;
    let mut rest = body
        .strip_prefix(opening.as_bytes())
        .ok_or(broken("it does not begin with the boundary"))?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        if parts.len() == MULTIPART_PARTS_MAX {
            return Err(MultipartError::TooMany);
        }
        rest = rest.strip_prefix(b"\r\n").ok_or(broken("a boundary is followed by text"))?;
        let window = &rest[..rest.len().min(MULTIPART_HEAD_BYTES_MAX)];
        let head_end = find(window, b"\r\n\r\n").ok_or(broken("a part's headers do not end"))?;
        let (name, file_name) = disposition(&rest[..head_end])?;
        let after = &rest[head_end + 4..];
        let end = find(after, delimiter.as_bytes()).ok_or(broken("the last part does not end"))?;
        parts.push(Part { name, file_name, content: &after[..end] });
        rest = &after[end + delimiter.len()..];
    }
}

type Disposition<'a> = (&'a str, Option<&'a str>);

fn disposition(head: &[u8]) -> Result<Disposition<'_>, MultipartError> {
    let broken = MultipartError::Broken;
    let head = std::str::from_utf8(head).map_err(|_| broken("a part's headers are no text"))?;
    let value = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or(broken("a part has no Content-Disposition"))?;
    let parameter = |wanted: &str| {
        value.split(';').filter_map(|it| it.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
        })
    };
    let name = parameter("name").ok_or(broken("a part has no name"))?;
    Ok((name, parameter("filename")))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

/// Reads arbitrary bytes as a body whose boundary is `x`.
pub fn fuzz(data: &[u8]) {
    if let Ok(parts) = read("x", data) {
        assert!(parts.len() <= MULTIPART_PARTS_MAX);
        assert!(parts.iter().all(|part| part.content.len() < data.len()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] =
        b"--x\r\nContent-Disposition: form-data; name=\"policy\"\r\n\r\nSKIP\r\n--x\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\
        Content-Type: application/zip\r\n\r\nPK\r\n-- not a boundary\r\n--x--\r\n";

    #[test]
    fn parts_are_read_with_their_names() {
        let parts = read("x", BODY).expect("a body");
        let policy = Part { name: "policy", file_name: None, content: b"SKIP" };
        let content = b"PK\r\n-- not a boundary";
        let file = Part { name: "file", file_name: Some("a.zip"), content };
        assert_eq!(parts, [policy, file]);
    }

    #[test]
    fn boundaries_come_from_the_content_type() {
        assert_eq!(boundary("multipart/form-data; boundary=\"a b\""), Ok("a b"));
        assert_eq!(boundary("Multipart/Form-Data;charset=x;Boundary=ab"), Ok("ab"));
        for refused in
            ["multipart/form-data", "text/plain; boundary=a", "", "multipart/form-data; boundary="]
        {
            assert_eq!(boundary(refused), Err(MultipartError::Boundary), "{refused}");
        }
        let long = format!("multipart/form-data; boundary={}", "a".repeat(71));
        assert_eq!(boundary(&long), Err(MultipartError::Boundary));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for end in 0..BODY.len() - 4 {
            assert!(read("x", &BODY[..end]).is_err(), "cut at {end}");
        }
        let named = b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--";
        assert_eq!(read("x", named), Err(MultipartError::Broken("a part has no name")));
    }

    #[test]
    fn the_limits_hold() {
        let part = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n";
        let most = format!("{}--x--", part.repeat(MULTIPART_PARTS_MAX));
        assert_eq!(read("x", most.as_bytes()).map(|it| it.len()), Ok(MULTIPART_PARTS_MAX));
        assert_eq!(read("x", format!("{part}{most}").as_bytes()), Err(MultipartError::TooMany));
        let padding = "p".repeat(MULTIPART_HEAD_BYTES_MAX);
        let long = format!("--x\r\nX: {padding}\r\n\r\nv\r\n--x--");
        assert!(read("x", long.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            fuzz(&data);
        }
    }
}
