//! The check that signs in to MySQL and runs a statement: as much of its protocol as that takes.

use std::io;
use std::time::Duration;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::checks::Verdict;
use super::probe::connect;

/// How long everything after the connection may take.
const ANSWER: Duration = Duration::from_secs(3);
/// Larger packets are none of a check's.
const PACKET_BYTES_MAX: usize = 64 * 1_024;
/// Packets of an answer that are looked at.
const PACKETS_MAX: usize = 64;
/// Long password, protocol 4.1, its authentication, plug-ins for it.
const CAPABILITIES: u32 = 0x0000_0001 | 0x0000_0200 | 0x0000_8000 | 0x0008_0000;
const UTF8MB4: u8 = 45;
const NATIVE: &str = "mysql_native_password";
const CACHING: &str = "caching_sha2_password";
/// The statement with which Nacos finds out whether a node is a replica.
const READ_ONLY: &str = "show global variables where variable_name='read_only'";

/// Whether a statement succeeds. A replica that answers [`READ_ONLY`] with ON does not work.
///
/// A server that wants the password itself, because it does not know its digest yet, cannot be
/// signed in to without TLS: then the check fails.
pub(super) async fn probe(
    host: &str,
    port: u16,
    (user, password): (&str, &str),
    command: &str,
) -> Verdict {
    let stream = match connect(host, port).await {
        Ok(stream) => stream,
        Err(verdict) => return verdict,
    };
    let mut wire = Wire { stream, sequence: 0 };
    match timeout(ANSWER, run(&mut wire, user, password, command)).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) | Err(_) => Verdict::Fails,
    }
}

struct Wire {
    stream: TcpStream,
    sequence: u8,
}

/// What a server says first.
#[derive(Debug, PartialEq, Eq)]
struct Greeting {
    nonce: Vec<u8>,
    plugin: String,
}

async fn run(wire: &mut Wire, user: &str, password: &str, command: &str) -> io::Result<Verdict> {
    let greeting = wire.read().await?;
    if greeting.first() == Some(&0xff) {
        return Ok(Verdict::Refuses);
    }
    let greeting = read_greeting(&greeting).ok_or_else(malformed)?;
    wire.write(&response(user, password, &greeting)).await?;
    if !sign_in(wire, password).await? {
        return Ok(Verdict::Refuses);
    }
    wire.sequence = 0;
    wire.write(&[&[3], command.as_bytes()].concat()).await?;
    let answer = wire.read().await?;
    match answer.first() {
        Some(0xff) | None => Ok(Verdict::Refuses),
        Some(0) => Ok(Verdict::Works),
        Some(_) if !command.trim().eq_ignore_ascii_case(READ_ONLY) => Ok(Verdict::Works),
        Some(_) => replica(wire).await,
    }
}

/// Answers until the server is content (`true`) or refuses.
async fn sign_in(wire: &mut Wire, password: &str) -> io::Result<bool> {
    for _ in 0..4 {
        let packet = wire.read().await?;
        match packet.split_first() {
            Some((0, _)) => return Ok(true),
            Some((0xff, _)) => return Ok(false),
            // Another method is wanted, with another nonce.
            Some((0xfe, rest)) => {
                let (plugin, nonce) = until_nul(rest).ok_or_else(malformed)?;
                let nonce = nonce.strip_suffix(&[0]).unwrap_or(nonce);
                let plugin = String::from_utf8_lossy(plugin);
                wire.write(&proof(&plugin, password, nonce)).await?;
            }
            // It knows the digest and is content: what it says next, it says as an OK.
            Some((1, [3])) => {}
            _ => return Err(malformed()),
        }
    }
    Err(malformed())
}

async fn replica(wire: &mut Wire) -> io::Result<Verdict> {
    let mut rows = false;
    for _ in 0..PACKETS_MAX {
        let packet = wire.read().await?;
        let end = packet.len() < 9 && packet.first() == Some(&0xfe);
        if end && rows {
            return Ok(Verdict::Works);
        }
        if rows && packet.ends_with(b"\x02ON") {
            return Ok(Verdict::Fails);
        }
        rows |= end;
    }
    Err(malformed())
}

impl Wire {
    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await?;
        let bytes = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
        if bytes > PACKET_BYTES_MAX {
            return Err(malformed());
        }
        self.sequence = head[3].wrapping_add(1);
        let mut packet = vec![0; bytes];
        self.stream.read_exact(&mut packet).await?;
        Ok(packet)
    }

    async fn write(&mut self, packet: &[u8]) -> io::Result<()> {
        let bytes = (packet.len() as u32).to_le_bytes();
        let head = [bytes[0], bytes[1], bytes[2], self.sequence];
        self.stream.write_all(&[&head, packet].concat()).await
    }
}

fn read_greeting(packet: &[u8]) -> Option<Greeting> {
    let rest = packet.strip_prefix(&[10])?;
    let (_, rest) = until_nul(rest)?;
    let mut nonce = rest.get(4..12)?.to_vec();
    // Filler, capabilities in two halves around character set and status, length, ten zeros.
    let rest = rest.get(31..)?;
    let second = rest.get(..12)?;
    nonce.extend_from_slice(second);
    let plugin = until_nul(rest.get(13..)?).map_or(&rest[13..], |(plugin, _)| plugin);
    Some(Greeting { nonce, plugin: String::from_utf8_lossy(plugin).into_owned() })
}

