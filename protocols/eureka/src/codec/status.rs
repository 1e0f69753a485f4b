//! The server's account of itself (`StatusInfo`).

use super::listing::Shape;
use super::{Media, json_write, xml_write};

/// What a server says about itself.
#[derive(Debug)]
pub struct StatusInfo<'a> {
    /// Figures of the process.
    pub general: &'a [(&'a str, String)],
    /// Its peers, each list comma-separated.
    pub replicas: &'a [(&'a str, String)],
    /// The server as an instance.
    pub instance: Shape<'a>,
}

const ROOT: &str = "com.netflix.eureka.util.StatusInfo";

/// Writes a server's status. Netflix's server fails to write it as JSON; this is the form that it
/// would have.
#[must_use]
pub fn write_status(media: Media, status: &StatusInfo<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(2_048);
    let groups = [("generalStats", status.general), ("applicationStats", status.replicas)];
    match media {
        Media::Json => {
            out.push(b'{');
            for (name, entries) in groups {
                json_write::text(&mut out, name);
                out.push(b':');
                let entries = entries.iter().map(|(key, value)| (*key, value.as_str()));
                json_write::map(&mut out, entries);
                out.push(b',');
            }
            out.extend_from_slice(b"\"instanceInfo\":");
            json_write::full(&mut out, &status.instance);
            out.push(b'}');
        }
        Media::Xml => {
            out.extend_from_slice(format!("<{ROOT}>").as_bytes());
            for (name, entries) in groups {
                xml_write::line(&mut out, 1);
                out.extend_from_slice(format!("<{name}>").as_bytes());
                for (key, value) in entries {
                    xml_write::line(&mut out, 2);
                    xml_write::element(&mut out, key, value);
                }
                xml_write::line(&mut out, 1);
                out.extend_from_slice(format!("</{name}>").as_bytes());
            }
            xml_write::full(&mut out, &status.instance, "instanceInfo", 1);
            out.extend_from_slice(format!("\n</{ROOT}>").as_bytes());
        }
    }
    out
}
