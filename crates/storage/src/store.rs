//! The agreed records: a few tables in a database file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use crate::directory::{Directory, sync_dir};
use crate::disk::{Disk, Health, RealDisk, Watched};
use crate::error::{CommitError, OpenError};
use crate::reader::Reader;

/// Name of the catalog's file in the data directory.
pub(crate) const FILE: &str = "catalog.redb";

/// Memory for pages of a file. Most records are read once, at the start.
const CACHE_BYTES: usize = 4 << 20;

/// Number of the last commit, under the empty key.
const SEQUENCE: TableDefinition<'_, &str, u64> = TableDefinition::new("sequence");

/// What records are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Services.
    Services,
    /// Instances.
    Instances,
    /// Documents.
    Documents,
    /// What the engine itself remembers.
    Engine,
    /// Configurations, with their gray versions.
    Configurations,
    /// What configurations were before.
    History,
    /// Keys of the history in the order in which it is shown.
    HistoryOrder,
    /// What namespaces and groups may hold.
    Capacities,
}

/// A change of one record; later ones of a commit win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// In which table.
    pub table: Table,
    /// Which record.
    pub key: Vec<u8>,
    /// What it becomes; `None` removes it.
    pub value: Option<Vec<u8>>,
}

/// A stored record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// In which table.
    pub table: Table,
    /// Which record.
    pub key: Vec<u8>,
    /// Its content.
    pub value: Vec<u8>,
}

/// Durable records. One process at a time; one commit at a time.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    health: Arc<Mutex<Health>>,
    /// Absent after a failure until it could be opened again. Readers share it: whoever closes it
    /// waits for them.
    database: Arc<RwLock<Option<Database>>>,
    /// Number of the last successful commit.
    sequence: u64,
    poisoned: Option<String>,
}

impl Table {
    /// All tables. A file has those that something was written into.
    pub const ALL: [Self; 8] = [
        Self::Services,
        Self::Instances,
        Self::Documents,
        Self::Engine,
        Self::Configurations,
        Self::History,
        Self::HistoryOrder,
        Self::Capacities,
    ];

    pub(crate) const fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(match self {
            Self::Services => "services",
            Self::Instances => "instances",
            Self::Documents => "documents",
            Self::Engine => "engine",
            Self::Configurations => "configurations",
            Self::History => "history",
            Self::HistoryOrder => "history-order",
            Self::Capacities => "capacities",
        })
    }
}

impl Store {
    /// Opens the catalog's store of a data directory, and makes it first if it is not there.
    ///
    /// # Errors
    /// When it cannot be read or written, is damaged, or the disk is full.
    pub fn open(directory: &Directory) -> Result<Self, OpenError> {
        Self::open_file(directory, FILE)
    }

