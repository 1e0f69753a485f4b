//! Our own server as a side of a benchmark.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::process::Server;

/// Seconds until every door must serve.
const READY_MAX_SECONDS: u64 = 30;

/// The rialto program.
pub(crate) struct Binary(PathBuf);

/// A running server of ours.
pub(crate) struct Rialto {
    pub(crate) server: Server,
    doors: BTreeMap<String, SocketAddr>,
}

impl Binary {
    /// The given one, or the one that cargo puts beside this program.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, Error> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => std::env::current_exe()
                .map_err(Error::io("find this program"))?
                .with_file_name("rialto"),
        };
        if path.is_file() { Ok(Self(path)) } else { Err(Error::NoBinary(path)) }
    }

    /// Starts `rialto serve` on free ports and waits until it serves.
    pub(crate) fn start(
        &self,
        data: &Path,
        settings: &[&str],
        config: Option<&str>,
    ) -> Result<Rialto, Error> {
        let ready = data.join("ready.json");
        // A file of an earlier start would say too early that everything serves.
        let _ = std::fs::remove_file(&ready);
        let mut command = Command::new(&self.0);
        command.arg("serve").arg("--data").arg(data).arg("--ready-file").arg(&ready);
        command.env("RIALTO_ADMIN_PASSWORD", "benchmark-only-password");
        for door in ["eureka", "nacos", "gateway", "api"] {
            let own = format!("{door}.listen=");
            if !settings.iter().any(|setting| setting.starts_with(&own)) {
                command.arg("--set").arg(format!("{own}127.0.0.1:0"));
            }
        }
        for setting in settings {
            command.arg("--set").arg(setting);
        }
        if let Some(config) = config {
            let file = data.join("rialto.toml");
            std::fs::write(&file, config).map_err(Error::io("write a configuration"))?;
            command.arg("--config").arg(file);
        }
        let mut server = Server::start("rialto", &command, &data.join("rialto.log"))?;
        let mut doors = None;
        server.await_ready(READY_MAX_SECONDS, || {
            doors = std::fs::read(&ready).ok().and_then(|json| parse_doors(&json));
            doors.is_some()
        })?;
        Ok(Rialto { server, doors: doors.unwrap_or_default() })
    }
}

impl Rialto {
    /// Where a door listens.
    pub(crate) fn door(&self, name: &str) -> Result<SocketAddr, Error> {
        self.doors.get(name).copied().ok_or_else(|| Error::Output {
            program: "rialto".to_owned(),
            output: format!("no door {name} in the ready file, only {:?}", self.doors.keys()),
        })
    }
}

/// Doors that are off, or are no address, are left out.
fn parse_doors(json: &[u8]) -> Option<BTreeMap<String, SocketAddr>> {
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_slice(json).ok()?;
    let address = |value: &serde_json::Value| value.as_str()?.parse().ok();
    Some(all.iter().filter_map(|(name, value)| Some((name.clone(), address(value)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_file_names_the_doors() {
        let doors = parse_doors(br#"{"eureka":"127.0.0.1:8761","gateway":null}"#).expect("valid");
        assert_eq!(doors.len(), 1);
        assert_eq!(parse_doors(b"{"), None);
    }

    #[test]
    fn a_missing_binary_is_named() {
        let error = Binary::find(Some(Path::new("no/such/file"))).err().expect("no such file");
        assert!(error.to_string().contains("no/such/file"));
    }
}