fn response(user: &str, password: &str, greeting: &Greeting) -> Vec<u8> {
    let plugin = if greeting.plugin == CACHING { CACHING } else { NATIVE };
    let proof = proof(plugin, password, &greeting.nonce);
    let mut out = Vec::with_capacity(96 + user.len());
    out.extend_from_slice(&CAPABILITIES.to_le_bytes());
    out.extend_from_slice(&(PACKET_BYTES_MAX as u32).to_le_bytes());
    out.push(UTF8MB4);
    out.extend_from_slice(&[0; 23]);
    out.extend_from_slice(user.as_bytes());
    out.push(0);
    out.push(proof.len() as u8);
    out.extend_from_slice(&proof);
    out.extend_from_slice(plugin.as_bytes());
    out.push(0);
    out
}

/// That the password is known, without saying it.
fn proof(plugin: &str, password: &str, nonce: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let caching = plugin == CACHING;
    let algorithm = if caching { &SHA256 } else { &SHA1_FOR_LEGACY_USE_ONLY };
    let once = digest(algorithm, password.as_bytes());
    let twice = digest(algorithm, once.as_ref());
    let mixed = match caching {
        true => digest(algorithm, &[twice.as_ref(), nonce].concat()),
        false => digest(algorithm, &[nonce, twice.as_ref()].concat()),
    };
    once.as_ref().iter().zip(mixed.as_ref()).map(|(one, other)| one ^ other).collect()
}

fn until_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn malformed() -> io::Error {
    io::Error::other("no MySQL server, or one that is not understood")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::net::TcpListener;

    use super::*;

    fn greeting(plugin: &str) -> Vec<u8> {
        let mut out = vec![10];
        out.extend_from_slice(b"8.0.36\0");
        out.extend_from_slice(&7_u32.to_le_bytes());
        out.extend_from_slice(b"abcdefgh\0");
        out.extend_from_slice(&[0xff, 0xff, 45, 2, 0, 0xff, 0xdf, 21]);
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(b"ijklmnopqrst\0");
        out.extend_from_slice(plugin.as_bytes());
        out.push(0);
        out
    }

    /// A server that says these packets, each after one of the client's, the first at once.
    async fn saying(packets: Vec<Vec<Vec<u8>>>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut wire = Wire { stream, sequence: 0 };
            for (at, answers) in packets.into_iter().enumerate() {
                if at > 0 && wire.read().await.is_err() {
                    return;
                }
                for answer in answers {
                    if wire.write(&answer).await.is_err() {
                        return;
                    }
                    wire.sequence = wire.sequence.wrapping_add(1);
                }
            }
            let _ = wire.read().await;
        });
        port
    }

    async fn check(packets: Vec<Vec<Vec<u8>>>, command: &str, expected: Verdict) {
        let port = saying(packets).await;
        assert_eq!(probe("127.0.0.1", port, ("root", "secret"), command).await, expected);
    }

    #[tokio::test]
    async fn signs_in_and_asks() {
        let (hello, ok, no) = (vec![greeting(NATIVE)], vec![vec![0, 0, 0]], vec![vec![0xff, 1]]);
        let set = vec![vec![1], b"column".to_vec(), vec![0xfe, 0, 0, 2, 0]];
        check(vec![hello.clone(), ok.clone(), ok.clone()], "select 1", Verdict::Works).await;
        check(vec![hello.clone(), ok.clone(), set.clone()], "select 1", Verdict::Works).await;
        check(vec![hello.clone(), ok.clone(), no.clone()], "select 1", Verdict::Refuses).await;
        check(vec![hello.clone(), no.clone()], "select 1", Verdict::Refuses).await;
        check(vec![no.clone()], "select 1", Verdict::Refuses).await;
        check(vec![vec![b"SSH-2.0".to_vec()]], "select 1", Verdict::Fails).await;
        for (value, verdict) in [(&b"\x03OFF"[..], Verdict::Works), (b"\x02ON", Verdict::Fails)] {
            let mut answer = set.clone();
            answer.push([b"\x09read_only", value].concat());
            answer.push(vec![0xfe, 0, 0, 2, 0]);
            check(vec![hello.clone(), ok.clone(), answer], READ_ONLY, verdict).await;
        }
    }

    #[tokio::test]
    async fn follows_a_switch_of_method() {
        let hello = vec![greeting(CACHING)];
        let switch = [&[0xfe], NATIVE.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat();
        let ok = vec![vec![0]];
        check(vec![hello.clone(), vec![switch], ok.clone(), ok.clone()], "x", Verdict::Works).await;
        let known = vec![vec![1, 3], vec![0]];
        check(vec![hello.clone(), known, ok], "x", Verdict::Works).await;
        check(vec![hello, vec![vec![1, 4]]], "x", Verdict::Fails).await;
    }

    #[test]
    fn proofs() {
        assert_eq!(
            read_greeting(&greeting(CACHING)).unwrap(),
            Greeting { nonce: b"abcdefghijklmnopqrst".to_vec(), plugin: CACHING.to_owned() }
        );
        assert!(proof(NATIVE, "", b"n").is_empty());
        // SHA1(pw) ^ SHA1(nonce . SHA1(SHA1(pw))), undone by whoever knows SHA1(SHA1(pw)).
        let nonce = b"abcdefghijklmnopqrst";
        let proof = proof(NATIVE, "secret", nonce);
        let sha1 = |bytes: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec();
        let stored = sha1(&sha1(b"secret"));
        let mask = sha1(&[&nonce[..], &stored].concat());
        let once: Vec<u8> = proof.iter().zip(&mask).map(|(one, other)| one ^ other).collect();
        assert_eq!(sha1(&once), stored);
    }

    proptest! {
        #[test]
        fn any_greeting_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = read_greeting(&bytes);
            let _ = read_greeting(&[&[10][..], &bytes].concat());
        }
    }
}
