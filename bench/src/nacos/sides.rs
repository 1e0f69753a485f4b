//! The servers that are compared: ours, r-nacos, and Nacos itself where Java is there.

use std::net::SocketAddr;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::effort::Effort;
use crate::error::Error;
use crate::peers::{NacosServer, RNacos};
use crate::process::Server;
use crate::report::Report;
use crate::rialto::{Binary, Rialto};

/// Names of the sides, as the tables have them.
pub(super) const NAMES: [&str; 3] = ["rialto", "r-nacos", "Nacos 2.3.2"];

/// Where Nacos itself is in [`NAMES`].
pub(super) const NACOS: usize = 2;

/// What can be started.
pub(super) struct Kinds<'a> {
    ours: Kind<'a>,
    peers: [Option<Kind<'a>>; 2],
}

/// How one side is started.
pub(super) enum Kind<'a> {
    Rialto(&'a Binary),
    RNacos(PathBuf),
    Nacos((PathBuf, PathBuf)),
}

/// A running side.
pub(super) struct Side {
    http: SocketAddr,
    grpc: SocketAddr,
    runs: Runs,
    // Last, so that the server ends before what it uses.
    _folder: TempDir,
}

enum Runs {
    Rialto(Box<Rialto>),
    Peer(Box<Server>),
}

impl<'a> Kinds<'a> {
    /// Finds the peers; notes those that are not here.
    pub(super) fn find(
        binary: &'a Binary,
        effort: &Effort,
        report: &mut Report,
    ) -> Result<Self, Error> {
        if !effort.has_slow_peers {
            report.leave_out("Nacos beside its peers: only in a full run");
            return Ok(Self { ours: Kind::Rialto(binary), peers: [None, None] });
        }
        let r_nacos = RNacos::find();
        if r_nacos.is_none() {
            report.leave_out("Nacos beside r-nacos: `cargo install rnacos` installs it");
        }
        let nacos = NacosServer::find()?;
        if nacos.is_none() {
            report.leave_out("Nacos beside the real server: needs Java and Maven");
        }
        let peers = [r_nacos.map(Kind::RNacos), nacos.map(Kind::Nacos)];
        Ok(Self { ours: Kind::Rialto(binary), peers })
    }

    pub(super) fn ours(&self) -> &Kind<'a> {
        &self.ours
    }

    /// In the order of [`NAMES`].
    pub(super) fn all(&self) -> [Option<&Kind<'a>>; 3] {
        [Some(&self.ours), self.peers[0].as_ref(), self.peers[1].as_ref()]
    }
}

impl Kind<'_> {
    /// Starts one with an empty data folder.
    pub(super) fn start(&self) -> Result<Side, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        Ok(match self {
            Self::Rialto(binary) => {
                let rialto = binary.start(folder.path(), &[], None)?;
                let http = rialto.door("nacos")?;
                // The main port takes gRPC too.
                let runs = Runs::Rialto(Box::new(rialto));
                Side { http, grpc: http, runs, _folder: folder }
            }
            Self::RNacos(program) => {
                let RNacos { server, http, grpc } = RNacos::start(program, folder.path())?;
                Side { http, grpc, runs: Runs::Peer(Box::new(server)), _folder: folder }
            }
            Self::Nacos(java) => {
                let NacosServer { server, http, grpc } = NacosServer::start(java, folder.path())?;
                Side { http, grpc, runs: Runs::Peer(Box::new(server)), _folder: folder }
            }
        })
    }
}

impl Side {
    pub(super) fn server(&self) -> &Server {
        match &self.runs {
            Runs::Rialto(rialto) => &rialto.server,
            Runs::Peer(server) => server,
        }
    }

    pub(super) fn http(&self) -> SocketAddr {
        self.http
    }

    pub(super) fn grpc(&self) -> SocketAddr {
        self.grpc
    }
}
