//! Where the ledger lies: SQLite or PostgreSQL.

mod approvals;
mod migrations;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod read;
mod rotation;
mod seal;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod statements;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::address::shown;
use crate::audit::{Backend, Identity, Queue, SealEvery, Writer};
use crate::key::Key;
use crate::{Digest, LedgerError, PublicKey};

pub(crate) use approvals::ApprovalStore;
pub(crate) use read::number;

/// The store of a ledger.
pub(crate) enum Store {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Postgres),
}

/// What to do with a store that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write, and make the ledger where there is none.
    Create,
    /// Write to a ledger that is there.
    Write,
    /// Only read.
    Read,
}

/// How a store is opened.
pub(crate) struct Opening {
    pub(crate) address: String,
    pub(crate) mode: Mode,
    /// None for a ledger in PostgreSQL where it was not said.
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) name: String,
    pub(crate) capacity: usize,
    pub(crate) seal: SealEvery,
}

impl Opening {
    fn absent(&self) -> LedgerError {
        LedgerError::Absent {
            address: shown(&self.address),
        }
    }

    /// The file of the key, to write with it.
    fn key_file(&self) -> Result<&Path, LedgerError> {
        self.key_file.as_deref().ok_or_else(|| LedgerError::Key {
            path: PathBuf::new(),
            problem: "must be given for a ledger in PostgreSQL".to_owned(),
        })
    }

    /// The key of an existing ledger. Another key would sign checkpoints that nobody can verify.
    fn key_for_writing(&self, public: &PublicKey) -> Result<Arc<Key>, LedgerError> {
        let replaces = self.mode != Mode::Read;
        Key::current(self.key_file()?, public, replaces)
    }

    /// The key where it can be had: most of what is read needs none.
    fn key_for_reading(&self, public: &PublicKey) -> Result<Option<Arc<Key>>, LedgerError> {
        match &self.key_file {
            Some(path) if may_read(path) => self.key_for_writing(public).map(Some),
            _ => Ok(None),
        }
    }

    fn identity(&self, ledger: Digest, key: &Key) -> Identity {
        Identity {
            name: self.name.clone(),
            digest_key: Some(key.digest_key()),
            ..process_identity(ledger)
        }
    }

    fn writer(
        &self,
        ledger: Digest,
        key: &Key,
        backend: Box<dyn Backend>,
    ) -> Result<Writer, LedgerError> {
        let queue = Arc::new(Queue::new(self.capacity));
        Writer::start(queue, backend, self.identity(ledger, key), self.seal)
    }
}

/// Whether there is a key, and for this user: who may read a ledger need not be who may read its key.
fn may_read(key: &Path) -> bool {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    match std::fs::File::open(key) {
        Ok(_) => true,
        // What else is wrong with it is told when it is read.
        Err(error) => !matches!(error.kind(), NotFound | PermissionDenied),
    }
}

impl Store {
    pub(crate) fn id(&self) -> Digest {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.id(),
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.id(),
        }
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.public_key(),
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.public_key(),
        }
    }

    /// The key that the ledger was made with.
    pub(crate) fn first_key(&self) -> PublicKey {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.first_key(),
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.first_key(),
        }
    }

    /// The thread that writes what the gate records.
    pub(crate) fn writer(&self) -> Result<&Writer, LedgerError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.writer(),
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.writer(),
        }
    }
}

/// What this process is called where it was given no name.
pub(crate) fn process_identity(ledger: Digest) -> Identity {
    Identity {
        ledger,
        name: program(),
        host: host(),
        process: std::process::id(),
        digest_key: None,
    }
}

/// The name of the program that runs.
pub(crate) fn program() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// This machine's name, as far as it can be told.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
