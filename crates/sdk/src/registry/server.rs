//! Where the server is and how to prove who we are.

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, ToSocketAddrs as _, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use rialto_api::proto::MESSAGE_BYTES_MAX;
use rialto_api::proto::registry_client::RegistryClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

use crate::error::Error;
use crate::limits::{CONNECT_TIMEOUT, TOKEN_BYTES_MAX};

/// The server, reached again whenever the connection broke.
#[derive(Clone)]
pub(crate) struct Server {
    address: String,
    channel: Channel,
    token: Token,
}

/// Where the token comes from.
#[derive(Clone)]
pub(crate) enum Token {
    /// Given.
    Text(String),
    /// Read each time it is needed: the server may write it after this process started, or change
    /// it.
    File(PathBuf),
    /// None is sent.
    None,
}

impl Server {
    /// Connects to nothing yet. Must be called inside a runtime.
    pub(crate) fn new(address: &str, token: Token) -> Result<Self, Error> {
        let refuse = |reason: &str| Error::Address {
            address: address.to_owned(),
            reason: reason.to_owned(),
        };
        let uri: http::Uri = address.parse().map_err(|_| refuse("it is not a URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(refuse("this version speaks http only")),
            _ => return Err(refuse("it does not begin with http://")),
        }
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if uri.host().is_none_or(str::is_empty) || !bare {
            return Err(refuse("it needs a host and a port and nothing more"));
        }
        let endpoint = Endpoint::from_shared(address.to_owned())
            .map_err(|_| refuse("it is not a URL"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(3))
            .keep_alive_while_idle(true);
        Ok(Self { address: address.to_owned(), channel: endpoint.connect_lazy(), token })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn client(&self) -> RegistryClient<Channel> {
        RegistryClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// A request with the token as it is now.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(value) = self.token.header() {
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// The address of this machine that the server can reach, which is what others call us by.
    pub(crate) fn own_host(&self) -> IpAddr {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let uri: Option<http::Uri> = self.address.parse().ok();
        let Some(uri) = uri else { return loopback };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        // No packet is sent: this only asks which interface leads there.
        let towards = || {
            let server = (host, uri.port_u16().unwrap_or(80)).to_socket_addrs().ok()?.next()?;
            let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).ok()?;
            socket.connect(server).ok()?;
            Some(socket.local_addr().ok()?.ip())
        };
        towards().unwrap_or(loopback)
    }
}

impl Token {
    fn header(&self) -> Option<MetadataValue<Ascii>> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::File(path) => {
                let mut text = String::new();
                let file = File::open(path).ok()?;
                file.take(TOKEN_BYTES_MAX).read_to_string(&mut text).ok()?;
                text
            }
            Self::None => return None,
        };
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", text.trim()).parse().ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether it can stand in a header.
    pub(crate) fn is_sendable(&self) -> bool {
        match self {
            Self::Text(text) => !text.trim().is_empty() && self.header().is_some(),
            Self::File(_) | Self::None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Server, Token};

    #[tokio::test]
    async fn refuses_addresses_that_cannot_work() {
        for (address, reason) in [
            ("127.0.0.1:7000", "http"),
            ("https://rialto.example", "http only"),
            ("http://", "URL"),
            ("http://host:7000/api", "nothing more"),
            ("ftp://host", "begin with http://"),
        ] {
            let told = Server::new(address, Token::None).err().unwrap().to_string();
            assert!(told.contains(reason) && told.contains("7000"), "{told}");
        }
        let server = Server::new("http://127.0.0.1:7000", Token::None).unwrap();
        assert_eq!(server.own_host().to_string(), "127.0.0.1");
    }

    #[test]
    fn a_token_with_a_line_break_inside_is_refused() {
        assert!(Token::Text("abc\n".into()).is_sendable());
        assert!(!Token::Text("a\nb".into()).is_sendable());
        assert!(!Token::Text(" ".into()).is_sendable());
    }
}
