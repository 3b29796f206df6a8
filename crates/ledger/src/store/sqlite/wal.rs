//! The write-ahead log, and what brings it into the file.
//!
//! SQLite would do that in the middle of a commit, for which callers wait. Here a thread of its own does
//! it meanwhile; it cannot empty the log while others write, so the writing thread does that when the log
//! is long, at a moment when little is left to do.
//!
//! While it does, it waits for the disk, and so do all callers: the log may be long before it is emptied, and
//! the other thread sees to it that the file is on disk just before. A commit waits also while the file is synced
//! by that thread, for it is one disk: so little is synced at once, and often.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::open;
use crate::LedgerError;

/// How many pages the log may have before it is emptied: 64 MiB.
const LONG: i64 = 16_384;

/// How long to let commits gather.
const INTERVAL: Duration = Duration::from_millis(5);

/// How often in a row the log is brought into the file before it is emptied. SQLite syncs the file only where
/// nothing was committed while it copied: at first, with much to copy, that is rare, and then it is likely.
/// What is not synced yet, the emptying syncs.
const ROUNDS: usize = 4;

/// The thread that brings the log into the file.
pub(super) struct LogKeeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// How many pages the log had when it was looked at last.
    pages: AtomicI64,
}

#[derive(Default)]
struct State {
    written: bool,
    ended: bool,
}

impl LogKeeper {
    pub(super) fn start(path: &Path) -> Result<Self, LedgerError> {
        let connection = open::writer(path)?;
        let shared = Arc::new(Shared::default());
        let work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("kitelogik-wal".to_owned())
            .spawn(move || work.run(&connection))
            .map_err(|error| LedgerError::store("starting a thread", error))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// A transaction was written by `connection`, and none is open.
    pub(super) fn written(&self, connection: &Connection) {
        if self.shared.pages.load(Ordering::Relaxed) > LONG {
            self.shared.pages.store(0, Ordering::Relaxed);
            if let Err(error) = restart(connection) {
                tracing::warn!(
                    error = error.to_string(),
                    "the write-ahead log was not emptied"
                );
            }
        }
        let mut state = self
            .shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !state.written {
            state.written = true;
            self.shared.wake.notify_one();
        }
    }
}

/// Brings the log into the file, as far as nobody is in the way; gives how many pages it has.
fn bring_in(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}

/// Empties the log, unless a reader or another process is in the way: callers wait meanwhile, so this
/// does not. Then it is tried again.
fn restart(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()));
    connection.busy_timeout(open::PATIENCE)?;
    match done {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
            Ok(())
        }
        done => done,
    }
}

impl Drop for LogKeeper {
    fn drop(&mut self) {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ended = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, connection: &Connection) {
        while self.wait() {
            let mut pages = bring_in(connection);
            for _ in 1..ROUNDS {
                if pages.as_ref().is_ok_and(|pages| *pages > LONG) {
                    pages = bring_in(connection);
                }
            }
            match pages {
                Ok(pages) => self.pages.store(pages, Ordering::Relaxed),
                Err(error) => {
                    tracing::warn!(error = error.to_string(), "write-ahead log left as it is");
                }
            }
        }
    }

    /// Waits until there is something to do; false at the end.
    fn wait(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.written && !state.ended {
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !state.ended {
            // Commits gather meanwhile, and the end is noticed.
            state = self
                .wake
                .wait_timeout(state, INTERVAL)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.written = false;
        !state.ended
    }
}
