//! Closed loop: so many connections, each sends the next request when the last is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::block_on;
use super::connection::Connection;
use crate::error::Error;

/// What a closed loop did.
#[derive(Debug, Default, Clone)]
pub(crate) struct Done {
    /// Requests answered as they should be.
    pub(crate) requests: u64,
    /// Bytes of answers' bodies.
    pub(crate) body_bytes: u64,
    wrong: u64,
    example: String,
}

impl Done {
    /// An error when some answers were wrong: their cost says nothing.
    pub(crate) fn all_right(self, what: &str) -> Result<Self, Error> {
        if self.wrong > 0 || self.requests == 0 {
            let Self { wrong: count, example, .. } = self;
            return Err(Error::WrongAnswers { what: what.to_owned(), count, example });
        }
        Ok(self)
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.body_bytes += other.body_bytes;
        self.wrong += other.wrong;
        if self.example.is_empty() {
            self.example = other.example;
        }
    }
}

/// Until when a connection goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// The clock says so.
    Time(Duration),
    /// Each request was sent once.
    Once,
}

/// Sends `requests` over `connections`; each connection takes its share of them, in turn.
pub(crate) fn closed(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    time: Option<Duration>,
) -> Result<Done, Error> {
    let until = time.map_or(Until::Once, Until::Time);
    block_on(async {
        let mut tasks = JoinSet::new();
        for index in 0..connections.min(requests.len()) {
            let share: Vec<Vec<u8>> =
                requests.iter().skip(index).step_by(connections).cloned().collect();
            tasks.spawn(drive(address, share, until));
        }
        let mut done = Done::default();
        while let Some(result) = tasks.join_next().await {
            match result {
                Ok(part) => done.add(part),
                Err(panic) => done.note(format!("load generator: {panic}")),
            }
        }
        done
    })
}

impl Done {
    fn note(&mut self, example: String) {
        self.wrong += 1;
        if self.example.is_empty() {
            self.example = example;
        }
    }
}

async fn drive(address: SocketAddr, requests: Vec<Vec<u8>>, until: Until) -> Done {
    let mut done = Done::default();
    let mut connection = match Connection::open(address).await {
        Ok(connection) => connection,
        Err(error) => {
            done.note(format!("cannot connect: {error}"));
            return done;
        }
    };
    let begin = Instant::now();
    loop {
        for request in &requests {
            if matches!(until, Until::Time(time) if begin.elapsed() >= time) {
                return done;
            }
            match connection.exchange(request, None).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    done.requests += 1;
                    done.body_bytes += answer.body_bytes;
                }
                Ok(answer) => done.note(format!("status {}", answer.status)),
                Err(error) => {
                    // The connection's state is unknown now.
                    done.note(error.to_string());
                    return done;
                }
            }
        }
        if matches!(until, Until::Once) {
            return done;
        }
    }
}
