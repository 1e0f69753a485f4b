//! The last list of each service, on disk: calls and even a start go on when every server is gone.
//!
//! One file for each service and server, replaced atomically. Processes of the same user share it;
//! whichever writes last has the newer list. A file that cannot be read counts as absent.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::limits::CACHE_BYTES_MAX;
use crate::view::Endpoint;

/// Version of the file's form.
const VERSION: u32 = 1;

/// Where the file of one service is.
#[derive(Debug, Clone)]
pub(crate) struct CacheFile {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    service: String,
    endpoints: Vec<SavedEndpoint>,
}

#[derive(Serialize, Deserialize)]
struct SavedEndpoint {
    id: String,
    protocol: String,
    authority: String,
    zone: String,
    weight: f64,
    metadata: BTreeMap<String, String>,
}

impl CacheFile {
    /// The file of a service in a folder; the name holds nothing but letters, digits, `-` and `_`.
    pub(crate) fn new(folder: &Path, server: &str, service: &str) -> Self {
        let mut name = String::new();
        for part in [server, "--", &service.to_lowercase()] {
            name.extend(part.bytes().map(|byte| {
                if byte.is_ascii_alphanumeric() || byte == b'-' { char::from(byte) } else { '_' }
            }));
        }
        Self { path: folder.join(format!("{name}.json")) }
    }

    /// What was saved last.
    pub(crate) fn load(&self, service: &str) -> Option<Vec<Endpoint>> {
        let mut text = String::new();
        let file = File::open(&self.path).ok()?;
        file.take(CACHE_BYTES_MAX).read_to_string(&mut text).ok()?;
        let saved: Saved = serde_json::from_str(&text).ok()?;
        if saved.version != VERSION || !saved.service.eq_ignore_ascii_case(service) {
            return None;
        }
        let readable =
            |one: &SavedEndpoint| http::uri::Authority::try_from(&*one.authority).is_ok();
        Some(saved.endpoints.into_iter().filter(readable).map(SavedEndpoint::read).collect())
    }

    /// Replaces what was saved; blocks.
    pub(crate) fn save<'a>(
        &self,
        service: &str,
        endpoints: impl Iterator<Item = &'a Endpoint>,
    ) -> io::Result<()> {
        static WRITES: AtomicU64 = AtomicU64::new(0);
        let saved = Saved {
            version: VERSION,
            service: service.to_owned(),
            endpoints: endpoints.map(SavedEndpoint::write).collect(),
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // A name of its own for each writer: the folder is shared.
        let write = WRITES.fetch_add(1, Ordering::Relaxed);
        let aside = self.path.with_extension(format!("{}-{write}", std::process::id()));
        let written = File::create(&aside)
            .and_then(|mut file| file.write_all(&serde_json::to_vec(&saved)?))
            .and_then(|()| fs::rename(&aside, &self.path));
        if written.is_err() {
            _ = fs::remove_file(&aside);
        }
        written
    }
}

impl SavedEndpoint {
    fn read(self) -> Endpoint {
        Endpoint {
            id: self.id,
            protocol: self.protocol,
            authority: self.authority,
            zone: self.zone,
            weight: self.weight,
            available: true,
            metadata: self.metadata,
            registered_ms: 0,
        }
    }

    fn write(endpoint: &Endpoint) -> Self {
        Self {
            id: endpoint.id.clone(),
            protocol: endpoint.protocol.clone(),
            authority: endpoint.authority.clone(),
            zone: endpoint.zone.clone(),
            weight: endpoint.weight,
            metadata: endpoint.metadata.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CacheFile;
    use crate::view::Endpoint;

    #[test]
    fn what_is_saved_is_there_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = CacheFile::new(&folder.path().join("new"), "http://127.0.0.1:7000", "../Stock");
        assert!(file.load("../stock").is_none());
        let endpoints = [Endpoint::fixed("127.0.0.1:1"), Endpoint::fixed("127.0.0.1:2")];
        file.save("../Stock", endpoints.iter()).unwrap();
        assert_eq!(file.load("../stock").unwrap(), endpoints);
        assert!(file.load("other").is_none());
        let name = file.path.file_name().unwrap().to_str().unwrap();
        assert_eq!(name, "http___127_0_0_1_7000--___stock.json");
    }

    #[test]
    fn a_spoilt_file_counts_as_absent() {
        let folder = tempfile::tempdir().unwrap();
        let file = CacheFile::new(folder.path(), "s", "stock");
        for text in ["", "{", "[]", r#"{"version":9,"service":"stock","endpoints":[]}"#] {
            std::fs::write(&file.path, text).unwrap();
            assert!(file.load("stock").is_none(), "{text}");
        }
    }
}
