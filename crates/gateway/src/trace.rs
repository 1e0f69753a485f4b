//! Trace context (W3C) and request identifiers.

use rand::Rng;
use rialto_http1::{Fields, Kind};
use smallvec::SmallVec;

use crate::limits::NAME_HEADER_MAX_BYTES;

/// Where a request stands in its trace, in hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trace {
    pub(crate) id: [u8; 32],
    /// This gateway's part.
    pub(crate) span: [u8; 16],
    flags: [u8; 2],
}

/// A request's name in logs, answers and messages.
pub(crate) type RequestId = SmallVec<[u8; 40]>;

impl Trace {
    /// Goes on with the caller's trace, or begins one that is not sampled.
    pub(crate) fn of(fields: &Fields<'_, '_>, random: &mut impl Rng) -> Self {
        let span = hex(random.random_range(1..=u64::MAX));
        if let Some((id, flags)) = fields.first(Kind::TraceParent).and_then(parse) {
            return Self { id, span, flags };
        }
        let mut id = [0; 32];
        id[..16].copy_from_slice(&hex(random.random_range(1..=u64::MAX)));
        id[16..].copy_from_slice(&hex(random.random()));
        Self { id, span, flags: *b"00" }
    }

    /// Writes the `traceparent` line for the instance.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut line = *b"traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-00\r\n";
        line[16..48].copy_from_slice(&self.id);
        line[49..65].copy_from_slice(&self.span);
        line[66..68].copy_from_slice(&self.flags);
        out.extend_from_slice(&line);
    }
}

/// The trusted peer's identifier if it is a word, else the trace's.
pub(crate) fn request_id(fields: &Fields<'_, '_>, trusted: bool, trace: &Trace) -> RequestId {
    let given = if trusted { fields.first(Kind::RequestId) } else { None };
    match given.filter(|id| is_word(id)) {
        Some(id) => RequestId::from_slice(id),
        None => RequestId::from_slice(&trace.id),
    }
}

/// Printable, without anything that means something to a log or a shell.
pub(crate) fn is_word(text: &[u8]) -> bool {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/@+=".contains(byte);
    !text.is_empty() && text.len() <= NAME_HEADER_MAX_BYTES && text.iter().all(legal)
}

/// Trace identifier and flags of version 00, or of a later one that begins like it.
fn parse(value: &[u8]) -> Option<([u8; 32], [u8; 2])> {
    let lower = |part: &[u8]| part.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
    let nonzero = |part: &[u8]| part.iter().any(|byte| *byte != b'0');
    let (head, rest) = value.split_at_checked(55)?;
    let (version, id, parent, flags) = (&head[..2], &head[3..35], &head[36..52], &head[53..55]);
    let dashes = head[2] == b'-' && head[35] == b'-' && head[52] == b'-';
    let length = if version == b"00" { rest.is_empty() } else { rest.first() != Some(&b'0') };
    let digits = lower(version) && lower(id) && lower(parent) && lower(flags);
    if !dashes || !length || !digits || version == b"ff" || !nonzero(id) || !nonzero(parent) {
        return None;
    }
    Some((id.try_into().ok()?, flags.try_into().ok()?))
}

fn hex(number: u64) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 16];
    for (pair, byte) in text.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;
    use rialto_http1::Field;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn written(value: &str) -> String {
        let lines = [Field { name: "traceparent", value: value.as_bytes() }];
        let mut kinds = rialto_http1::kinds();
        let fields = Fields::classify(&lines, &mut kinds).unwrap();
        let mut out = Vec::new();
        Trace::of(&fields, &mut SmallRng::seed_from_u64(1)).write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_its_own() {
        let line = written(GIVEN);
        assert!(line.starts_with("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{line}");
        assert!(line.ends_with("-01\r\n") && !line.contains("00f067aa0ba902b7"), "{line}");
    }

    #[test]
    fn a_wrong_parent_begins_a_trace() {
        for wrong in [
            "",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            let line = written(wrong);
            assert!(!line.contains("0e0e4736") && line.ends_with("-00\r\n"), "{line}");
        }
    }

    #[test]
    fn identifiers_are_believed_from_trusted_peers_only() {
        let lines = [Field { name: "x-request-id", value: b"order-7" }];
        let mut kinds = rialto_http1::kinds();
        let fields = Fields::classify(&lines, &mut kinds).unwrap();
        let trace = Trace::of(&fields, &mut SmallRng::seed_from_u64(1));
        assert_eq!(&*request_id(&fields, true, &trace), b"order-7");
        assert_eq!(&*request_id(&fields, false, &trace), &trace.id);
        assert!(!is_word(b"a b") && !is_word(b"a\"b") && !is_word(&[b'a'; 129]));
    }
}
