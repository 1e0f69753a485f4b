//! The two ports of the door, which have to be 1,000 apart.

use std::net::{SocketAddr, TcpListener};

use rialto_door::{BindError, bind_reuse_port};

use super::{GRPC_PORT_OFFSET, StartError};
use crate::limits::PORT_PAIRS_MAX;

/// Listeners by worker, each with the main address first; and both addresses.
pub(super) type Listeners = (Vec<Vec<TcpListener>>, SocketAddr, SocketAddr);

/// Binds both ports for so many workers. When the system chooses the main port, others are tried
/// until the one above it is free too.
pub(super) fn bind(listen_at: SocketAddr, workers: usize) -> Result<Listeners, StartError> {
    let mut tries = PORT_PAIRS_MAX;
    loop {
        tries -= 1;
        let (mains, main) = listen(listen_at, workers)?;
        let may_try_another = listen_at.port() == 0 && tries > 0;
        let Some(grpc) = above(main) else {
            if may_try_another {
                continue;
            }
            return Err(StartError::NoGrpcPort(main));
        };
        match listen(grpc, workers) {
            Ok((grpcs, grpc)) => {
                let pairs = mains.into_iter().zip(grpcs).map(|(main, grpc)| vec![main, grpc]);
                return Ok((pairs.collect(), main, grpc));
            }
            Err(BindError::InUse { .. }) if may_try_another => {}
            Err(BindError::InUse { .. }) => return Err(StartError::GrpcInUse { grpc, main }),
            Err(error) => return Err(error.into()),
        }
    }
}

fn listen(
    address: SocketAddr,
    workers: usize,
) -> Result<(Vec<TcpListener>, SocketAddr), BindError> {
    let listeners = bind_reuse_port("nacos", address, workers)?;
    let bound = listeners[0].local_addr();
    let address =
        bound.map_err(|source| BindError::Other { door: "nacos".to_owned(), address, source })?;
    Ok((listeners, address))
}

fn above(main: SocketAddr) -> Option<SocketAddr> {
    Some(SocketAddr::new(main.ip(), main.port().checked_add(GRPC_PORT_OFFSET)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn ports_are_a_thousand_apart() {
        let (listeners, main, grpc) = bind(at(0), 2).unwrap();
        assert_eq!(grpc.port(), main.port() + GRPC_PORT_OFFSET);
        assert_eq!(listeners.len(), 2);
        assert!(listeners.iter().all(|pair| pair.len() == 2));
    }

    #[test]
    fn a_taken_grpc_port_is_named_with_the_way_out() {
        let (held, main, grpc) = bind(at(0), 1).unwrap();
        drop(held);
        let _held = TcpListener::bind(grpc).unwrap();
        let message = bind(at(main.port()), 1).err().unwrap().to_string();
        assert!(message.contains(&format!("port {} is in use", grpc.port())), "{message}");
        let next = format!("--set nacos.listen=127.0.0.1:{}", main.port() + 1);
        assert!(message.contains(&next), "{message}");
    }

    #[test]
    fn the_highest_ports_have_none_above_them() {
        for _ in 0..8 {
            match bind(at(65_000), 1) {
                Err(StartError::NoGrpcPort(main)) => return assert_eq!(main.port(), 65_000),
                // Some other program holds it for a moment.
                Err(StartError::Bind(BindError::InUse { .. })) => {}
                other => panic!("{:?}", other.err()),
            }
        }
    }
}
