//! Entry points for fuzzing: each takes any bytes, must not panic, and asserts what must hold.

use crate::body::{Body, Framing};
use crate::field::{Kind, slots};
use crate::request::parse_request;
use crate::response::parse_response;
use crate::target::{SlashPolicy, normalise};

/// A request head.
///
/// # Panics
/// When an accepted head breaks a promise.
pub fn request(data: &[u8]) {
    let mut slots = slots();
    if let Ok(Some((request, used))) = parse_request(data, &mut slots) {
        assert!(used <= data.len() && data[..used].ends_with(b"\r\n\r\n"));
        assert!(request.minor == 0 || !request.host.is_empty());
        assert!(request.framing != Framing::UntilClose);
        let mut copied = Vec::new();
        request.fields.write(&mut copied, |_, kind| kind == Kind::Ordinary);
        assert!(copied.is_empty() || copied.ends_with(b"\r\n"));
        let mut path = Vec::new();
        if normalise(request.target.path, SlashPolicy::Reject, &mut path).is_ok() {
            let target = request.target;
            assert!(!target.plain || path == target.path.as_bytes());
        }
    }
}

/// A response head, the first byte choosing the request's method.
///
/// # Panics
/// When an accepted head breaks a promise.
pub fn response(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let mut slots = slots();
    if let Ok(Some((response, used))) = parse_response(data, first & 1 == 1, &mut slots) {
        assert!(used <= data.len() && (100..1_000).contains(&response.status));
        assert!(first & 1 == 0 || response.framing == Framing::None);
    }
}

/// A chunked body, the first byte saying where to cut it: the cut must not matter.
///
/// # Panics
/// When two cuts give two bodies.
pub fn chunked(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let cut = usize::from(*first).max(1);
    assert_eq!(decode(data, cut), decode(data, data.len().max(1)));
}

fn decode(data: &[u8], cut: usize) -> Option<(Vec<u8>, bool)> {
    let mut body = Body::new(Framing::Chunked);
    let mut decoded = Vec::new();
    for part in data.chunks(cut) {
        let mut part = part.to_vec();
        let piece = body.decode(&mut part).ok()?;
        decoded.extend_from_slice(&part[piece.data]);
    }
    Some((decoded, body.is_done()))
}
