//! A door in this process whose handler says what it was asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use rialto_door::http::{
    Answer, Call, Deadlines, Handler, Limits, Origin, Reply, Setup, Stream, Value, Work, open,
};
use rialto_door::{Shutdown, Tls, bind_reuse_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

/// How long a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Says what it was asked.
pub(crate) struct Echo {
    /// Held answers wait for this to become true.
    release: watch::Receiver<bool>,
}

/// How often a connection was asked to prepare.
#[derive(Default)]
pub(crate) struct Session {
    prepared: u32,
}

impl Handler for Echo {
    const HTTP2: bool = true;

    type Session = Session;

    fn session(&self, _: Origin) -> Session {
        Session::default()
    }

    fn answer(&self, session: &mut Session, call: &Call<'_>) -> Reply {
        let text = |text: String| Answer::owned(200, "text/plain", text.into_bytes());
        match call.path {
            "/echo" => {
                let query = call.query.unwrap_or("-");
                let header = call.header("X-Echo").unwrap_or("-");
                let origin = call.origin;
                let about = format!(
                    "{} {query} {header} {} {} {}",
                    call.method,
                    call.body.len(),
                    origin.listener,
                    origin.secure
                );
                text(about).with("x-stored", Value::Owned("a\r\nb".to_owned())).into()
            }
            "/large" => Answer::shared(200, "text/plain", Bytes::from(vec![b'x'; 3 << 20])).into(),
            "/later" => Reply::Later(Box::pin(async move { text("later".to_owned()) })),
            "/held" => {
                let mut release = self.release.clone();
                Reply::Held(Box::pin(async move {
                    // Whoever asked may have gone by then.
                    let _ = release.wait_for(|it| *it).await;
                    text("held".to_owned())
                }))
            }
            "/prepared" if session.prepared == 0 => Reply::Again,
            "/prepared" => text(format!("{} {}", session.prepared, call.body.len())).into(),
            _ => Answer::empty(404).into(),
        }
    }

    async fn prepare(&self, session: &mut Session) {
        tokio::task::yield_now().await;
        session.prepared += 1;
    }

    fn http2(&self, mut stream: Stream, origin: Origin) -> Work<()> {
        Box::pin(async move {
            let mut preface = [0; 24];
            stream.read_exact(&mut preface).await.expect("the preface");
            let words = format!("{} {}", String::from_utf8_lossy(&preface), origin.secure);
            stream.write_all(words.as_bytes()).await.expect("sent");
            stream.shutdown().await.expect("closed");
        })
    }

    fn now_ms(&self) -> u64 {
        784_111_777_000
    }
}

pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) second: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) release: watch::Sender<bool>,
}

impl Door {
    pub(crate) fn open() -> Self {
        Self::with(limits(), None)
    }

    pub(crate) fn with(limits: Limits, tls: Option<Tls>) -> Self {
        let bind = || bind_reuse_port("echo", SocketAddr::from(([127, 0, 0, 1], 0)), 1);
        let mut both =
            [bind().expect("a port"), bind().expect("a port")].map(|mut it| it.remove(0));
        let [address, second] = both.each_mut().map(|it| it.local_addr().expect("an address"));
        let (shutdown, (release, released)) = (Shutdown::new(), watch::channel(false));
        let setup = Setup { name: "echo", limits, tls };
        let handler = |_| Echo { release: released.clone() };
        open(&setup, vec![both.into()], handler, &shutdown).expect("the door opens");
        Door { address, second, shutdown, release }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// Sends bytes and reads until the end.
    pub(crate) fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("sent");
        read_all(&mut stream)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// Small, so that tests reach them.
pub(crate) fn limits() -> Limits {
    Limits {
        head_bytes_max: 1_024,
        headers_max: 8,
        body_bytes_max: 1 << 20,
        bodies_bytes_max: 3 << 19,
        connections_max: 64,
        deadlines: Deadlines::default(),
    }
}

pub(crate) fn read_all(stream: &mut impl Read) -> String {
    let mut all = Vec::new();
    // A connection that ends with an error has said what it had to say before.
    let _ = stream.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}
