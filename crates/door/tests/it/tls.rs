//! Plain and encrypted connections on one port, and certificates that are replaced or wrong.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rialto_door::{Tls, TlsError};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::door::{Door, PATIENCE, limits};

struct Pair {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

fn pair(until: Option<(i32, u8, u8)>) -> Pair {
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    if let Some((year, month, day)) = until {
        parameters.not_after = rcgen::date_time_ymd(year, month, day);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        der: certificate.der().clone(),
    }
}

fn write(folder: &TempDir, pair: &Pair) -> Result<Tls, TlsError> {
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, &pair.certificate).unwrap();
    std::fs::write(&key, &pair.key).unwrap();
    Tls::open(&certificate, &key)
}

/// Makes a connection that trusts one certificate, says something, and reads to the end.
async fn say(door: &Door, trusted: &Pair, protocols: &[&[u8]], words: &[u8]) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    let socket = TcpStream::connect(door.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.ok()?;
    stream.write_all(words).await.unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    Some(String::from_utf8_lossy(&all).into_owned())
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(2 * PATIENCE, work).await.expect("in time") })
}

const CALL: &[u8] = b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[test]
fn one_port_takes_plain_and_encrypted_connections() {
    let (folder, pair) = (TempDir::new().unwrap(), pair(None));
    let door = Door::with(limits(), Some(write(&folder, &pair).unwrap()));
    assert!(door.say(CALL).ends_with("GET - - 0 0 false"));
    assert!(door.say(PREFACE).ends_with("\r\n\r\n false"));
    run(async {
        let http = say(&door, &pair, &[b"h2", b"http/1.1"], CALL).await.unwrap();
        assert!(http.ends_with("GET - - 0 0 true"), "{http}");
        let http2 = say(&door, &pair, &[b"h2"], PREFACE).await.unwrap();
        assert!(http2.ends_with("\r\n\r\n true"), "{http2}");
        let untold = say(&door, &pair, &[], PREFACE).await.unwrap();
        assert!(untold.ends_with("\r\n\r\n true"), "{untold}");
        let large = b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let large = say(&door, &pair, &[], large).await.unwrap();
        assert!(large.len() > 3 << 20);
    });
}

#[test]
fn a_new_certificate_is_taken_without_a_restart() {
    let (folder, old, new) = (TempDir::new().unwrap(), pair(None), pair(None));
    let door = Door::with(limits(), Some(write(&folder, &old).unwrap()));
    run(async {
        assert!(say(&door, &old, &[], CALL).await.is_some());
        assert!(say(&door, &new, &[], CALL).await.is_none());
        // A key without its certificate changes nothing.
        std::fs::write(folder.path().join("k.pem"), &new.key).unwrap();
        let looked = Duration::from_millis(rialto_door::TLS_RELOAD_CHECK_MS);
        let since = Instant::now();
        while since.elapsed() < looked + Duration::from_millis(100) {
            assert!(say(&door, &old, &[], CALL).await.is_some());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::fs::write(folder.path().join("c.pem"), &new.certificate).unwrap();
        let end = Instant::now() + PATIENCE;
        while say(&door, &new, &[], CALL).await.is_none() {
            assert!(Instant::now() < end, "the new certificate is not taken");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(say(&door, &old, &[], CALL).await.is_none());
    });
}

#[test]
fn what_is_wrong_is_said() {
    let folder = TempDir::new().unwrap();
    let missing = Tls::open(Path::new("/no/such/c.pem"), Path::new("/no/such/k.pem"));
    let message = missing.unwrap_err().to_string();
    assert!(message.contains("cannot read certificate /no/such/c.pem"), "{message}");
    let (mine, other) = (pair(None), pair(None));
    let mixed = Pair { key: other.key, ..pair(None) };
    let message = write(&folder, &mixed).unwrap_err().to_string();
    assert!(message.contains("does not belong to certificate"), "{message}");
    let keyless = Pair { key: mine.certificate, ..pair(None) };
    let message = write(&folder, &keyless).unwrap_err().to_string();
    assert!(message.contains("holds no usable key"), "{message}");
    let empty = Pair { certificate: "nothing".to_owned(), ..pair(None) };
    let message = write(&folder, &empty).unwrap_err().to_string();
    assert!(message.contains("holds no usable certificate"), "{message}");
    let expired = pair(Some((2_024, 2, 29)));
    let message = write(&folder, &expired).unwrap_err().to_string();
    assert!(message.contains("days ago; replace it"), "{message}");
    let huge = Pair { certificate: "x".repeat(2 << 20), ..pair(None) };
    assert!(matches!(write(&folder, &huge), Err(TlsError::Pem { what: "certificate", .. })));
}
