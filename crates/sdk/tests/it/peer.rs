//! A small HTTP server on a real socket, whose answers a test decides.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a peer does with a request.
pub(crate) enum Reply {
    /// Status line's number and words, extra header lines, body.
    Answer(&'static str, &'static str, String),
    /// Reads the request and closes the connection.
    Hang,
    /// Answers never.
    Silence,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `GET /items/7`.
    pub(crate) line: String,
    head: String,
    pub(crate) body: String,
}

/// A running peer.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Peer {
    pub(crate) async fn start(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (reply, all) = (Arc::new(reply), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, reply.clone(), all.clone()));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().len()
    }
}

/// An answer with a JSON body.
pub(crate) fn json(body: &str) -> Reply {
    Reply::Answer("200 OK", "", body.to_owned())
}

async fn serve(
    mut stream: TcpStream,
    reply: Arc<impl Fn(&Seen) -> Reply>,
    all: Arc<Mutex<Vec<Seen>>>,
) {
    let mut buffer = Vec::new();
    while let Some(seen) = read(&mut stream, &mut buffer).await {
        let answer = reply(&seen);
        all.lock().push(seen);
        let Reply::Answer(status, headers, body) = answer else {
            if matches!(answer, Reply::Silence) {
                std::future::pending::<()>().await;
            }
            return;
        };
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let mut seen = Seen { line: String::new(), head, body: String::new() };
    let length: usize = seen.header("content-length").map_or(0, |text| text.parse().unwrap());
    while buffer.len() < end + length {
        stream.read_buf(buffer).await.ok()?;
    }
    seen.body = String::from_utf8(buffer[end..end + length].to_vec()).unwrap();
    seen.line = seen.head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    buffer.drain(..end + length);
    Some(seen)
}
