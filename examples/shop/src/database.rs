//! One SQLite file for each service, shared by its instances.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::problem::Problem;

/// How long a transaction waits for another instance's: a thousand times as long as one takes.
const BUSY_TRIES_MAX: i32 = 5_000;

/// The file of a service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
}

impl Database {
    /// Opens the file, and makes its tables if this is the first instance ever.
    pub(crate) fn open(path: &Path, tables: &str) -> rusqlite::Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.busy_handler(Some(|tries| {
            std::thread::sleep(Duration::from_millis(1));
            tries < BUSY_TRIES_MAX
        }))?;
        // Readers and one writer at a time work side by side; a killed instance loses nothing that
        // it committed.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(tables)?;
        transaction.commit()?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Does some work in one transaction: all of it, or nothing. SQLite blocks, so it happens on a
    /// thread where blocking is allowed.
    pub(crate) async fn transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let connection = self.connection.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock();
            // Immediate: whoever reads in order to write must be the only one.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        done.await.unwrap_or_else(|_| Err(Problem::later("the work was interrupted")))
    }
}
