//! Encrypted connections on the port of plain ones: certificate and key from PEM files that may be
//! replaced while the door is open.

mod validity;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::http::{Deadlines, Transport};
use crate::limits::{PEM_BYTES_MAX, TLS_RELOAD_CHECK_MS};
use validity::not_after;

/// The first byte of a TLS connection: a handshake record. No HTTP request begins with it.
const HANDSHAKE: u8 = 0x16;
/// A certificate that ends sooner than this is warned of.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 86_400);

/// Certificate and key of a door. Clones share them.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Files>);

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(
        "cannot read {what} {}; give the path of a PEM file that this user may read",
        path.display()
    )]
    Read {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file holds no PEM block of the kind that is needed, or a damaged one.
    #[error(
        "{} holds no usable {what}; it must be PEM, beginning with -----BEGIN {}",
        path.display(),
        if *what == "key" { "PRIVATE KEY-----" } else { "CERTIFICATE-----" }
    )]
    Pem {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The key is another one than the certificate's.
    #[error(
        "key {} does not belong to certificate {}; give the pair that was made together",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate has ended.
    #[error("certificate {} ended {days} days ago; replace it", path.display())]
    Expired {
        /// The certificate's file.
        path: PathBuf,
        /// Whole days since.
        days: u64,
    },
    /// Certificate or key are of a kind that is not supported.
    #[error("certificate {} cannot be used", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    plain: Arc<ServerConfig>,
    http2: Arc<ServerConfig>,
    stamps: [Stamp; 2],
    checked: Instant,
}

/// What of a file changes when it is replaced.
type Stamp = Option<(SystemTime, u64)>;

impl Tls {
    /// Reads a certificate chain and its key.
    ///
    /// # Errors
    /// When a file is missing or damaged, the key is of another certificate, or the certificate
    /// has ended.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let loaded = Loaded::read(certificate, key)?;
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Tls(Arc::new(Files { certificate, key, loaded: Mutex::new(loaded) })))
    }

    /// Begins a connection, plain or encrypted as its first byte says, and whether the client has
    /// chosen HTTP/2. A client may take as long to say something as between two requests.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        deadlines: Deadlines,
        http2: bool,
    ) -> io::Result<(Transport, bool)> {
        let within = Duration::from_millis;
        let mut first = [0];
        let peeked = tokio::time::timeout(within(deadlines.idle_ms), stream.peek(&mut first));
        if peeked.await?? == 0 || first[0] != HANDSHAKE {
            return Ok((Transport::Plain(stream), false));
        }
        let handshake = TlsAcceptor::from(self.0.current(http2)).accept(stream);
        let stream = tokio::time::timeout(within(deadlines.head_ms), handshake).await??;
        let chosen = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Transport::Tls(Box::new(stream)), chosen))
    }
}

impl Files {
    /// The configuration of the files as they are now, looked at every few seconds at most.
    fn current(&self, http2: bool) -> Arc<ServerConfig> {
        let mut loaded = self.loaded.lock();
        if loaded.checked.elapsed() >= Duration::from_millis(TLS_RELOAD_CHECK_MS) {
            loaded.checked = Instant::now();
            let stamps = [stamp(&self.certificate), stamp(&self.key)];
            if stamps != loaded.stamps {
                match Loaded::read(&self.certificate, &self.key) {
                    Ok(newer) => {
                        let path = self.certificate.display();
                        tracing::info!(%path, "read a new certificate");
                        *loaded = newer;
                    }
                    // Remembered, so that it is said once: what is there stays in use.
                    Err(error) => {
                        tracing::warn!(%error, "kept the old certificate");
                        loaded.stamps = stamps;
                    }
                }
            }
        }
        Arc::clone(if http2 { &loaded.http2 } else { &loaded.plain })
    }
}

impl Loaded {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let stamps = [stamp(certificate), stamp(key)];
        let pem = |what, path: &Path| TlsError::Pem { what, path: path.to_owned() };
        let chain_bytes = file("certificate", certificate)?;
        let chain = CertificateDer::pem_slice_iter(&chain_bytes)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| pem("certificate", certificate))?;
        let first = chain.first().ok_or_else(|| pem("certificate", certificate))?;
        check_validity(first, certificate)?;
        let secret =
            PrivateKeyDer::from_pem_slice(&file("key", key)?).map_err(|_| pem("key", key))?;
        let config = configure(chain, secret).map_err(|source| match source {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }
            }
            source => TlsError::Unusable { path: certificate.to_owned(), source },
        })?;
        let with = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
            Arc::new(config)
        };
        let (plain, http2) = (with(&[b"http/1.1"]), with(&[b"http/1.1", b"h2"]));
        Ok(Loaded { plain, http2, stamps, checked: Instant::now() })
    }
}

fn configure(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
}

fn file(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read { what, path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > PEM_BYTES_MAX {
        return Err(TlsError::Pem { what, path: path.to_owned() });
    }
    std::fs::read(path).map_err(failed)
}

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// Refuses a certificate that has ended. One whose end cannot be read is left to the clients.
fn check_validity(certificate: &[u8], path: &Path) -> Result<(), TlsError> {
    let Some(end_s) = not_after(certificate) else { return Ok(()) };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let end = Duration::from_secs(end_s);
    if let Some(past) = now.checked_sub(end) {
        return Err(TlsError::Expired { path: path.to_owned(), days: past.as_secs() / 86_400 });
    }
    if end < now + WARN_BEFORE {
        let days = (end - now).as_secs() / 86_400;
        tracing::warn!(path = %path.display(), days, "the certificate ends soon; replace the file");
    }
    Ok(())
}
