//! Writes an archive.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::sync::Arc;

use rialto_configuration::{Entry, Formal};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{ArchiveFormat, METADATA, OLD_METADATA};
use crate::limits::{ARCHIVE_BYTES_MAX, ARCHIVE_ENTRIES_MAX};
use crate::{Code, Problem};

pub(super) fn write(
    entries: &[Arc<Entry>],
    format: ArchiveFormat,
    with_secrets: bool,
) -> Result<Vec<u8>, Problem> {
    let published = entries.iter().filter_map(|entry| Some((&**entry, entry.formal.as_ref()?)));
    let shown: Vec<(&Entry, &Formal)> =
        published.filter(|(_, formal)| with_secrets || !formal.secret).collect();
    let bytes: u64 = shown.iter().map(|(_, one)| one.effective.content.bytes().len() as u64).sum();
    if bytes > ARCHIVE_BYTES_MAX || shown.len() >= ARCHIVE_ENTRIES_MAX {
        let message = format!(
            "{} configurations with {bytes} bytes are selected; an archive has at most {} with \
             {ARCHIVE_BYTES_MAX}, so export a part",
            shown.len(),
            ARCHIVE_ENTRIES_MAX - 1
        );
        return Err(Problem::new(400, Code::ParameterInvalid, message));
    }
    pack(&shown, format).map_err(|error| {
        Problem::new(500, Code::Server, format!("the archive cannot be written: {error}"))
    })
}

fn pack(shown: &[(&Entry, &Formal)], format: ArchiveFormat) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for (entry, formal) in shown {
        archive.start_file(format!("{}/{}", entry.key.group(), entry.key.data_id()), options)?;
        archive.write_all(formal.effective.content.bytes())?;
    }
    let (name, metadata) = match format {
        ArchiveFormat::New => (METADATA, metadata(shown)),
        ArchiveFormat::Old => (OLD_METADATA, old_metadata(shown)),
    };
    if !metadata.is_empty() {
        archive.start_file(name, options)?;
        archive.write_all(metadata.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

fn metadata(shown: &[(&Entry, &Formal)]) -> String {
    let mut text = "metadata:\n".to_owned();
    for (entry, formal) in shown {
        let key = &entry.key;
        let meta = &formal.meta;
        for (at, (name, value)) in [
            ("appName", meta.app_name.as_str()),
            ("configTags", &meta.tags),
            ("dataId", key.data_id()),
            ("desc", &meta.desc),
            ("encryptedDataKey", &formal.effective.encrypted_data_key),
            ("group", key.group()),
            ("type", formal.effective.kind.as_str()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .enumerate()
        {
            let begin = if at == 0 { "- " } else { "  " };
            // A JSON string is a YAML scalar.
            let value = serde_json::Value::from(value);
            writeln!(text, "{begin}{name}: {value}").expect("writing into memory");
        }
    }
    text
}

fn old_metadata(shown: &[(&Entry, &Formal)]) -> String {
    let mut text = String::new();
    for (entry, formal) in shown.iter().filter(|(_, formal)| !formal.meta.app_name.is_empty()) {
        let name = old_name(entry.key.group(), entry.key.data_id());
        write!(text, "{name}={}\r\n", formal.meta.app_name).expect("writing into memory");
    }
    text
}

/// `group.name~ext.app`, so that the last full stops separate what is meant.
pub(super) fn old_name(group: &str, data_id: &str) -> String {
    match data_id.rsplit_once('.') {
        Some((name, extension)) => format!("{group}.{name}~{extension}.app"),
        None => format!("{group}.{data_id}.app"),
    }
}
