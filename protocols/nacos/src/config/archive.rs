//! Configurations as a zip archive, as the real server exports and imports them.
//!
//! An entry `group/dataId` holds a content. `.metadata.yml` describes all entries; before 2.0,
//! `.meta.yml` had lines `group.name~ext.app=application` for those with an application.

mod read;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use rialto_configuration::{Entry, ImportOutcome, ImportPolicy, Origin};

use super::{Configs, refusal};
use crate::{Code, Problem};

/// Name of the entry that describes the others.
const METADATA: &str = ".metadata.yml";
/// The same in archives of old servers.
const OLD_METADATA: &str = ".meta.yml";

/// Which servers an archive is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArchiveFormat {
    /// Since 2.0.
    #[default]
    New,
    /// Before.
    Old,
}

/// An archive to import.
#[derive(Debug, Clone)]
pub struct ImportForm<'a> {
    /// The archive.
    pub archive: Bytes,
    /// Where to; blank is `public`.
    pub namespace: &'a str,
    /// What to do about those that are there.
    pub policy: ImportPolicy,
    /// Who asks.
    pub user: &'a str,
    /// From where.
    pub ip: &'a str,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Of the entries that are configurations.
    pub outcome: ImportOutcome,
    /// Names of entries that are none.
    pub unrecognized: Vec<String>,
}

/// Reads anything as an archive, for a fuzzer: it must neither panic nor take more than it may.
pub fn fuzz(data: &[u8]) {
    if let Ok(read) = read::read(data, "public") {
        assert!(read.items.len() + read.unrecognized.len() <= crate::limits::ARCHIVE_ENTRIES_MAX);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _read = yaml::read(text).map(|items| items.len());
    }
}

impl Configs {
    /// Writes configurations into an archive. Secrets are left out unless `with_secrets` is set,
    /// which is for whoever may read them. Takes a while: not for a thread that others wait for.
    ///
    /// # Errors
    /// When it would be larger than what can be imported again.
    pub fn export(
        entries: &[Arc<Entry>],
        format: ArchiveFormat,
        with_secrets: bool,
    ) -> Result<Vec<u8>, Problem> {
        write::write(entries, format, with_secrets)
    }

    /// Publishes what is in an archive, all in one commit.
    ///
    /// # Errors
    /// When it is no archive, is empty, has more or larger entries than it may, names places
    /// outside itself, or could not be stored.
    pub fn import(
        &self,
        form: &ImportForm<'_>,
    ) -> impl Future<Output = Result<Imported, Problem>> + Send + 'static + use<> {
        let configurations = self.shared.configurations.clone();
        let (archive, policy) = (form.archive.clone(), form.policy);
        let namespace = form.namespace.to_owned();
        let origin = Origin { user: form.user.to_owned(), ip: form.ip.to_owned() };
        async move {
            let read = tokio::task::spawn_blocking(move || read::read(&archive, &namespace)).await;
            let read = read.map_err(|error| {
                Problem::new(500, Code::Server, format!("reading the archive failed: {error}"))
            })??;
            let imported = configurations.import(read.items, policy, origin).await;
            let outcome = imported.map_err(|error| refusal::of_publish(&error))?;
            Ok(Imported { outcome, unrecognized: read.unrecognized })
        }
    }
}
