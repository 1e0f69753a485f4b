//! Bodies as state machines over byte slices.

use std::ops::Range;

use crate::chunked::Chunked;
use crate::refusal::Refusal;

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// When the sender closes; responses only.
    UntilClose,
}

/// A body being received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    state: State,
}

/// What one slice of input held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the input that belong to this body; the rest is the next message's.
    pub consumed: usize,
    /// Where the body's own bytes now stand in the input.
    pub data: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Body {
    /// A body of which nothing has been received yet.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None => State::Length(0),
            Framing::Length(bytes) => State::Length(bytes),
            Framing::Chunked => State::Chunked(Chunked::default()),
            Framing::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    /// Whether all of it has been received. Never, when only the close ends it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match &self.state {
            State::Length(left) => *left == 0,
            State::Chunked(chunked) => chunked.is_done(),
            State::UntilClose => false,
        }
    }

    /// Whether the sender may close now without cutting the body short.
    #[must_use]
    pub fn may_end(&self) -> bool {
        matches!(self.state, State::UntilClose) || self.is_done()
    }

    /// Bytes still to come, when that is known.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match &self.state {
            State::Length(left) => Some(*left),
            State::Chunked(chunked) if chunked.is_done() => Some(0),
            _ => None,
        }
    }

    /// Takes the next bytes. The data of several chunks is moved together within `input`, so that
    /// it is one run; everything is consumed unless the body ends before.
    ///
    /// # Errors
    /// [`Refusal::Chunk`]; the state is not usable afterwards.
    pub fn decode(&mut self, input: &mut [u8]) -> Result<Piece, Refusal> {
        match &mut self.state {
            State::Length(left) => {
                let taken =
                    usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= taken as u64;
                Ok(Piece { consumed: taken, data: 0..taken })
            }
            State::Chunked(chunked) => chunked.decode(input),
            State::UntilClose => Ok(Piece { consumed: input.len(), data: 0..input.len() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_ends_where_it_says() {
        let mut body = Body::new(Framing::Length(5));
        assert_eq!(body.decode(&mut b"abc".to_vec()), Ok(Piece { consumed: 3, data: 0..3 }));
        assert!(!body.is_done() && body.left() == Some(2));
        assert_eq!(body.decode(&mut b"deGET".to_vec()), Ok(Piece { consumed: 2, data: 0..2 }));
        assert!(body.is_done() && body.may_end());
    }

    #[test]
    fn no_body_takes_nothing() {
        let mut body = Body::new(Framing::None);
        assert!(body.is_done());
        assert_eq!(body.decode(&mut b"GET".to_vec()), Ok(Piece { consumed: 0, data: 0..0 }));
    }

    #[test]
    fn until_close_takes_everything() {
        let mut body = Body::new(Framing::UntilClose);
        assert_eq!(body.decode(&mut b"abc".to_vec()), Ok(Piece { consumed: 3, data: 0..3 }));
        assert!(!body.is_done() && body.may_end() && body.left().is_none());
    }
}
