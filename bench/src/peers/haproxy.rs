//! HAProxy with one thread, as a proxy beside ours.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::process::{self, Server};

/// Seconds until HAProxy must serve.
const READY_MAX_SECONDS: u64 = 10;

/// Passes every request to `upstream`; `None` where HAProxy is not installed.
pub(crate) fn haproxy(
    folder: &Path,
    upstream: SocketAddr,
) -> Result<Option<(Server, SocketAddr)>, Error> {
    let Some(program) = process::find("haproxy") else { return Ok(None) };
    let address = process::free_address()?;
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, config(address, upstream))
        .map_err(Error::io("write HAProxy's configuration"))?;
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(&file);
    let mut server = Server::start("haproxy", &command, &folder.join("haproxy.log"))?;
    server.await_ready(READY_MAX_SECONDS, || process::accepts(address))?;
    Ok(Some((server, address)))
}

fn config(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "global\n  nbthread 1\n  maxconn 8192\n\
         defaults\n  mode http\n  http-reuse always\n  option http-keep-alive\n\
         \x20 timeout connect 3s\n  timeout client 60s\n  timeout server 30s\n\
         \x20 timeout http-request 10s\n  timeout http-keep-alive 60s\n\
         frontend entry\n  bind {address} backlog 4096\n  default_backend behind\n\
         backend behind\n  server one {upstream} maxconn 4096 pool-max-conn 4096\n"
    )
}
