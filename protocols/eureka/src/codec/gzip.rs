//! Gzip put together from pieces: each piece is deflated alone and ends on a byte, so a change
//! deflates one piece again and the rest is copied.

use std::io::Read;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status, bufread::GzDecoder};

use super::Refused;

/// How hard to compress: at 6 listings shrink to a twentieth, and more takes far longer.
const LEVEL: u32 = 6;
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// A last block that holds nothing.
const END: [u8; 2] = [0x03, 0x00];
/// Most bytes of one stored block.
const STORED_BYTES_MAX: usize = 65_535;

/// A piece of a gzip member.
#[derive(Debug, Clone)]
pub struct Piece {
    deflated: Bytes,
    checksum: crc32fast::Hasher,
    bytes: usize,
}

impl Piece {
    /// Deflates `text`.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let mut deflated = Vec::with_capacity(text.len() / 8 + 64);
        let mut compress = Compress::new(Compression::new(LEVEL), false);
        loop {
            let taken = usize::try_from(compress.total_in()).unwrap_or(text.len());
            let status = compress.compress_vec(&text[taken..], &mut deflated, FlushCompress::Full);
            let all = compress.total_in() == text.len() as u64;
            // Room left over means that the flush is complete.
            let done = all && deflated.len() < deflated.capacity();
            if done || !matches!(status, Ok(Status::Ok | Status::BufError)) {
                break;
            }
            deflated.reserve(deflated.capacity().max(1_024));
        }
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(text);
        Piece { deflated: deflated.into(), checksum, bytes: text.len() }
    }
}

/// A gzip member being put together.
#[derive(Debug)]
pub struct Member {
    out: Vec<u8>,
    checksum: crc32fast::Hasher,
    bytes: usize,
}

impl Default for Member {
    fn default() -> Self {
        Self { out: HEADER.to_vec(), checksum: crc32fast::Hasher::new(), bytes: 0 }
    }
}

impl Member {
    /// Adds a short text as it is.
    pub fn store(&mut self, text: &[u8]) {
        for part in text.chunks(STORED_BYTES_MAX) {
            let length = u16::try_from(part.len()).expect("parts are cut to fit");
            self.out.push(0);
            self.out.extend_from_slice(&length.to_le_bytes());
            self.out.extend_from_slice(&(!length).to_le_bytes());
            self.out.extend_from_slice(part);
        }
        self.checksum.update(text);
        self.bytes += text.len();
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: &Piece) {
        self.out.extend_from_slice(&piece.deflated);
        self.checksum.combine(&piece.checksum);
        self.bytes += piece.bytes;
    }

    /// Ends the member.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        self.out.extend_from_slice(&END);
        self.out.extend_from_slice(&self.checksum.finalize().to_le_bytes());
        // The size is kept modulo 2^32 by definition.
        self.out.extend_from_slice(&(self.bytes as u64 as u32).to_le_bytes());
        self.out.into()
    }
}

/// Inflates a request body, to at most `bytes_max`.
///
/// # Errors
/// When it is no gzip or becomes larger.
pub fn inflate(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::new();
    let mut from = GzDecoder::new(body).take(bytes_max as u64 + 1);
    from.read_to_end(&mut out).map_err(|error| Refused::new(error.to_string()))?;
    if out.len() > bytes_max {
        return Err(Refused::new(format!("it inflates to more than {bytes_max} bytes")));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_make_one_member(parts in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(any::<u8>(), 0..2_000)), 0..6)) {
            let mut member = Member::default();
            let mut whole = Vec::new();
            for (stored, part) in &parts {
                if *stored { member.store(part) } else { member.push(&Piece::new(part)) }
                whole.extend_from_slice(part);
            }
            prop_assert_eq!(inflate(&member.finish(), whole.len()).unwrap(), whole);
        }
    }

    #[test]
    fn large_pieces_survive() {
        let text: Vec<u8> = (0..300_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let mut member = Member::default();
        member.store(&text[..STORED_BYTES_MAX + 1]);
        member.push(&Piece::new(&text[STORED_BYTES_MAX + 1..]));
        let packed = member.finish();
        assert_eq!(inflate(&packed, text.len()).unwrap(), text);
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let mut member = Member::default();
        member.push(&Piece::new(&vec![b' '; 10_000_000]));
        let bomb = member.finish();
        assert!(bomb.len() < 20_000);
        assert!(inflate(&bomb, 1_000_000).is_err());
        assert!(inflate(b"no gzip", 1_000).is_err());
    }
}
