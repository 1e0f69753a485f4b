//! Connections to instances: each worker keeps its own, last used first.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use crate::limits::{POOL_IDLE_MAX, POOL_IDLE_MS};

/// An instance as one worker knows it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: u32,
    pub(crate) address: SocketAddr,
    pub(crate) authority: Box<str>,
    idle: RefCell<Vec<Idle>>,
    /// It is no longer offered: connections are not kept.
    gone: Cell<bool>,
}

#[derive(Debug)]
struct Idle {
    io: TcpStream,
    since_ms: u64,
}

/// A connection in use.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) io: TcpStream,
    pub(crate) endpoint: Rc<Endpoint>,
    /// It served another request before, so the instance may be about to close it.
    pub(crate) reused: bool,
}

impl Endpoint {
    pub(crate) fn new(id: u32, address: SocketAddr, authority: Box<str>) -> Self {
        Self { id, address, authority, idle: RefCell::default(), gone: Cell::new(false) }
    }

    /// The connection used last that is still alive.
    pub(crate) fn take(self: &Rc<Self>, now_ms: u64) -> Option<Link> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut kept) = idle.pop() {
            if now_ms.saturating_sub(kept.since_ms) < POOL_IDLE_MS && is_quiet(&mut kept.io) {
                return Some(Link { io: kept.io, endpoint: Rc::clone(self), reused: true });
            }
        }
        None
    }

    pub(crate) async fn connect(self: &Rc<Self>) -> io::Result<Link> {
        let io = TcpStream::connect(self.address).await?;
        io.set_nodelay(true)?;
        Ok(Link { io, endpoint: Rc::clone(self), reused: false })
    }

    /// Closes what is unused for too long or was closed by the instance.
    pub(crate) fn trim(&self, now_ms: u64) {
        self.idle.borrow_mut().retain_mut(|kept| {
            now_ms.saturating_sub(kept.since_ms) < POOL_IDLE_MS && is_quiet(&mut kept.io)
        });
    }

    /// Stops keeping connections.
    pub(crate) fn retire(&self) {
        self.gone.set(true);
        self.idle.borrow_mut().clear();
    }
}

impl Link {
    /// Puts the connection back for another request.
    pub(crate) fn keep(self, now_ms: u64) {
        let mut idle = self.endpoint.idle.borrow_mut();
        if !self.endpoint.gone.get() && idle.len() < POOL_IDLE_MAX {
            idle.push(Idle { io: self.io, since_ms: now_ms });
        }
    }
}

/// Whether an unused connection has neither been closed nor sent anything. An instance that speaks
/// unasked would have its bytes taken for the next answer.
fn is_quiet(io: &mut TcpStream) -> bool {
    let mut byte = [0; 1];
    let mut buffer = ReadBuf::new(&mut byte);
    let mut context = Context::from_waker(Waker::noop());
    matches!(Pin::new(io).poll_read(&mut context, &mut buffer), Poll::Pending)
}
