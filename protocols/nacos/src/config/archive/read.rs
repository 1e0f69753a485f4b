//! Reads an archive that somebody sends. Nothing in it is believed: neither the sizes that it
//! states, nor its names.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use rialto_configuration::{ConfigKey, Content, ImportItem, Kind, PublishMeta};
use zip::ZipArchive;

use super::write::old_name;
use super::{METADATA, OLD_METADATA, yaml};
use crate::limits::{
    ARCHIVE_BYTES_FREE, ARCHIVE_BYTES_MAX, ARCHIVE_ENTRIES_MAX, ARCHIVE_RATIO_MAX,
};
use crate::{Code, Problem};

/// What was found in an archive.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) items: Vec<ImportItem>,
    pub(super) unrecognized: Vec<String>,
}

/// What an archive says about its configurations.
enum Described {
    /// By `group/dataId`.
    New(BTreeMap<String, yaml::Item>),
    /// Applications by `group.name~ext.app`.
    Old(BTreeMap<String, String>),
    /// Nothing.
    Not,
}

pub(super) fn read(archive: &[u8], namespace: &str) -> Result<Read, Problem> {
    if archive.is_empty() {
        return Err(Problem::new(400, Code::ArchiveEmpty, Code::ArchiveEmpty.words()));
    }
    let entries = unpack(archive)?;
    let described = describe(&entries)?;
    let (mut items, mut unrecognized) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        if name == METADATA || name == OLD_METADATA {
            continue;
        }
        match item(&name, &content, namespace, &described) {
            Some(item) => items.push(item),
            None => unrecognized.push(name),
        }
    }
    if items.is_empty() && unrecognized.is_empty() {
        return Err(Problem::new(400, Code::ArchiveEmpty, Code::ArchiveEmpty.words()));
    }
    Ok(Read { items, unrecognized })
}

/// All files of an archive, by their names.
fn unpack(archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Problem> {
    let allowed = (archive.len() as u64).saturating_mul(ARCHIVE_RATIO_MAX);
    let mut left = allowed.clamp(ARCHIVE_BYTES_FREE, ARCHIVE_BYTES_MAX);
    let mut zip = ZipArchive::new(Cursor::new(archive))
        .map_err(|error| invalid(&format!("it is no zip archive: {error}")))?;
    if zip.len() > ARCHIVE_ENTRIES_MAX {
        return Err(invalid(&format!("it has more than {ARCHIVE_ENTRIES_MAX} entries")));
    }
    let mut entries = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let file = zip
            .by_index(index)
            .map_err(|error| invalid(&format!("entry {index} cannot be read: {error}")))?;
        let name = file.name().to_owned();
        check_place(&name)?;
        if file.is_dir() {
            continue;
        }
        if file.is_symlink() {
            return Err(invalid(&format!("the entry {name:?} is a link")));
        }
        let mut content = Vec::new();
        // One byte more than what is left tells that there is more.
        file.take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| invalid(&format!("the entry {name:?} cannot be read: {error}")))?;
        left = left.checked_sub(content.len() as u64).ok_or_else(|| {
            invalid(&format!(
                "its content is more than {ARCHIVE_RATIO_MAX} times as large as the archive, or \
                 than {ARCHIVE_BYTES_MAX} bytes"
            ))
        })?;
        entries.push((name, content));
    }
    Ok(entries)
}

/// Refuses names of places outside the archive: whoever writes such a name means no good.
fn check_place(name: &str) -> Result<(), Problem> {
    let outside = name.starts_with('/')
        || name.contains('\\')
        || name.contains('\0')
        || name.split('/').any(|part| part == ".." || part == ".");
    match outside {
        true => Err(invalid(&format!("the entry {name:?} names a place outside the archive"))),
        false => Ok(()),
    }
}

fn describe(entries: &[(String, Vec<u8>)]) -> Result<Described, Problem> {
    let text = |wanted: &str| {
        let entry = entries.iter().find(|(name, _)| name == wanted);
        entry.map(|(_, content)| String::from_utf8_lossy(content).into_owned())
    };
    if let Some(text) = text(METADATA) {
        let items = yaml::read(&text).map_err(|reason| {
            Problem::new(400, Code::ArchiveMetadata, format!("{METADATA}: {reason}"))
        })?;
        let by_name = |item: yaml::Item| (format!("{}/{}", item.group, item.data_id), item);
        return Ok(Described::New(items.into_iter().map(by_name).collect()));
    }
    let Some(text) = text(OLD_METADATA) else { return Ok(Described::Not) };
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Ok(Described::Old(lines.map(|(name, app)| (name.to_owned(), app.to_owned())).collect()))
}

/// A configuration; `None` when the entry is none.
fn item(name: &str, content: &[u8], namespace: &str, described: &Described) -> Option<ImportItem> {
    let (group, data_id) = name.split_once('/')?;
    let key = ConfigKey::new(namespace, group, data_id).ok()?;
    let content = Content::of_bytes(content)?;
    let mut meta = PublishMeta::default();
    let (mut kind, mut encrypted_data_key) = (None, String::new());
    match described {
        Described::New(items) => {
            // As the real server: what is not described is not known.
            let item = items.get(name)?;
            let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            meta.app_name = said(&item.app_name);
            meta.tags = said(&item.config_tags);
            meta.desc = said(&item.desc);
            kind = said(&item.kind).map(|kind| Kind::parse(&kind));
            encrypted_data_key.clone_from(&item.encrypted_data_key);
        }
        Described::Old(apps) => meta.app_name = apps.get(&old_name(group, data_id)).cloned(),
        Described::Not => {}
    }
    let kind = Some(kind.unwrap_or_else(|| kind_of_name(data_id)));
    Some(ImportItem { key, content, kind, meta, encrypted_data_key, secret: false })
}

/// The type that the ending of a name says.
fn kind_of_name(data_id: &str) -> Kind {
    match data_id.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "yml" => Kind::Yaml,
        "htm" => Kind::Html,
        extension => Kind::parse(extension),
    }
}

fn invalid(reason: &str) -> Problem {
    let message = format!("the archive is refused: {reason}");
    Problem::new(400, Code::ArchiveInvalid, message)
}