    /// Opens a store of a data directory by the name of its file, and makes it first if it is not
    /// there.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_file(directory: &Directory, file: &str) -> Result<Self, OpenError> {
        let path = directory.path().join(file);
        let file = open_file(&path).map_err(|source| OpenError::from_io(&path, source))?;
        let disk = RealDisk::new(file).map_err(|source| OpenError::from_io(&path, source))?;
        Self::open_disk(Arc::new(disk), path)
    }

    /// Opens a store on any disk, with a name for error messages.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_disk(disk: Arc<dyn Disk>, path: PathBuf) -> Result<Self, OpenError> {
        let health = Arc::new(Mutex::new(Health::default()));
        let database = Arc::default();
        let mut store = Self { path, disk, health, database, sequence: 0, poisoned: None };
        store.reopen().map_err(|error| OpenError::from_redb(&store.path, error))?;
        Ok(store)
    }

    /// All records, sorted by table and key.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load(&self) -> Result<Vec<Record>, OpenError> {
        let mut records = Vec::new();
        self.visit(|record| records.push(record))?;
        Ok(records)
    }

    /// Shows all records, sorted by table and key, without holding all of them.
    ///
    /// # Errors
    /// When they cannot be read; some may have been shown.
    pub fn visit(&self, mut show: impl FnMut(Record)) -> Result<(), OpenError> {
        let database = self.database.read();
        let Some(database) = &*database else { return Ok(()) };
        visit(database, &Table::ALL, &mut show)
            .map_err(|error| OpenError::from_redb(&self.path, error))
    }

    /// Shows the records of some tables, sorted by table and key.
    ///
    /// # Errors
    /// As [`Store::visit`].
    pub fn visit_tables(
        &self,
        tables: &[Table],
        mut show: impl FnMut(Record),
    ) -> Result<(), OpenError> {
        let database = self.database.read();
        let Some(database) = &*database else { return Ok(()) };
        visit(database, tables, &mut show).map_err(|error| OpenError::from_redb(&self.path, error))
    }

    /// Reads what is committed, beside commits and after them.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.database))
    }

    /// Number of successful commits since the store was made.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Stores all of `writes` or nothing; they are durable when this returns their number.
    ///
    /// # Errors
    /// [`CommitError`] says whether they may have been stored nevertheless.
    pub fn commit(&mut self, writes: &[Write]) -> Result<u64, CommitError> {
        if let Some(reason) = &self.poisoned {
            return Err(CommitError::Poisoned { reason: reason.clone() });
        }
        let attempt = self.sequence + 1;
        let result = self.database.read().as_ref().map(|open| commit(open, writes, attempt));
        let Some(result) = result else { return Err(self.give_up("it is closed")) };
        match result {
            Ok(()) => {
                self.sequence = attempt;
                Ok(attempt)
            }
            Err(error) => self.recover(attempt, &error),
        }
    }

    /// After a failed commit: finds out whether it is stored.
    fn recover(&mut self, attempt: u64, error: &redb::Error) -> Result<u64, CommitError> {
        let reason = error.to_string();
        let full = self.health.lock().full;
        let sync_failed = self.health.lock().sync_failed.clone();
        if let Some(reason) = sync_failed {
            return Err(self.give_up(&reason));
        }
        // The database does not go on after an error; opened anew it shows what the disk holds.
        *self.database.write() = None;
        if let Err(error) = self.reopen() {
            return Err(self.give_up(&format!("{reason}; then {error}")));
        }
        if self.sequence == attempt {
            return Ok(attempt);
        }
        if self.sequence + 1 != attempt {
            return Err(self.give_up(&format!("{reason}; then an older state was found")));
        }
        Err(if full { CommitError::DiskFull } else { CommitError::Failed { reason } })
    }

    /// Never writes again.
    fn give_up(&mut self, reason: &str) -> CommitError {
        tracing::error!(path = %self.path.display(), reason, "storage is out of service");
        self.poisoned = Some(reason.to_owned());
        *self.database.write() = None;
        CommitError::Indeterminate { reason: reason.to_owned() }
    }

    fn reopen(&mut self) -> Result<(), redb::Error> {
        let watched = Watched { disk: Arc::clone(&self.disk), health: Arc::clone(&self.health) };
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create_with_backend(watched)?;
        self.sequence = sequence(&database)?;
        *self.database.write() = Some(database);
        Ok(())
    }
}

impl Drop for Store {
    /// Readers may live longer: they get nothing more, and the file is free.
    fn drop(&mut self) {
        *self.database.write() = None;
    }
}

/// The file of a store. A new one gets its name only when it is a valid store, so that a crash
/// leaves no half-made one behind.
fn open_file(path: &Path) -> io::Result<File> {
    if !path.exists() {
        let new = path.with_extension("redb.new");
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&new)?;
        let disk = RealDisk::new(file)?;
        let store = Store::open_disk(Arc::new(disk), new.clone()).map_err(|error| match error {
            OpenError::DiskFull { .. } => io::ErrorKind::StorageFull.into(),
            OpenError::Unreadable { source, .. } => source,
            error => io::Error::other(error.to_string()),
        })?;
        drop(store);
        fs::rename(&new, path)?;
        sync_dir(path)?;
    }
    File::options().read(true).write(true).open(path)
}

fn sequence(database: &Database) -> Result<u64, redb::Error> {
    match database.begin_read()?.open_table(SEQUENCE) {
        Ok(table) => Ok(table.get("")?.map_or(0, |number| number.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

fn visit(
    database: &Database,
    tables: &[Table],
    show: &mut impl FnMut(Record),
) -> Result<(), redb::Error> {
    let transaction = database.begin_read()?;
    for &table in tables {
        let rows = match transaction.open_table(table.definition()) {
            Ok(rows) => rows,
            Err(TableError::TableDoesNotExist(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        for row in rows.iter()? {
            let (key, value) = row?;
            let (key, value) = (key.value().to_vec(), value.value().to_vec());
            show(Record { table, key, value });
        }
    }
    Ok(())
}

fn commit(database: &Database, writes: &[Write], number: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for table in Table::ALL {
        let mut rows = None;
        for write in writes.iter().filter(|write| write.table == table) {
            let rows = match &mut rows {
                Some(rows) => rows,
                None => rows.insert(transaction.open_table(table.definition())?),
            };
            match &write.value {
                Some(value) => drop(rows.insert(write.key.as_slice(), value.as_slice())?),
                None => drop(rows.remove(write.key.as_slice())?),
            }
        }
    }
    transaction.open_table(SEQUENCE)?.insert("", number)?;
    transaction.commit()?;
    Ok(())
}
