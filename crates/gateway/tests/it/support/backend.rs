//! An instance: one thread for each connection, a closure says what to do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use parking_lot::Mutex;
use rialto_http1::{Body, parse_request, slots};

/// A request as an instance got it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Request line and fields as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// What an instance does with a request.
pub(crate) enum Reaction {
    /// 200 with this body.
    Ok(&'static str),
    /// These bytes.
    Raw(Vec<u8>),
    /// These bytes, then close.
    RawThenClose(Vec<u8>),
    /// These bytes, then a channel's bytes as they come, then close.
    Stream(Vec<u8>, mpsc::Receiver<Vec<u8>>),
    /// Close without a word.
    Close,
    /// Send everything back as it comes, after these bytes.
    Echo(Vec<u8>),
    /// Answer nothing; end when the gateway closes.
    Hang,
}

type Behaviour = Arc<dyn Fn(&Seen) -> Reaction + Send + Sync>;

pub(crate) struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    behaviour: Behaviour,
    /// Answer before the body is read.
    early: bool,
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<Vec<TcpStream>>,
    opened: AtomicUsize,
    open: AtomicUsize,
    dead: AtomicBool,
}

impl Backend {
    pub(crate) fn start(behaviour: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Self {
        Self::listen(Arc::new(behaviour), false)
    }

    /// One that answers as soon as it has the head.
    pub(crate) fn early(behaviour: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Self {
        Self::listen(Arc::new(behaviour), true)
    }

    /// One that answers 200 with its own name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self::start(move |_| Reaction::Ok(name))
    }

    fn listen(behaviour: Behaviour, early: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            behaviour,
            early,
            seen: Mutex::default(),
            connections: Mutex::default(),
            opened: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.dead.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { return };
                accepting.opened.fetch_add(1, Ordering::SeqCst);
                accepting.connections.lock().push(stream.try_clone().expect("a second handle"));
                accepting.open.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || {
                    shared.serve(stream);
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    /// Connections that were opened, and those still open.
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.shared.opened.load(Ordering::SeqCst), self.shared.open.load(Ordering::SeqCst))
    }

    /// Dies as a killed process does: every connection is reset or closed, none is accepted.
    pub(crate) fn kill(&self) {
        self.shared.dead.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then drops its listener.
        drop(TcpStream::connect(self.address));
        for connection in self.shared.connections.lock().drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    /// Closes every connection, and accepts new ones.
    pub(crate) fn close_connections(&self) {
        for connection in self.shared.connections.lock().drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let mut input = Vec::new();
        while let Some((head, mut body)) = read_head(&mut stream, &mut input) {
            let mut seen = Seen { head, body: Vec::new() };
            if !self.early && !read_body(&mut stream, &mut input, &mut body, &mut seen.body) {
                break;
            }
            self.seen.lock().push(seen.clone());
            if !act(&mut stream, (self.behaviour)(&seen), &mut input) {
                break;
            }
        }
        drop(stream.shutdown(Shutdown::Both));
    }
}

fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(read) if read > 0 => {
            input.extend_from_slice(&buffer[..read]);
            true
        }
        _ => false,
    }
}

fn read_head(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<(String, Body)> {
    loop {
        let read = {
            let mut slots = slots();
            let read = parse_request(input, &mut slots).expect("the gateway sends valid requests");
            read.map(|(request, used)| (used, Body::new(request.framing)))
        };
        if let Some((used, body)) = read {
            let head = String::from_utf8_lossy(&input[..used]).into_owned();
            input.drain(..used);
            return Some((head, body));
        }
        if !more(stream, input) {
            return None;
        }
    }
}

fn read_body(
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
    body: &mut Body,
    out: &mut Vec<u8>,
) -> bool {
    loop {
        let piece = body.decode(input).expect("the gateway sends valid bodies");
        out.extend_from_slice(&input[piece.data]);
        input.drain(..piece.consumed);
        if body.is_done() {
            return true;
        }
        if !more(stream, input) {
            return false;
        }
    }
}

/// Whether the connection goes on.
fn act(stream: &mut TcpStream, reaction: Reaction, input: &mut Vec<u8>) -> bool {
    match reaction {
        Reaction::Ok(body) => {
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).is_ok()
        }
        Reaction::Raw(bytes) => stream.write_all(&bytes).is_ok(),
        Reaction::RawThenClose(bytes) => {
            drop(stream.write_all(&bytes));
            false
        }
        Reaction::Stream(bytes, pieces) => {
            drop(stream.write_all(&bytes));
            pieces.iter().all(|piece| stream.write_all(&piece).is_ok());
            false
        }
        Reaction::Close => false,
        Reaction::Echo(bytes) => {
            drop(stream.write_all(&bytes));
            drop(stream.write_all(&std::mem::take(input)));
            let mut buffer = [0; 4096];
            while let Ok(read) = stream.read(&mut buffer) {
                if read == 0 || stream.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            false
        }
        Reaction::Hang => {
            let mut buffer = [0; 4096];
            while matches!(stream.read(&mut buffer), Ok(read) if read > 0) {}
            false
        }
    }
}
