//! nginx's ketama ring (`hash … consistent`), so that keys stay where they were when moving over.
//!
//! Point numbers, hash and order are those of `ngx_http_upstream_hash_module.c`.

use crate::limits::{RING_POINTS_MAX, RING_POINTS_PER_WEIGHT};

/// Points in the order of their hashes, each with the slot it belongs to.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    points: Vec<(u32, u32)>,
}

impl Ring {
    /// Places slots by address and weight.
    pub(crate) fn rebuild<'a>(
        &mut self,
        members: impl Iterator<Item = (u32, &'a str, f64)> + Clone,
    ) {
        self.points.clear();
        let wanted: f64 = members.clone().map(|(_, _, weight)| points_of(weight)).sum();
        let scale = (RING_POINTS_MAX as f64 / wanted).min(1.0);
        for (slot, address, weight) in members {
            let count = (points_of(weight) * scale).round().max(1.0) as u32;
            let base = base(address);
            let mut previous = 0_u32;
            for _ in 0..count {
                previous = !update(base, &previous.to_le_bytes());
                self.points.push((previous, slot));
            }
        }
        // A stable sort keeps the first of equal hashes, as nginx does.
        self.points.sort_by_key(|(hash, _)| *hash);
        self.points.dedup_by_key(|(hash, _)| *hash);
    }

    /// The slots from the place of a hash on, round the ring once.
    pub(crate) fn from(&self, hash: u32) -> impl Iterator<Item = u32> + '_ {
        let start = self.points.partition_point(|(point, _)| *point < hash);
        let (before, after) = self.points.split_at(start);
        after.iter().chain(before).map(|(_, slot)| *slot)
    }
}

fn points_of(weight: f64) -> f64 {
    weight * RING_POINTS_PER_WEIGHT
}

/// The state of the checksum after host, a zero byte and port; `unix:` addresses have no port.
fn base(address: &str) -> u32 {
    if let Some(path) = address.strip_prefix("unix:") {
        return update(update(u32::MAX, path.as_bytes()), &[0]);
    }
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    update(update(update(u32::MAX, host.as_bytes()), &[0]), port.as_bytes())
}

/// CRC-32 as in zip and nginx: the hash of a key on the ring.
pub fn crc32(bytes: &[u8]) -> u32 {
    !update(u32::MAX, bytes)
}

fn update(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |state, byte| {
        TABLE[((state ^ u32::from(*byte)) & 0xff) as usize] ^ (state >> 8)
    })
}

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn points_chain_as_in_nginx() {
        let mut ring = Ring::default();
        ring.rebuild([(7, "127.0.0.1:8080", 1.0)].into_iter());
        assert_eq!(ring.points.len(), 160);
        let first = crc32(b"127.0.0.1\x008080\0\0\0\0");
        let mut chained = b"127.0.0.1\x008080".to_vec();
        chained.extend(first.to_le_bytes());
        for hash in [first, crc32(&chained)] {
            assert!(ring.points.contains(&(hash, 7)));
        }
    }

    #[test]
    fn heavy_sets_are_scaled_down() {
        let mut ring = Ring::default();
        ring.rebuild([(0, "a:1", 10_000.0), (1, "b:1", 10_000.0), (2, "c:1", 0.001)].into_iter());
        assert!(ring.points.len() <= RING_POINTS_MAX + 1);
        assert!(ring.points.iter().any(|(_, slot)| *slot == 2));
    }

    #[test]
    fn a_walk_goes_round_once() {
        let mut ring = Ring::default();
        assert_eq!(ring.from(5).count(), 0);
        ring.rebuild([(0, "a:1", 1.0), (1, "b:1", 1.0)].into_iter());
        assert_eq!(ring.from(u32::MAX).count(), ring.points.len());
    }
}
