//! Reading parts of what is committed, while commits go on.

use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::RwLock;
use redb::{Database, ReadableDatabase, TableError};

use crate::error::ReadError;
use crate::store::Table;

/// Shows what is committed. Clones read the same store.
#[derive(Debug, Clone)]
pub struct Reader {
    database: Arc<RwLock<Option<Database>>>,
}

/// In which direction records are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Reader {
    pub(crate) const fn new(database: Arc<RwLock<Option<Database>>>) -> Self {
        Self { database }
    }

    /// The content of one record; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or the store is out of service.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.with(|database| {
            let transaction = database.begin_read()?;
            let rows = match transaction.open_table(table.definition()) {
                Ok(rows) => rows,
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            Ok(rows.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    /// Shows records of a table from a key on, below another, until told to stop.
    ///
    /// # Errors
    /// As [`Reader::get`]; some may have been shown.
    pub fn range(
        &self,
        table: Table,
        from: &[u8],
        below: &[u8],
        show: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.show(table, from, below, Direction::Up, show)
    }

    /// As [`Reader::range`], from the last to the first.
    ///
    /// # Errors
    /// As [`Reader::range`].
    pub fn range_down(
        &self,
        table: Table,
        from: &[u8],
        below: &[u8],
        show: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.show(table, from, below, Direction::Down, show)
    }

    fn show(
        &self,
        table: Table,
        from: &[u8],
        below: &[u8],
        direction: Direction,
        mut show: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        if from >= below {
            return Ok(());
        }
        self.with(|database| {
            let transaction = database.begin_read()?;
            let rows = match transaction.open_table(table.definition()) {
                Ok(rows) => rows,
                Err(TableError::TableDoesNotExist(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let mut range = rows.range(from..below)?;
            loop {
                let row = match direction {
                    Direction::Up => range.next(),
                    Direction::Down => range.next_back(),
                };
                let Some(row) = row else { return Ok(()) };
                let (key, value) = row?;
                if show(key.value(), value.value()).is_break() {
                    return Ok(());
                }
            }
        })
    }

    fn with<R>(
        &self,
        read: impl FnOnce(&Database) -> Result<R, redb::Error>,
    ) -> Result<R, ReadError> {
        let database = self.database.read();
        let Some(database) = &*database else {
            return Err(ReadError { reason: "storage is out of service".to_owned() });
        };
        read(database).map_err(|error| ReadError { reason: error.to_string() })
    }
}
