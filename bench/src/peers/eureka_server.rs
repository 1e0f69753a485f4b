//! The real Eureka server: Spring Cloud's starter, built once from its published packages.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::maven;
use crate::error::Error;
use crate::load;
use crate::process::{self, Server};

/// Seconds until the server must serve; a JVM starts slowly on two busy cores.
const READY_MAX_SECONDS: u64 = 120;

/// The Maven project, compiled in so that this program can be run from anywhere.
const POM: &str = include_str!("../../peers/eureka-server/pom.xml");
const MAIN_PATH: &str = "src/main/java/rialto/bench/EurekaServer.java";
const MAIN: &str =
    include_str!("../../peers/eureka-server/src/main/java/rialto/bench/EurekaServer.java");

/// A running server.
pub(crate) struct EurekaServer {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

impl EurekaServer {
    /// Starts it; `None` where Java or Maven is not installed.
    pub(crate) fn start(folder: &Path) -> Result<Option<Self>, Error> {
        let (Some(java), Some(maven)) = (process::find("java"), process::find("mvn")) else {
            return Ok(None);
        };
        let jar = jar(&maven)?;
        let address = process::free_address()?;
        let url = format!("http://{address}/eureka/");
        let mut command = Command::new(java);
        command
            .arg("-jar")
            .arg(jar)
            .arg("--spring.application.name=eureka")
            .arg("--server.address=127.0.0.1")
            .arg(format!("--server.port={}", address.port()))
            // Alone: it neither registers with itself nor waits for peers.
            .arg("--eureka.client.register-with-eureka=false")
            .arg("--eureka.client.fetch-registry=false")
            .arg("--eureka.server.wait-time-in-ms-when-sync-empty=0")
            // By default every hundredth request costs a connection, which would flatter us.
            .arg("--server.tomcat.max-keep-alive-requests=-1")
            .arg(format!("--eureka.client.service-url.defaultZone={url}"));
        let log = folder.join("eureka-server.log");
        let mut server = Server::start("eureka-server", &command, &log)?;
        let request = load::request("GET", "/eureka/apps", &["Connection: close"]);
        server.await_ready(READY_MAX_SECONDS, || {
            process::accepts(address)
                && load::fetch(address, &request).is_ok_and(|(status, _)| status == 200)
        })?;
        Ok(Some(Self { server, address }))
    }
}

fn jar(maven: &Path) -> Result<PathBuf, Error> {
    maven::jar(maven, "eureka-server", &[("pom.xml", POM), (MAIN_PATH, MAIN)])
}
