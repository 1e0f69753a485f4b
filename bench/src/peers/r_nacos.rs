//! r-nacos, the strongest server that speaks Nacos's protocols beside ours.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::maven::cache;
use crate::error::Error;
use crate::load;
use crate::process::{self, Server};

/// Seconds until the server must serve.
const READY_MAX_SECONDS: u64 = 15;

/// On a busy machine 0.8.8 may panic while it elects itself, and never does so again then.
const TRIES: usize = 6;

/// gRPC and its console above the port.
const PORTS: [i32; 2] = [1_000, 2_000];

/// A running server.
pub(crate) struct RNacos {
    pub(crate) server: Server,
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
}

impl RNacos {
    /// The program: on the search path, or in the cache.
    pub(crate) fn find() -> Option<PathBuf> {
        let cached = cache().join("r-nacos/bin/rnacos");
        process::find("rnacos").or_else(|| cached.is_file().then_some(cached))
    }

    /// Starts it with its data in `folder`, which must be empty.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self, Error> {
        let mut tries = 1;
        loop {
            let data = folder.join(format!("r-nacos-{tries}"));
            std::fs::create_dir_all(&data).map_err(Error::io("make a data folder"))?;
            match Self::try_start(program, &data) {
                Ok(server) => return Ok(server),
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    fn try_start(program: &Path, data: &Path) -> Result<Self, Error> {
        let port = process::free_port_with(&PORTS)?;
        let http = SocketAddr::from(([127, 0, 0, 1], port));
        let grpc = SocketAddr::from(([127, 0, 0, 1], port + 1_000));
        let mut command = Command::new(program);
        command
            .env("RNACOS_SDK_HOST", "127.0.0.1")
            .env("RNACOS_HTTP_PORT", port.to_string())
            .env("RNACOS_RAFT_NODE_ADDR", grpc.to_string())
            .env("RNACOS_DATA_DIR", data)
            .env("RNACOS_CONSOLE_ENABLE_CAPTCHA", "false")
            .env("RUST_LOG", "warn");
        let mut server = Server::start("r-nacos", &command, &data.join("log"))?;
        server.await_ready(READY_MAX_SECONDS, || {
            process::accepts(http) && process::accepts(grpc) && is_usable(http)
        })?;
        Ok(Self { server, http, grpc })
    }
}

/// What it takes before it leads is not kept: it serves once a write can be read back.
fn is_usable(http: SocketAddr) -> bool {
    let key = "/nacos/v1/cs/configs?dataId=ready&group=BENCH";
    let write = load::request("POST", &format!("{key}&content=yes"), &["Connection: close"]);
    let read = load::request("GET", key, &["Connection: close"]);
    let is_written = load::fetch(http, &write).is_ok_and(|(status, _)| status == 200);
    is_written && load::fetch(http, &read).is_ok_and(|(_, body)| body == b"yes")
}
