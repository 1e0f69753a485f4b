//! Binding listeners, with errors that name the door and the way out.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::limits::{BACKLOG_MAX, LISTENERS_MAX};

/// Why a door could not start to listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program, or another door of this one, holds the port.
    #[error(
        "port {} is in use by another program ({door} door). Free it, or start with \
         --set {door}.listen={}",
        address.port(),
        next_port(address)
    )]
    InUse {
        /// The door that wanted it.
        door: String,
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The operating system does not let this user listen there.
    #[error(
        "listening on {address} is not permitted for this user ({door} door). \
         Use a port from 1024 on: --set {door}.listen={}",
        unprivileged(address)
    )]
    Denied {
        /// The door that wanted it.
        door: String,
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address is not one of this machine.
    #[error(
        "{} is not an address of this machine ({door} door). Set one that is, for example \
         --set {door}.listen=127.0.0.1:{}",
        address.ip(),
        address.port()
    )]
    NoSuchAddress {
        /// The door that wanted it.
        door: String,
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// More listeners on one address than there may be.
    #[error(
        "{door} door: {count} listeners on one address are too many; use at most {LISTENERS_MAX}"
    )]
    TooMany {
        /// The door that wanted them.
        door: String,
        /// How many it asked for.
        count: usize,
    },
    /// Anything else; the source says what.
    #[error("cannot listen on {address} ({door} door)")]
    Other {
        /// The door that wanted it.
        door: String,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Binds a non-blocking listener for `door`. Port 0 lets the system choose.
///
/// # Errors
/// When the address cannot be had; the error names the door and the setting that moves it.
pub fn bind(door: &str, address: SocketAddr) -> Result<TcpListener, BindError> {
    open(address, false).map_err(|source| explain(door, address, source))
}

/// [`bind`] for the runtime that the caller runs in.
///
/// # Errors
/// As [`bind`].
///
/// # Panics
/// Outside a tokio runtime with I/O enabled.
pub fn listen(door: &str, address: SocketAddr) -> Result<tokio::net::TcpListener, BindError> {
    let listener = bind(door, address)?;
    tokio::net::TcpListener::from_std(listener).map_err(|source| explain(door, address, source))
}

/// Binds `count` listeners that share one address, so that the kernel spreads connections over
/// them. A port that another program holds is refused, even if that program would share it.
///
/// # Errors
/// As [`bind`], and when `count` is 0 or above [`LISTENERS_MAX`].
pub fn bind_reuse_port(
    door: &str,
    address: SocketAddr,
    count: usize,
) -> Result<Vec<TcpListener>, BindError> {
    if count == 0 || count > LISTENERS_MAX {
        return Err(BindError::TooMany { door: door.to_owned(), count });
    }
    let attempt = || -> io::Result<Vec<TcpListener>> {
        // Sharing is a property of both sides, so only an unshared listener can be refused. It is
        // shared once it listens and never let go: whoever closed it in between could come to share
        // the port with a server that does the same at that moment.
        let first = open(address, false)?;
        let address = first.local_addr()?;
        SockRef::from(&first).set_reuse_port(true)?;
        let others = (1..count).map(|_| open(address, true));
        std::iter::once(Ok(first)).chain(others).collect()
    };
    attempt().map_err(|source| explain(door, address, source))
}

fn open(address: SocketAddr, share: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier process in TIME_WAIT must not delay a restart.
    socket.set_reuse_address(true)?;
    if share {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_MAX)?;
    Ok(socket.into())
}

fn explain(door: &str, address: SocketAddr, source: io::Error) -> BindError {
    let door = door.to_owned();
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { door, address },
        io::ErrorKind::PermissionDenied => BindError::Denied { door, address },
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { door, address },
        _ => BindError::Other { door, address, source },
    }
}

fn next_port(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(0))
}

fn unprivileged(address: &SocketAddr) -> SocketAddr {
    let port = address.port();
    SocketAddr::new(address.ip(), if port < 1_024 { port + 8_000 } else { port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_taken_port_names_the_door_and_the_way_out() {
        let held = bind("eureka", loopback(0)).unwrap();
        let address = held.local_addr().unwrap();
        let message = bind("eureka", address).unwrap_err().to_string();
        assert!(message.contains(&format!("port {} is in use", address.port())), "{message}");
        assert!(message.contains("--set eureka.listen=127.0.0.1:"), "{message}");
    }

    #[test]
    fn listeners_share_among_themselves_only() {
        let ours = bind_reuse_port("gateway", loopback(0), 3).unwrap();
        let address = ours[0].local_addr().unwrap();
        assert!(ours.iter().all(|one| one.local_addr().unwrap() == address));
        let refused = bind_reuse_port("gateway", address, 1).unwrap_err();
        assert!(matches!(refused, BindError::InUse { .. }));
    }

    #[test]
    fn servers_that_start_together_never_share_a_port() {
        let held = bind("eureka", loopback(0)).unwrap();
        let address = held.local_addr().unwrap();
        drop(held);
        let starts: Vec<_> = (0..8)
            .map(|_| std::thread::spawn(move || bind_reuse_port("eureka", address, 2).ok()))
            .collect();
        let started: Vec<_> =
            starts.into_iter().filter_map(|start| start.join().expect("no panic")).collect();
        assert!(started.len() <= 1, "{} servers share {address}", started.len());
    }

    #[test]
    fn the_kernel_spreads_connections_over_the_listeners() {
        let listeners = bind_reuse_port("gateway", loopback(0), 2).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let clients: Vec<_> =
            (0..64).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let accepted: Vec<usize> = listeners
            .iter()
            .map(|listener| std::iter::from_fn(|| listener.accept().ok()).count())
            .collect();
        assert_eq!(accepted.iter().sum::<usize>(), clients.len());
        assert!(accepted.iter().all(|count| *count > 0), "{accepted:?}");
    }

    #[test]
    fn the_number_of_listeners_is_limited() {
        for count in [0, LISTENERS_MAX + 1] {
            let refused = bind_reuse_port("gateway", loopback(0), count).unwrap_err();
            assert!(matches!(refused, BindError::TooMany { .. }));
        }
    }

    #[test]
    fn a_foreign_address_is_named() {
        let address = SocketAddr::from(([192, 0, 2, 1], 7_000));
        let refused = bind("api", address).unwrap_err();
        assert!(matches!(refused, BindError::NoSuchAddress { .. }), "{refused:?}");
        assert!(refused.to_string().contains("api.listen=127.0.0.1:7000"));
    }

    #[test]
    fn hints_stay_in_range() {
        assert_eq!(next_port(&loopback(65_535)).port(), 0);
        assert_eq!(unprivileged(&loopback(80)).port(), 8_080);
    }
}
