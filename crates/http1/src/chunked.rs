//! The chunked coding, received strictly.

use crate::body::Piece;
use crate::limits::{CHUNK_EXTENSION_MAX_BYTES, CHUNK_SIZE_MAX_DIGITS, TRAILERS_MAX_BYTES};
use crate::refusal::Refusal;

/// Where in a chunked body the next byte stands. Trailers are checked and dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chunked {
    at: At,
    /// The chunk's size while its line is read, then what is left of it.
    left: u64,
    digits: u8,
    extension_bytes: u16,
    trailer_bytes: u16,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
    Done,
}

impl Chunked {
    pub(crate) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    pub(crate) fn decode(&mut self, input: &mut [u8]) -> Result<Piece, Refusal> {
        let mut position = 0;
        let mut data = 0..0;
        while position < input.len() && self.at != At::Done {
            if self.at == At::Data {
                let available = (input.len() - position) as u64;
                let run = usize::try_from(self.left.min(available)).unwrap_or(usize::MAX);
                if data.is_empty() {
                    data = position..position + run;
                } else {
                    input.copy_within(position..position + run, data.end);
                    data.end += run;
                }
                position += run;
                self.left -= run as u64;
                if self.left == 0 {
                    self.at = At::DataCr;
                }
            } else {
                self.step(input[position])?;
                position += 1;
            }
        }
        Ok(Piece { consumed: position, data })
    }

    fn step(&mut self, byte: u8) -> Result<(), Refusal> {
        self.at = match (self.at, byte) {
            (At::Size, b'\r') if self.digits > 0 => At::SizeLf,
            (At::Size, b';') if self.digits > 0 => At::Extension,
            (At::Size, _) => return self.digit(byte),
            (At::Extension, b'\r') => At::SizeLf,
            (At::Extension, _) => {
                self.extension_bytes += 1;
                if self.extension_bytes > CHUNK_EXTENSION_MAX_BYTES || !is_text(byte) {
                    return Err(Refusal::Chunk);
                }
                At::Extension
            }
            (At::SizeLf, b'\n') => {
                self.digits = 0;
                self.extension_bytes = 0;
                if self.left == 0 { At::TrailerStart } else { At::Data }
            }
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size,
            (At::TrailerStart, b'\r') => At::LastLf,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerStart | At::Trailer, _) => {
                self.trailer_bytes += 1;
                let folded = self.at == At::TrailerStart && matches!(byte, b' ' | b'\t');
                if self.trailer_bytes > TRAILERS_MAX_BYTES || folded || !is_text(byte) {
                    return Err(Refusal::Chunk);
                }
                At::Trailer
            }
            (At::TrailerLf, b'\n') => At::TrailerStart,
            (At::LastLf, b'\n') => At::Done,
            _ => return Err(Refusal::Chunk),
        };
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<(), Refusal> {
        let value = char::from(byte).to_digit(16).ok_or(Refusal::Chunk)?;
        if self.digits == CHUNK_SIZE_MAX_DIGITS {
            return Err(Refusal::Chunk);
        }
        self.digits += 1;
        self.left = self.left * 16 + u64::from(value);
        Ok(())
    }
}

/// Bytes that a field value or an extension may hold.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode_all(input: &[u8], cut: usize) -> Result<(Vec<u8>, usize, bool), Refusal> {
        let mut chunked = Chunked::default();
        let mut body = Vec::new();
        let mut consumed = 0;
        for part in input.chunks(cut.max(1)) {
            let mut part = part.to_vec();
            let piece = chunked.decode(&mut part)?;
            body.extend_from_slice(&part[piece.data]);
            consumed += piece.consumed;
        }
        Ok((body, consumed, chunked.is_done()))
    }

    #[test]
    fn chunks_extensions_and_trailers() {
        let input = b"5;a=\"b\"\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\nGET";
        for cut in 1..input.len() {
            let (body, consumed, done) = decode_all(input, cut).unwrap();
            assert_eq!((body.as_slice(), done), (&b"hello world"[..], true));
            assert_eq!(consumed, input.len() - 3);
        }
    }

    #[test]
    fn what_other_readers_read_differently_is_refused() {
        for bad in [
            &b"+5\r\nhello\r\n"[..],
            b"-5\r\n",
            b"0x5\r\nhello\r\n",
            b"5 \r\nhello\r\n",
            b" 5\r\nhello\r\n",
            b"5\nhello\r\n",
            b"5\r\nhello\n",
            b"5\r\nhelloX",
            b"5\rX",
            b"\r\n",
            b";a\r\n",
            b"5;a\nb\r\n",
            b"5;a\0b\r\n",
            b"1000000000000000\r\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\n A: b\r\n\r\n",
            b"0\r\n\rX",
        ] {
            assert_eq!(decode_all(bad, 64), Err(Refusal::Chunk), "{:?}", bad.escape_ascii());
        }
    }

    #[test]
    fn extensions_are_limited() {
        let line = |bytes: usize| format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(bytes));
        let limit = usize::from(CHUNK_EXTENSION_MAX_BYTES);
        assert!(decode_all(line(limit).as_bytes(), 1_000).is_ok());
        assert_eq!(decode_all(line(limit + 1).as_bytes(), 1_000), Err(Refusal::Chunk));
    }

    #[test]
    fn trailers_are_limited() {
        let trailer = |bytes: usize| format!("0\r\n{}\r\n\r\n", "x".repeat(bytes));
        let limit = usize::from(TRAILERS_MAX_BYTES);
        assert!(decode_all(trailer(limit).as_bytes(), 1_000).is_ok());
        assert_eq!(decode_all(trailer(limit + 1).as_bytes(), 1_000), Err(Refusal::Chunk));
    }

    #[test]
    fn sizes_are_limited() {
        let digits = usize::from(CHUNK_SIZE_MAX_DIGITS);
        assert!(decode_all(format!("{}\r\n", "f".repeat(digits)).as_bytes(), 99).is_ok());
        let longer = format!("{}1\r\n", "0".repeat(digits));
        assert_eq!(decode_all(longer.as_bytes(), 99), Err(Refusal::Chunk));
    }

    proptest! {
        #[test]
        fn round_trip(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..8),
            cut in 1usize..60,
        ) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                crate::write::chunk(&mut coded, chunk);
            }
            crate::write::last_chunk(&mut coded);
            let (body, consumed, done) = decode_all(&coded, cut).unwrap();
            prop_assert!(done);
            prop_assert_eq!(consumed, coded.len());
            prop_assert_eq!(body, chunks.concat());
        }

        #[test]
        fn cutting_changes_nothing(input in prop::collection::vec(
            prop::sample::select(b"0159af;=\r\n x\0+".to_vec()), 0..80), cut in 1usize..20) {
            prop_assert_eq!(decode_all(&input, cut), decode_all(&input, 1_000));
        }
    }
}
