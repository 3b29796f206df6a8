//! The write-ahead log, and what brings it into the file.
//!
//! SQLite would do that in the middle of a commit, for which callers wait. Here a thread of its own does
//! it meanwhile; it cannot empty the log while others write, so the writing thread does that when the log
//! is long, at a moment when little is left to do.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::open;
use crate::LedgerError;

/// How many pages the log may have before it is emptied: 32 MiB.
const LONG: i64 = 8_192;

/// How long to let commits gather.
const INTERVAL: Duration = Duration::from_millis(20);

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
            let pages = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                row.get::<_, i64>(1)
            });
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
