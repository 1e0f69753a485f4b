//! Connected clients that stay while something else is measured, on a thread of their own.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::wire::Client;
use crate::error::Error;
use crate::load::block_on;

/// Clients that connect at the same time.
const CONNECTING_MAX: usize = 32;

/// They leave when this is dropped.
pub(super) struct Crowd {
    leave: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Connects a client for each list of messages, and lets it send them in turn.
    pub(super) fn gather(address: SocketAddr, clients: Vec<Vec<Vec<u8>>>) -> Result<Self, Error> {
        let (leave, left) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let there = tell.clone();
            let work = async move {
                let mut staying = JoinSet::new();
                match connect(address, clients, &mut staying).await {
                    Ok(()) => {
                        // Whoever waits for it cannot be gone.
                        let _ = there.send(Ok(()));
                        // An error is the end of whoever gathered them.
                        let _ = left.await;
                    }
                    Err(error) => {
                        let _ = there.send(Err(Error::io("gather clients")(error)));
                    }
                }
            };
            if let Err(error) = block_on(work) {
                let _ = tell.send(Err(error));
            }
        });
        let crowd = Self { leave: Some(leave), thread: Some(thread) };
        match told.recv() {
            Ok(result) => result.map(|()| crowd),
            Err(_) => Err(Error::io("gather clients")(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.leave.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

async fn connect(
    address: SocketAddr,
    clients: Vec<Vec<Vec<u8>>>,
    staying: &mut JoinSet<io::Result<()>>,
) -> io::Result<()> {
    let mut connecting = JoinSet::new();
    for messages in clients {
        if connecting.len() >= CONNECTING_MAX
            && let Some(client) = connecting.join_next().await
        {
            stay(client??, staying);
        }
        connecting.spawn(async move {
            let mut client = Client::connect(address).await?;
            for message in messages {
                client.call(&message).await?;
            }
            Ok::<_, io::Error>(client)
        });
    }
    while let Some(client) = connecting.join_next().await {
        stay(client??, staying);
    }
    Ok(())
}

fn stay(mut client: Client, staying: &mut JoinSet<io::Result<()>>) {
    staying.spawn(async move { client.listen(|_, _| {}).await });
}
