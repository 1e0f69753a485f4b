//! nginx: the upstream of the gateway's benchmark, the proxy beside ours, and a file server.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::process::{self, Server};

/// Seconds until nginx must serve.
const READY_MAX_SECONDS: u64 = 10;

/// A running nginx with one worker.
pub(crate) struct Nginx {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

/// A file and how it is served.
pub(crate) struct StaticFile<'a> {
    /// Path of the request, and name of the file below the folder.
    pub(crate) name: &'a str,
    pub(crate) is_gzip: bool,
}

/// Answers every request with `body_bytes` from memory.
pub(crate) fn nginx_upstream(folder: &Path, body_bytes: usize) -> Result<Nginx, Error> {
    let body = "x".repeat(body_bytes);
    start(folder, "upstream", "", &format!("location / {{ return 200 \"{body}\"; }}"))
}

/// Passes every request to `upstream` over kept-alive connections.
pub(crate) fn nginx_proxy(folder: &Path, upstream: SocketAddr) -> Result<Nginx, Error> {
    let pool = format!(
        "upstream behind {{ server {upstream}; keepalive 1024; keepalive_requests 100000000; }}"
    );
    let location = "location / { proxy_pass http://behind; proxy_http_version 1.1; \
                    proxy_set_header Connection \"\"; }";
    start(folder, "nginx", &pool, location)
}

/// Serves files of `folder` as JSON.
pub(crate) fn nginx_files(folder: &Path, files: &[StaticFile<'_>]) -> Result<Nginx, Error> {
    let mut locations = format!("root {};", folder.display());
    for StaticFile { name, is_gzip } in files {
        let encoding = if *is_gzip { "add_header Content-Encoding gzip;" } else { "" };
        locations.push_str(&format!(
            "location = /{name} {{ types {{}} default_type application/json; {encoding} }}"
        ));
    }
    start(folder, "nginx-files", "", &locations)
}

fn start(folder: &Path, name: &str, http: &str, server: &str) -> Result<Nginx, Error> {
    let program = process::find("nginx").ok_or_else(|| Error::Start {
        program: "nginx".to_owned(),
        source: std::io::ErrorKind::NotFound.into(),
    })?;
    let address = process::free_address()?;
    let home = folder.join(name);
    std::fs::create_dir_all(&home).map_err(Error::io("make a folder for nginx"))?;
    let file = home.join("nginx.conf");
    std::fs::write(&file, config(&home, http, server, address))
        .map_err(Error::io("write nginx's configuration"))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(&home).arg("-c").arg(&file).args(["-g", "daemon off;"]);
    let mut server = Server::start(name, &command, &home.join("log"))?;
    server.await_ready(READY_MAX_SECONDS, || process::accepts(address))?;
    Ok(Nginx { server, address })
}

fn config(home: &Path, http: &str, server: &str, address: SocketAddr) -> String {
    // Workers of a root's nginx change to a user that can't read a private temporary folder.
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0);
    let user = if is_root { "user root;" } else { "" };
    let home = home.display();
    format!(
        "{user}\nworker_processes 1;\nworker_rlimit_nofile 16384;\n\
         pid {home}/pid;\nerror_log {home}/error.log warn;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n\
         \x20 keepalive_requests 100000000;\n  keepalive_timeout 600;\n\
         \x20 client_body_temp_path {home}/body;\n  proxy_temp_path {home}/proxy;\n\
         \x20 fastcgi_temp_path {home}/fastcgi;\n  uwsgi_temp_path {home}/uwsgi;\n\
         \x20 scgi_temp_path {home}/scgi;\n  {http}\n\
         \x20 server {{ listen {address} backlog=4096; {server} }}\n}}\n"
    )
}
