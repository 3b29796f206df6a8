//! The connections that only read.
//!
//! SQLite wants to write even then: beside a file with a write-ahead log it makes an index of that log. A ledger that was
//! opened for reading must do with a file, a folder or a disk that nobody here may write to. So where no log lies beside
//! the file, which means that no program has it open to write, the file is read as one that stands still, and it is looked
//! at whether it did.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::Semaphore;

use super::open;
use crate::LedgerError;

/// How many readers look at once.
const READERS: usize = 4;

/// How often something is read anew because the file did not stand still.
const ATTEMPTS: usize = 3;

/// Connections that only read.
pub(super) struct Readers {
    path: PathBuf,
    /// Whether this process writes the file as well: then there is a log, and its index.
    writes: bool,
    idle: Mutex<Vec<Reader>>,
    places: Semaphore,
}

struct Reader {
    connection: Connection,
    /// How the file was when it was opened as one that stands still.
    still: Option<Still>,
}

/// A file that nobody writes, as it is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Still {
    modified: SystemTime,
    length: u64,
}

/// What lies beside a file of SQLite.
enum Beside {
    /// No log: no program has it open to write.
    Nothing,
    /// A log without anything in it: nothing is missing in the file.
    Empty,
    /// A log with what is not in the file yet.
    Log(PathBuf),
}

impl Readers {
    pub(super) fn new(path: &Path, writes: bool) -> Self {
        Self {
            path: path.to_owned(),
            writes,
            idle: Mutex::default(),
            places: Semaphore::new(READERS),
        }
    }

    /// Does `work` on a connection, off the async threads; again, where the file changed under it.
    pub(super) async fn read<T, E>(
        self: &Arc<Self>,
        work: impl Fn(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<LedgerError> + Send + 'static,
    {
        let closed = || LedgerError::Closed;
        let _place = self.places.acquire().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || readers.look(work));
        looked
            .await
            .unwrap_or_else(|failed| Err(LedgerError::store("reading", failed).into()))
    }

    /// Does `work` on a connection. Blocks.
    pub(super) fn look<T, E: From<LedgerError>>(
        &self,
        work: impl Fn(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..ATTEMPTS {
            let reader = self.take()?;
            let found = work(&reader.connection);
            if !reader.is_current(&self.path) {
                continue;
            }
            // A connection that is in the middle of something is not given to others.
            if reader.connection.is_autocommit() {
                self.lock().push(reader);
            }
            return found;
        }
        let problem = "the file was changed meanwhile; ask again";
        Err(LedgerError::store("reading the ledger", problem).into())
    }

    fn take(&self) -> Result<Reader, LedgerError> {
        while let Some(reader) = { self.lock().pop() } {
            if reader.is_current(&self.path) {
                return Ok(reader);
            }
        }
        let beside = Beside::of(&self.path).map_err(failed)?;
        if !self.writes && matches!(beside, Beside::Nothing) {
            return Reader::still(&self.path);
        }
        match (open::reader(&self.path), beside) {
            (Ok(connection), _) => Ok(Reader {
                connection,
                still: None,
            }),
            (Err(error), Beside::Empty) if !self.writes && cannot_write(&error) => {
                Reader::still(&self.path)
            }
            (Err(error), Beside::Log(log)) if cannot_write(&error) => Err(LedgerError::Log { log }),
            (Err(error), _) => Err(failed(error)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: impl std::fmt::Display) -> LedgerError {
    LedgerError::store("opening the ledger", error)
}

/// Whether SQLite wanted to make something beside the file, and could not.
fn cannot_write(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

impl Reader {
    /// Of a file that nobody writes.
    fn still(path: &Path) -> Result<Self, LedgerError> {
        // Looked at before it is opened: what changes from here on is noticed.
        let still = Still::of(path).map_err(failed)?;
        Ok(Self {
            connection: open::still(path).map_err(failed)?,
            still: Some(still),
        })
    }

    /// Whether what it reads is what is in the file.
    fn is_current(&self, path: &Path) -> bool {
        match self.still {
            None => true,
            Some(still) => {
                let stood = Still::of(path).is_ok_and(|now| now == still);
                stood && !matches!(Beside::of(path), Ok(Beside::Log(_)) | Err(_))
            }
        }
    }
}

impl Still {
    fn of(path: &Path) -> io::Result<Self> {
        let file = path.metadata()?;
        Ok(Self {
            modified: file.modified()?,
            length: file.len(),
        })
    }
}

impl Beside {
    fn of(path: &Path) -> io::Result<Self> {
        let mut beside = Self::Nothing;
        // The journal is that of a copy which somebody gave another mode.
        for end in ["-wal", "-journal"] {
            let mut name: OsString = path.into();
            name.push(end);
            let log = PathBuf::from(name);
            match log.metadata() {
                Ok(found) if found.len() > 0 => return Ok(Self::Log(log)),
                Ok(_) => beside = Self::Empty,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(beside)
    }
}
