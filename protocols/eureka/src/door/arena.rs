//! Large listings in files that exist in memory only, so that the kernel sends them without copying
//! them into socket buffers first: that copy is most of what sending ten megabytes costs.
//!
//! A file only grows. What is being sent is never overwritten, and a file that holds mostly
//! outdated pieces is left behind for whoever still sends from it.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::session::Written;

/// A run of bytes of a memory file.
#[derive(Debug, Clone)]
pub(super) struct Region {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// The pieces of one listing in a memory file.
#[derive(Debug, Default)]
pub(super) struct Arena {
    file: Option<Arc<File>>,
    end: u64,
    /// Where each piece lies, by its address; the piece is kept so that the address stays its own.
    placed: HashMap<usize, (Arc<Written>, u64)>,
}

/// How much of a file may be outdated beyond the size of what is not.
const SLACK_BYTES: u64 = 1024 * 1024;

impl Arena {
    /// Where the pieces lie, neighbours joined. Writes those that are new.
    pub(super) fn place(&mut self, pieces: &[Arc<Written>]) -> io::Result<Vec<Region>> {
        let length = |piece: &Arc<Written>| piece.text().len() as u64;
        let live: u64 = pieces.iter().map(length).sum();
        let known = |piece: &&Arc<Written>| self.placed.contains_key(&address(piece));
        let new: u64 = pieces.iter().filter(|piece| !known(piece)).map(length).sum();
        let file = match &self.file {
            Some(file) if self.end + new <= 2 * live + SLACK_BYTES => Arc::clone(file),
            _ => {
                self.placed.clear();
                self.end = 0;
                Arc::new(memory_file()?)
            }
        };
        self.file = Some(Arc::clone(&file));
        let mut placed = HashMap::with_capacity(pieces.len());
        let mut regions: Vec<Region> = Vec::new();
        for piece in pieces {
            let address = address(piece);
            let offset = match self.placed.get(&address) {
                Some((_, offset)) => *offset,
                None => {
                    let offset = self.end;
                    write_at(&file, piece.text(), offset)?;
                    self.end += length(piece);
                    offset
                }
            };
            placed.insert(address, (Arc::clone(piece), offset));
            match regions.last_mut() {
                Some(last) if last.offset + last.bytes == offset => last.bytes += length(piece),
                _ => regions.push(Region { file: Arc::clone(&file), offset, bytes: length(piece) }),
            }
        }
        self.placed = placed;
        Ok(regions)
    }
}

/// Tells pieces apart that are alive at the same time.
fn address(piece: &Arc<Written>) -> usize {
    Arc::as_ptr(piece).addr()
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    use rustix::fs::{MemfdFlags, memfd_create, sendfile};

    use super::Region;

    pub(super) fn memory_file() -> io::Result<File> {
        Ok(memfd_create("rialto-eureka-listing", MemfdFlags::CLOEXEC)?.into())
    }

    pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Sends the rest of a region and moves its begin; `WouldBlock` when the socket takes nothing.
    pub(in crate::door) fn send(
        stream: &tokio::net::TcpStream,
        region: &mut Region,
    ) -> io::Result<u64> {
        let count = usize::try_from(region.bytes).unwrap_or(usize::MAX);
        let sent = sendfile(stream, &*region.file, Some(&mut region.offset), count)? as u64;
        region.bytes -= sent;
        Ok(sent)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::io;

    use super::Region;

    pub(super) fn memory_file() -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn write_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::door) fn send(_: &tokio::net::TcpStream, _: &mut Region) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(super) use system::send;
use system::{memory_file, write_at};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::FileExt;

    use bytes::Bytes;
    use rialto_catalog::Timestamp;

    use super::*;

    fn piece(text: String) -> Arc<Written> {
        Written::new(Bytes::from(text), Timestamp(0))
    }

    fn content(regions: &[Region]) -> String {
        let read = |region: &Region| {
            let mut bytes = vec![0; region.bytes as usize];
            region.file.read_exact_at(&mut bytes, region.offset).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        regions.iter().map(read).collect()
    }

    #[test]
    fn regions_hold_what_the_pieces_say_through_many_changes() {
        let text = |n: usize| format!("<{n}:{}>", "x".repeat(n % 50_000));
        let mut pieces: Vec<_> = (0..40).map(|n| piece(text(n * 1_000))).collect();
        let mut arena = Arena::default();
        let first = arena.place(&pieces).unwrap();
        assert_eq!(first.len(), 1, "written in order, they are one run");
        let before = content(&first);
        for n in 0..400 {
            pieces[n % 40] = piece(text(n * 777));
            let regions = arena.place(&pieces).unwrap();
            let whole: String =
                pieces.iter().map(|it| String::from_utf8(it.text().to_vec()).unwrap()).collect();
            assert_eq!(content(&regions), whole);
            let live = whole.len() as u64;
            assert!(arena.end <= 3 * live + SLACK_BYTES, "{} for {live}", arena.end);
        }
        assert_eq!(content(&first), before, "what may still be being sent stays");
        assert!(arena.place(&[]).unwrap().is_empty());
    }
}
