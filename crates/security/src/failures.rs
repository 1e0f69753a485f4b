//! Counts failed attempts per peer and makes it wait, longer each time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::limits::{
    FAILURE_MEMORY_MS, FAILURE_PEERS_MAX, FAILURE_WAIT_FIRST_MS, FAILURE_WAIT_MAX_MS,
};

/// Failures by peer. An IPv6 peer is its /64, because whoever has one address has the whole of it.
pub(crate) struct Failures {
    free: u32,
    peers: HashMap<IpAddr, Record>,
}

#[derive(Clone, Copy)]
struct Record {
    count: u32,
    last_ms: u64,
    blocked_until_ms: u64,
}

impl Failures {
    /// `free` failures cost nothing.
    pub(crate) fn new(free: u32) -> Self {
        Self { free, peers: HashMap::new() }
    }

    /// Seconds that the peer has yet to wait, if it must.
    pub(crate) fn wait_s(&self, peer: IpAddr, now_ms: u64) -> Option<u64> {
        let record = self.peers.get(&network(peer))?;
        let left_ms = record.blocked_until_ms.checked_sub(now_ms).filter(|left| *left > 0)?;
        Some(left_ms.div_ceil(1_000))
    }

    pub(crate) fn failed(&mut self, peer: IpAddr, now_ms: u64) {
        let peer = network(peer);
        if self.peers.len() >= FAILURE_PEERS_MAX && !self.peers.contains_key(&peer) {
            self.make_room(now_ms);
        }
        let record = self.peers.entry(peer).or_insert(Record {
            count: 0,
            last_ms: now_ms,
            blocked_until_ms: 0,
        });
        if now_ms.saturating_sub(record.last_ms) > FAILURE_MEMORY_MS {
            record.count = 0;
        }
        record.count = record.count.saturating_add(1);
        record.last_ms = now_ms;
        if let Some(beyond) = record.count.checked_sub(self.free + 1) {
            let wait_ms = FAILURE_WAIT_FIRST_MS << beyond.min(20);
            record.blocked_until_ms = now_ms + wait_ms.min(FAILURE_WAIT_MAX_MS);
        }
    }

    pub(crate) fn succeeded(&mut self, peer: IpAddr) {
        self.peers.remove(&network(peer));
    }

    fn make_room(&mut self, now_ms: u64) {
        self.peers.retain(|_, record| now_ms.saturating_sub(record.last_ms) <= FAILURE_MEMORY_MS);
        if self.peers.len() < FAILURE_PEERS_MAX {
            return;
        }
        // Whoever would be free soonest loses least by being forgotten.
        let least = |(_, record): &(&IpAddr, &Record)| (record.blocked_until_ms, record.last_ms);
        if let Some(peer) = self.peers.iter().min_by_key(least).map(|(peer, _)| *peer) {
            self.peers.remove(&peer);
        }
    }
}

fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + last).into())
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_forgotten() {
        let mut failures = Failures::new(3);
        for _ in 0..3 {
            failures.failed(peer(1), 1_000);
        }
        assert_eq!(failures.wait_s(peer(1), 1_000), None);
        let mut waits = Vec::new();
        for _ in 0..12 {
            failures.failed(peer(1), 1_000);
            waits.push(failures.wait_s(peer(1), 1_000).unwrap());
        }
        assert_eq!(&waits[..4], [1, 2, 4, 8]);
        assert_eq!(*waits.last().unwrap(), FAILURE_WAIT_MAX_MS / 1_000);
        assert_eq!(failures.wait_s(peer(2), 1_000), None, "another peer is not concerned");
        assert_eq!(failures.wait_s(peer(1), 1_000 + FAILURE_WAIT_MAX_MS), None);
        failures.failed(peer(1), 1_001 + FAILURE_MEMORY_MS);
        assert_eq!(failures.wait_s(peer(1), 1_001 + FAILURE_MEMORY_MS), None);
    }

    #[test]
    fn a_success_clears_the_count() {
        let mut failures = Failures::new(0);
        failures.failed(peer(1), 0);
        failures.succeeded(peer(1));
        assert_eq!(failures.wait_s(peer(1), 0), None);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_who_waits_longest() {
        let mut failures = Failures::new(0);
        failures.failed(peer(0), 0);
        failures.failed(peer(0), 0);
        for other in 1..=u32::try_from(FAILURE_PEERS_MAX).unwrap() + 10 {
            failures.failed(peer(other), 1);
        }
        assert_eq!(failures.peers.len(), FAILURE_PEERS_MAX);
        assert!(failures.wait_s(peer(0), 1).is_some());
    }

    #[test]
    fn one_ipv6_network_and_one_mapped_address_are_one_peer() {
        let mut failures = Failures::new(0);
        failures.failed("2001:db8::1".parse().unwrap(), 0);
        assert!(failures.wait_s("2001:db8::ffff:1".parse().unwrap(), 0).is_some());
        assert!(failures.wait_s("2001:db8:0:1::1".parse().unwrap(), 0).is_none());
        failures.failed("::ffff:10.0.0.9".parse().unwrap(), 0);
        assert!(failures.wait_s("10.0.0.9".parse().unwrap(), 0).is_some());
    }
}
