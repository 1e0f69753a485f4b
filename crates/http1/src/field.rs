//! Field lines and what each is to a proxy.

use std::mem::MaybeUninit;

use crate::limits::FIELDS_MAX;
use crate::refusal::Refusal;

/// One field line; the value has no surrounding white space.
pub type Field<'b> = httparse::Header<'b>;

/// Room for what is found out about a head, on the caller's stack.
#[derive(Debug)]
pub struct Slots<'b> {
    pub(crate) lines: [MaybeUninit<Field<'b>>; FIELDS_MAX],
    pub(crate) kinds: Kinds,
}

/// Room for the kinds of field lines.
pub type Kinds = [Kind; FIELDS_MAX];

/// Fresh [`Slots`].
#[must_use]
pub const fn slots<'b>() -> Slots<'b> {
    Slots { lines: [const { MaybeUninit::uninit() }; FIELDS_MAX], kinds: kinds() }
}

/// Fresh [`Kinds`].
#[must_use]
pub const fn kinds() -> Kinds {
    [Kind::Ordinary; FIELDS_MAX]
}

/// What a field is to a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Kind {
    /// Passed on as it is.
    #[default]
    Ordinary,
    /// `Host`.
    Host,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `Connection`.
    Connection,
    /// `Upgrade`.
    Upgrade,
    /// For this hop only, by its name or because `Connection` names it.
    HopByHop,
    /// `Expect`.
    Expect,
    /// `Authorization`.
    Authorization,
    /// `Forwarded`, `X-Forwarded-*`, `X-Real-IP`.
    Forwarded,
    /// `traceparent`.
    TraceParent,
    /// `X-Request-Id`.
    RequestId,
}

/// The fields of a head with their kinds, in the order received.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'s, 'b> {
    lines: &'s [Field<'b>],
    kinds: &'s [Kind],
    /// The head that the lines point into; empty when they come from elsewhere.
    head: &'b [u8],
}

impl<'s, 'b> Fields<'s, 'b> {
    /// Takes lines that some other parser checked, for a message that came by HTTP/2.
    ///
    /// # Errors
    /// [`Refusal::HeadTooLarge`] with too many lines, [`Refusal::FieldName`] as when parsing.
    pub fn classify(lines: &'s [Field<'b>], kinds: &'s mut Kinds) -> Result<Self, Refusal> {
        if lines.len() > FIELDS_MAX {
            return Err(Refusal::HeadTooLarge);
        }
        for (line, kind) in lines.iter().zip(&mut *kinds) {
            *kind = kind_of(line.name.as_bytes())?;
        }
        Ok(Self { lines, kinds, head: b"" })
    }

    pub(crate) fn new(lines: &'s [Field<'b>], kinds: &'s [Kind], head: &'b [u8]) -> Self {
        Self { lines, kinds, head }
    }

    /// No lines at all.
    #[must_use]
    pub fn empty() -> Self {
        Self { lines: &[], kinds: &[], head: b"" }
    }

    /// Writes the lines that `passes` lets through. Neighbours are copied together and as they
    /// came: a checked line has one reading, whatever white space is around its value.
    pub fn write(&self, out: &mut Vec<u8>, mut passes: impl FnMut(&Field<'b>, Kind) -> bool) {
        if self.head.is_empty() {
            for (line, kind) in self.iter() {
                if passes(line, kind) {
                    crate::write::field(out, line.name.as_bytes(), line.value);
                }
            }
            return;
        }
        let mut run = None;
        for (at, (line, kind)) in self.iter().enumerate() {
            if passes(line, kind) {
                run.get_or_insert(at);
            } else if let Some(first) = run.take() {
                self.copy(out, first, at);
            }
        }
        if let Some(first) = run {
            self.copy(out, first, self.lines.len());
        }
    }

    /// Copies the lines from `first` up to `end`.
    fn copy(&self, out: &mut Vec<u8>, first: usize, end: usize) {
        let begins = |at: usize| match self.lines.get(at) {
            Some(line) => (line.name.as_ptr() as usize).wrapping_sub(self.head.as_ptr() as usize),
            // Before the empty line.
            None => self.head.len().saturating_sub(2),
        };
        let lines = self.head.get(begins(first)..begins(end));
        out.extend_from_slice(lines.expect("a line lies in its head, before the next one"));
    }

    /// Every line with its kind.
    pub fn iter(&self) -> impl Iterator<Item = (&'s Field<'b>, Kind)> + '_ {
        self.lines.iter().zip(self.kinds.iter().copied())
    }

    /// The first value of `name`, whatever its kind.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'b [u8]> {
        self.lines.iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
    }

    /// The first value of a kind.
    #[must_use]
    pub fn first(&self, wanted: Kind) -> Option<&'b [u8]> {
        self.iter().find(|(_, kind)| *kind == wanted).map(|(line, _)| line.value)
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Marks every ordinary field that a `Connection` value names as hop-by-hop.
pub(crate) fn drop_named(lines: &[Field<'_>], kinds: &mut Kinds, connection: &[u8]) {
    for token in tokens(connection) {
        for (line, kind) in lines.iter().zip(&mut *kinds) {
            if line.name.as_bytes().eq_ignore_ascii_case(token) {
                *kind = match *kind {
                    Kind::Ordinary | Kind::RequestId | Kind::TraceParent => Kind::HopByHop,
                    known => known,
                };
            }
        }
    }
}

/// What `Connection` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Connection {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// Other fields are named; [`drop_named`] must run.
    pub(crate) names_others: bool,
}

