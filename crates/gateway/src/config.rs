//! What can be configured.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use rialto_api::route::RouteSpec;

use crate::limits;

/// Everything that the gateway is told at its start. The defaults serve on port 8080 of loopback.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Threads, each with its own listener; 0 for one for each core.
    pub workers: usize,
    /// Routes of the configuration. Those of the catalog come on top, and win by their id.
    pub routes: Vec<RouteSpec>,
    /// Where each request is written down.
    pub access_log: AccessLog,
    /// How a line of it looks.
    pub access_log_format: LogFormat,
    /// Times, sizes and counts.
    pub limits: Limits,
    /// Peers whose `X-Forwarded-*`, `Forwarded` and `X-Request-Id` are believed and kept.
    pub trusted_proxies: Vec<Network>,
    /// What becomes of `%2F` and `%5C` in a path: kept when true, refused otherwise.
    pub encoded_slashes: bool,
    /// How endpoints are chosen; a route's own algorithm comes first.
    pub balance: rialto_balance::Settings,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            workers: 0,
            routes: Vec::new(),
            access_log: AccessLog::Off,
            access_log_format: LogFormat::Json,
            limits: Limits::default(),
            trusted_proxies: Vec::new(),
            encoded_slashes: false,
            balance: rialto_balance::Settings::default(),
        }
    }
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AccessLog {
    /// Nowhere.
    #[default]
    Off,
    /// To standard output.
    Stdout,
    /// To the end of a file, which is made if need be.
    File(PathBuf),
}

/// How an access log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object.
    #[default]
    Json,
    /// Words for people.
    Text,
}

/// Times, sizes and counts; [`crate::limits`] has the defaults. Routes can say some for themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds from the first byte of a request head to its last.
    pub head_timeout_ms: u64,
    /// Milliseconds between two reads of a request body.
    pub body_timeout_ms: u64,
    /// Milliseconds that a connection may be idle between requests.
    pub idle_timeout_ms: u64,
    /// Milliseconds between two pieces of an answer.
    pub stream_idle_ms: u64,
    /// Milliseconds to connect to an instance.
    pub connect_timeout_ms: u64,
    /// Milliseconds until the head of an answer.
    pub response_timeout_ms: u64,
    /// Bytes of a request body.
    pub body_max_bytes: u64,
    /// Connections of one worker.
    pub connections_max: usize,
    /// Milliseconds that requests under way have when the gateway stops.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_timeout_ms: limits::HEAD_TIMEOUT_MS,
            body_timeout_ms: limits::BODY_TIMEOUT_MS,
            idle_timeout_ms: limits::IDLE_TIMEOUT_MS,
            stream_idle_ms: limits::STREAM_IDLE_MS,
            connect_timeout_ms: limits::CONNECT_TIMEOUT_MS,
            response_timeout_ms: limits::RESPONSE_TIMEOUT_MS,
            body_max_bytes: limits::BODY_MAX_BYTES,
            connections_max: limits::CONNECTIONS_MAX,
            drain_ms: limits::DRAIN_MS,
        }
    }
}

/// A block of addresses, `10.0.0.0/8` or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `peer` is in the block.
    #[must_use]
    pub fn contains(&self, peer: IpAddr) -> bool {
        match (self.address, peer.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(peer)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                u32::from(own) & mask == u32::from(peer) & mask
            }
            (IpAddr::V6(own), IpAddr::V6(peer)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                u128::from(own) & mask == u128::from(peer) & mask
            }
            _ => false,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a network; write 10.0.0.0/8 or 10.0.0.1");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (network, peer, expected) in [
            ("10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ] {
            let contains = network.parse::<Network>().unwrap().contains(peer.parse().unwrap());
            assert_eq!(contains, expected, "{network} {peer}");
        }
        for wrong in ["", "10.0.0.0/33", "x/8", "10.0.0.1/x"] {
            assert!(wrong.parse::<Network>().unwrap_err().contains("not a network"));
        }
    }
}
