use std::path::PathBuf;

/// Why the ledger could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The address of a store that is none.
    #[error(
        "`{address}` is no store; write `sqlite:FILE` or `postgres://USER@HOST/DATABASE`{hint}"
    )]
    Address {
        /// The address as it was given, without its password.
        address: String,
        /// What more is known, beginning with a separator.
        hint: &'static str,
    },
    /// There is no ledger where an existing one was asked for.
    #[error("there is no ledger at `{address}`; a program that records makes it when it starts")]
    Absent {
        /// The address as it was given, without its password.
        address: String,
    },
    /// The store was written by a later version of this program.
    #[error(
        "the ledger has schema {found}, and this program knows schemas up to {known}; use a later version of the program"
    )]
    Newer {
        /// The schema of the store.
        found: i64,
        /// The latest schema that this program knows.
        known: i64,
    },
    /// The store was opened for reading, and its schema is older than this program's.
    #[error(
        "the ledger has schema {found}, and this program reads schema {known}; a program that records brings it up to date when it starts"
    )]
    Older {
        /// The schema of the store.
        found: i64,
        /// The schema that this program reads.
        known: i64,
    },
    /// A database that is not a ledger.
    #[error("`{address}` is a database of something else")]
    Foreign {
        /// The address as it was given, without its password.
        address: String,
    },
    /// A key file that cannot be used.
    #[error("the ledger's key file{} {problem}", quoted(path))]
    Key {
        /// Where it is, or should be.
        path: PathBuf,
        /// What is wrong with it, as a predicate.
        problem: String,
    },
    /// A ledger that can only be read has entries in its write-ahead log, and SQLite cannot read that without writing
    /// beside it.
    #[error(
        "`{}` holds entries that are not in the ledger's file yet, and they cannot be read where nothing may be written; copy the file after the program that records has ended, or both files to a folder that may be written to",
        log.display()
    )]
    Log {
        /// The log.
        log: PathBuf,
    },
    /// The ledger's key was changed by [`Ledger::rotate_key`](crate::Ledger::rotate_key).
    #[error(
        "the ledger's key was changed since this program opened it; open it again, with the new key file"
    )]
    KeyChanged,
    /// Something that needs writing was asked of a ledger that was opened for reading.
    #[error("the ledger was opened for reading only")]
    ReadOnly,
    /// More waits to be written than may wait.
    #[error("the ledger's queue is full: {waiting} records wait to be written")]
    Full {
        /// How many records wait.
        waiting: usize,
    },
    /// The ledger was closed, or its writer has ended.
    #[error("the ledger is closed")]
    Closed,
    /// The ledger was closed, and records could not be written before.
    #[error("the ledger was closed without {lost} records, which could not be written: {problem}")]
    Lost {
        /// How many records are not in the ledger, and no entry tells of it.
        lost: u64,
        /// What the store said.
        problem: String,
    },
    /// The store failed.
    #[error("{doing}: {problem}")]
    Store {
        /// What was being done, as in `writing records`.
        doing: &'static str,
        /// What the database said.
        problem: String,
    },
    /// A record that does not read as one.
    #[error("record {sequence} of writer {writer} {problem}")]
    Record {
        /// The chain it is in.
        writer: u64,
        /// Its place there.
        sequence: u64,
        /// What is wrong with it, as a predicate.
        problem: String,
    },
    /// A checkpoint that cannot be used.
    #[error("the checkpoint {0}")]
    Checkpoint(String),
    /// Nothing can be removed.
    #[error("{0}")]
    Retention(String),
    /// An export could not be written.
    #[error("the export could not be written: {0}")]
    Export(#[from] std::io::Error),
}

fn quoted(path: &std::path::Path) -> String {
    if path.as_os_str().is_empty() {
        String::new()
    } else {
        format!(" `{}`", path.display())
    }
}

impl LedgerError {
    /// The same, told of the ledger at `address`.
    pub(crate) fn at(self, address: &str) -> Self {
        match self {
            Self::Store { doing, problem } => Self::Store {
                doing,
                problem: format!("`{address}`: {problem}"),
            },
            other => other,
        }
    }

    pub(crate) fn store(doing: &'static str, problem: impl std::fmt::Display) -> Self {
        Self::Store {
            doing,
            problem: problem.to_string(),
        }
    }
}
