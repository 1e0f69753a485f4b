//! The real Eureka server: Spring Cloud's starter, built once from its published packages.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The jar from the cache, built first where it is not there.
fn jar(maven: &Path) -> Result<PathBuf, Error> {
    let folder = cache().join(format!("eureka-server-{:016x}", fingerprint(&[POM, MAIN])));
    let jar = folder.join("peer.jar");
    if jar.is_file() {
        return Ok(jar);
    }
    eprintln!("building the real Eureka server; the first time downloads its dependencies");
    let project = folder.join("project");
    let main = project.join(MAIN_PATH);
    let failed = || Error::io("write the project of the Eureka server");
    std::fs::create_dir_all(main.parent().unwrap_or(&project)).map_err(failed())?;
    std::fs::write(project.join("pom.xml"), POM).map_err(failed())?;
    std::fs::write(main, MAIN).map_err(failed())?;
    let output = Command::new(maven)
        .args(["-q", "-B", "package"])
        .current_dir(&project)
        .output()
        .map_err(|source| Error::Start { program: "mvn".to_owned(), source })?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        return Err(Error::Failed { program: "mvn".to_owned(), output });
    }
    std::fs::rename(project.join("target/peer.jar"), &jar)
        .map_err(Error::io("keep the Eureka server's jar"))?;
    Ok(jar)
}

fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| Some(variable("HOME")?.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("rialto-peers")
}

/// FNV-1a: the same text gives the same folder with any version of the compiler.
fn fingerprint(texts: &[&str]) -> u64 {
    texts.iter().flat_map(|text| text.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
