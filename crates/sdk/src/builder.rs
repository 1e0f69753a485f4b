//! How a client is set up: from the environment, or step by step.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use crate::error::Error;
use crate::registry::server::{Server, Token};
use crate::rialto::{Rialto, Setup};
use crate::view::Endpoint;

/// Where the server is unless said otherwise.
const SERVER_DEFAULT: &str = "http://127.0.0.1:7000";

/// Sets up a [`Rialto`]. What is not set here comes from the environment:
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `RIALTO_SERVER` | address of the server | `http://127.0.0.1:7000` |
/// | `RIALTO_TOKEN` | token | – |
/// | `RIALTO_TOKEN_FILE` | file that holds the token | the one of a local server of this user |
/// | `RIALTO_NAME` | this process's name in the topology | the first service that it registers |
/// | `RIALTO_HOST` | host that others call it by | the address that leads to the server |
/// | `RIALTO_ZONE` | zone of this process | none |
/// | `RIALTO_CACHE` | folder of the local cache, empty for none | `~/.cache/rialto` |
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    server: Option<String>,
    token: Option<String>,
    token_file: Option<PathBuf>,
    name: Option<String>,
    host: Option<String>,
    zone: Option<String>,
    cache: Option<Option<PathBuf>>,
    fixed: BTreeMap<String, Vec<String>>,
}

impl Builder {
    /// Address of the server.
    pub fn server(mut self, address: impl Into<String>) -> Self {
        self.server = Some(address.into());
        self
    }

    /// Token that the server knows this process by.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// File that holds the token; read again whenever the server is reached anew.
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token_file = Some(path.into());
        self
    }

    /// This process's name in the topology.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Host that others call this process by.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Zone of this process: instances of the same zone are preferred.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// Folder of the local cache.
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(Some(folder.into()));
        self
    }

    /// Nothing is kept on disk.
    pub fn without_cache(mut self) -> Self {
        self.cache = Some(None);
        self
    }

    /// Calls of a service go to these addresses (`127.0.0.1:9001`), whatever the server says: for
    /// tests, and for what no server knows.
    pub fn fixed<A: Into<String>>(
        mut self,
        service: impl Into<String>,
        addresses: impl IntoIterator<Item = A>,
    ) -> Self {
        let addresses = addresses.into_iter().map(Into::into).collect();
        self.fixed.insert(service.into().to_lowercase(), addresses);
        self
    }

    /// Starts. Returns at once, whether the server is there or not.
    ///
    /// # Errors
    /// When a setting cannot work: an address that is none, a token file that is not there although
    /// it was named.
    pub async fn connect(self) -> Result<Rialto, Error> {
        let address = self.server.or_else(|| text("RIALTO_SERVER"));
        let address = address.unwrap_or_else(|| SERVER_DEFAULT.to_owned());
        let token = token(self.token, self.token_file)?;
        let server = Server::new(address.trim_end_matches('/'), token)?;
        let mut fixed = BTreeMap::new();
        for (service, addresses) in self.fixed {
            let refuse = |address: &str| Error::Address {
                address: address.to_owned(),
                reason: format!("an instance of {service} is written 127.0.0.1:9001"),
            };
            let mut endpoints = Vec::new();
            for address in addresses {
                let authority = http::uri::Authority::try_from(address.as_str())
                    .map_err(|_| refuse(&address))?;
                authority.port_u16().ok_or_else(|| refuse(&address))?;
                endpoints.push(Endpoint::fixed(&address));
            }
            fixed.insert(service, endpoints);
        }
        Ok(Rialto::start(Setup {
            name: self.name.or_else(|| text("RIALTO_NAME")),
            host: self.host.or_else(|| text("RIALTO_HOST")),
            zone: self.zone.or_else(|| text("RIALTO_ZONE")).unwrap_or_default(),
            cache: self.cache.unwrap_or_else(cache_folder),
            server,
            fixed,
        }))
    }
}

fn text(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|text| !text.is_empty())
}

fn folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let folder = env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    folder.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(below_home)))
}

fn token(token: Option<String>, file: Option<PathBuf>) -> Result<Token, Error> {
    let given = match (token, &file) {
        (Some(token), _) => Some(token),
        (None, None) => text("RIALTO_TOKEN"),
        (None, Some(_)) => None,
    };
    let token = match (given, file.or_else(|| text("RIALTO_TOKEN_FILE").map(PathBuf::from))) {
        (Some(token), _) => Token::Text(token),
        (None, Some(path)) => {
            // Named, so it is expected to be there: a mistake is better told now.
            let read = std::fs::metadata(&path);
            read.map_err(|source| Error::TokenFile { path: path.clone(), source })?;
            Token::File(path)
        }
        (None, None) => match folder("XDG_DATA_HOME", ".local/share") {
            Some(data) => Token::File(data.join("rialto/service.token")),
            None => Token::None,
        },
    };
    if token.is_sendable() { Ok(token) } else { Err(Error::Token) }
}

fn cache_folder() -> Option<PathBuf> {
    match env::var_os("RIALTO_CACHE") {
        Some(folder) if folder.is_empty() => None,
        Some(folder) => Some(folder.into()),
        None => Some(folder("XDG_CACHE_HOME", ".cache")?.join("rialto")),
    }
}