impl Connection {
    pub(crate) fn add(&mut self, value: &[u8]) {
        for token in tokens(value) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                self.names_others = true;
            }
        }
    }
}

/// The comma-separated members of a value, trimmed, without empty ones.
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// The kind of a name. Servers that turn `_` into `-` (CGI, WSGI) must not be given a second
/// spelling of a field that this proxy decides by, so such a spelling is refused.
pub(crate) fn kind_of(name: &[u8]) -> Result<Kind, Refusal> {
    let kind = by_length(name);
    if kind != Kind::Ordinary && name.contains(&b'_') {
        return Err(Refusal::FieldName);
    }
    Ok(kind)
}

fn by_length(name: &[u8]) -> Kind {
    let table: &[(&[u8], Kind)] = match name.len() {
        2 => &[(b"te", Kind::HopByHop)],
        4 => &[(b"host", Kind::Host)],
        6 => &[(b"expect", Kind::Expect)],
        7 => &[(b"upgrade", Kind::Upgrade), (b"trailer", Kind::HopByHop)],
        9 => &[(b"forwarded", Kind::Forwarded), (b"x-real-ip", Kind::Forwarded)],
        10 => &[(b"connection", Kind::Connection), (b"keep-alive", Kind::HopByHop)],
        11 => &[(b"traceparent", Kind::TraceParent)],
        12 => &[(b"x-request-id", Kind::RequestId)],
        13 => &[(b"authorization", Kind::Authorization)],
        14 => &[(b"content-length", Kind::ContentLength), (b"http2-settings", Kind::HopByHop)],
        15 => &[(b"x-forwarded-for", Kind::Forwarded)],
        16 => &[
            (b"x-forwarded-host", Kind::Forwarded),
            (b"x-forwarded-port", Kind::Forwarded),
            (b"proxy-connection", Kind::HopByHop),
        ],
        17 => &[
            (b"transfer-encoding", Kind::TransferEncoding),
            (b"x-forwarded-proto", Kind::Forwarded),
        ],
        18 => &[(b"proxy-authenticate", Kind::HopByHop), (b"x-forwarded-prefix", Kind::Forwarded)],
        19 => &[(b"proxy-authorization", Kind::HopByHop)],
        21 => &[(b"x-application-context", Kind::HopByHop)],
        _ => return Kind::Ordinary,
    };
    table.iter().find(|(known, _)| same_name(name, known)).map_or(Kind::Ordinary, |found| found.1)
}

/// Equal without regard to case, and with `_` standing for `-`. `known` is in lower case.
fn same_name(name: &[u8], known: &[u8]) -> bool {
    name.len() == known.len()
        && name.iter().zip(known).all(|(ours, known)| {
            ours.to_ascii_lowercase() == *known || (*ours == b'_' && *known == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_without_regard_to_case() {
        for (name, kind) in [
            ("Host", Kind::Host),
            ("TE", Kind::HopByHop),
            ("content-LENGTH", Kind::ContentLength),
            ("Transfer-Encoding", Kind::TransferEncoding),
            ("X-Forwarded-Prefix", Kind::Forwarded),
            ("Traceparent", Kind::TraceParent),
            ("X-Application-Context", Kind::HopByHop),
            ("accept", Kind::Ordinary),
            ("hosts", Kind::Ordinary),
            ("user_agent", Kind::Ordinary),
        ] {
            assert_eq!(kind_of(name.as_bytes()), Ok(kind), "{name}");
        }
    }

    #[test]
    fn imitations_are_refused() {
        for name in ["Content_Length", "transfer_encoding", "X_Forwarded-For", "x_real_ip"] {
            assert_eq!(kind_of(name.as_bytes()), Err(Refusal::FieldName), "{name}");
        }
    }

    #[test]
    fn connection_tokens() {
        let mut connection = Connection::default();
        connection.add(b"Keep-Alive, Upgrade ,, x-secret");
        let expected =
            Connection { close: false, keep_alive: true, upgrade: true, names_others: true };
        assert_eq!(connection, expected);
    }

    #[test]
    fn named_fields_are_dropped_but_never_host() {
        let lines = [
            Field { name: "Host", value: b"a" },
            Field { name: "X-Secret", value: b"1" },
            Field { name: "Accept", value: b"*/*" },
        ];
        let mut kinds = kinds();
        Fields::classify(&lines, &mut kinds).unwrap();
        drop_named(&lines, &mut kinds, b"x-secret, host");
        assert_eq!(kinds[..3], [Kind::Host, Kind::HopByHop, Kind::Ordinary]);
    }
}
