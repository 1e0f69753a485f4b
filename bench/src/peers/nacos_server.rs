//! The real Nacos server, 2.3.2: the newest whose HTTP interface all clients still speak.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::maven;
use crate::error::Error;
use crate::load;
use crate::process::{self, Server};

/// Seconds until the server must serve; it fills a database first.
const READY_MAX_SECONDS: u64 = 240;

/// The Maven project, compiled in so that this program can be run from anywhere.
const POM: &str = include_str!("../../peers/nacos-server/pom.xml");

/// gRPC of clients and of other nodes, and Raft.
const PORTS: [i32; 3] = [1_000, 1_001, -1_000];

/// A running server.
pub(crate) struct NacosServer {
    pub(crate) server: Server,
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
}

impl NacosServer {
    /// Java and the jar, which is built first where it is not there; `None` without Java or Maven.
    pub(crate) fn find() -> Result<Option<(PathBuf, PathBuf)>, Error> {
        let (Some(java), Some(mvn)) = (process::find("java"), process::find("mvn")) else {
            return Ok(None);
        };
        let jar = maven::jar(&mvn, "nacos-server-2", &[("pom.xml", POM)])?;
        Ok(Some((java, jar)))
    }

    /// Starts it alone, with its own database in `folder`.
    pub(crate) fn start((java, jar): &(PathBuf, PathBuf), folder: &Path) -> Result<Self, Error> {
        let port = process::free_port_with(&PORTS)?;
        let http = SocketAddr::from(([127, 0, 0, 1], port));
        let grpc = SocketAddr::from(([127, 0, 0, 1], port + 1_000));
        let home = folder.join("nacos-server");
        std::fs::create_dir_all(&home).map_err(Error::io("make a data folder"))?;
        let home = home.display();
        let mut command = Command::new(java);
        command
            // What Nacos's own start script gives a server that is alone.
            .args(["-Xms512m", "-Xmx512m", "-Xmn256m", "-Dnacos.standalone=true"])
            .arg(format!("-Dnacos.home={home}"))
            .arg("-jar")
            .arg(jar)
            .arg(format!("--server.port={port}"))
            .arg("--server.address=127.0.0.1")
            .arg(format!("--server.tomcat.basedir=file:{home}"))
            .arg("--nacos.inetutils.ip-address=127.0.0.1")
            // By default every hundredth request costs a connection, which would flatter us.
            .arg("--server.tomcat.max-keep-alive-requests=-1")
            // Making the database takes longer than the default on a busy machine.
            .arg("--db.pool.config.connectionTimeout=60000");
        let log = folder.join("nacos-server.log");
        let mut server = Server::start("nacos-server", &command, &log)?;
        let path = "/nacos/v2/console/health/readiness";
        let ready = load::request("GET", path, &["Connection: close"]);
        server.await_ready(READY_MAX_SECONDS, || {
            process::accepts(http)
                && process::accepts(grpc)
                && load::fetch(http, &ready).is_ok_and(|(status, _)| status == 200)
        })?;
        Ok(Self { server, http, grpc })
    }
}
