//! What waits to be written.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kitelogik_core::Outcome;
use tokio::sync::{oneshot, watch};

use crate::{LedgerError, Timestamp};

use super::Draft;

/// How many records one transaction holds at most.
const MAX_BATCH: usize = 1_024;

/// Tells who waits for a job, once it is known whether it is on disk.
pub(crate) type Finish = Box<dyn FnOnce(Result<(), String>) + Send>;

/// Work in the transaction of the writing thread.
#[cfg(feature = "sqlite")]
pub(crate) type Job = Box<dyn FnOnce(&rusqlite::Connection, &mut super::Chain) -> Finish + Send>;

/// Something to write, or to do between what is written.
pub(crate) enum Command {
    Decision(Decision),
    Outcome {
        ticket: u64,
        outcome: Outcome,
        at: Timestamp,
    },
    /// An entry that nobody waits for.
    Entry(Draft),
    #[cfg(feature = "sqlite")]
    Job(Job),
    /// Told when everything before it is on disk.
    Flush(oneshot::Sender<Result<(), String>>),
}

/// A decision to write.
pub(crate) struct Decision {
    /// By which its outcome finds it; none where the outcome is in it.
    pub(crate) ticket: Option<u64>,
    pub(crate) draft: Draft,
    pub(crate) waiting: Waiting,
}

/// Who waits until a decision is on disk.
pub(crate) enum Waiting {
    /// Enqueued is enough.
    Nobody,
    /// The gate.
    Gate(oneshot::Sender<Result<(), String>>),
    /// The gate was told that it is not written, though nobody knows.
    GaveUp,
}

impl Waiting {
    /// Whether the gate gave up waiting before the decision was written.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Nobody => false,
            Self::Gate(gate) => gate.is_closed(),
            Self::GaveUp => true,
        }
    }
}

/// Records that were not written.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) count: u64,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// What went wrong the first time.
    pub(crate) problem: String,
}

impl Loss {
    /// How many records are among `commands`.
    pub(crate) fn of(commands: &[Command]) -> u64 {
        let records = commands.iter().filter(|command| {
            matches!(
                command,
                Command::Decision(_) | Command::Outcome { .. } | Command::Entry(_)
            )
        });
        records.count() as u64
    }

    fn join(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
    }
}

/// What waits to be written, in order.
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
    /// How many decisions may wait.
    capacity: usize,
    /// How many batches were written: whoever follows the chain looks again when it changes.
    written: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    commands: VecDeque<Command>,
    decisions: usize,
    /// Something was added since the last batch was taken.
    fresh: bool,
    closed: bool,
    /// The thread has ended: nothing will be written any more.
    ended: bool,
    next_ticket: u64,
    loss: Option<Loss>,
    lost: u64,
    /// What went wrong at the end.
    failure: Option<Failure>,
}

/// Why a chain did not end in order.
#[derive(Clone, Debug)]
struct Failure {
    /// How many records are not in the ledger without an entry that tells of it.
    lost: u64,
    problem: String,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            wake: Condvar::new(),
            capacity,
            written: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a decision, unless too many wait; gives the ticket of its outcome.
    pub(crate) fn push_decision(
        &self,
        draft: Draft,
        is_open: bool,
        waiting: Waiting,
    ) -> Result<Option<u64>, LedgerError> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(LedgerError::Closed);
        }
        if inner.decisions >= self.capacity {
            let error = LedgerError::Full {
                waiting: inner.decisions,
            };
            inner.lose(1, &error.to_string());
            return Err(error);
        }
        let ticket = is_open.then(|| {
            inner.next_ticket = inner.next_ticket.wrapping_add(1);
            inner.next_ticket
        });
        inner.fresh = true;
        inner.decisions = inner.decisions.saturating_add(1);
        inner.commands.push_back(Command::Decision(Decision {
            ticket,
            draft,
            waiting,
        }));
        drop(inner);
        self.wake.notify_one();
        Ok(ticket)
    }

    /// Adds what must not be lost: it waits however much waits already.
    pub(crate) fn push(&self, command: Command) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        if inner.ended {
            return Err(LedgerError::Closed);
        }
        inner.fresh = true;
        inner.commands.push_back(command);
        drop(inner);
        self.wake.notify_one();
        Ok(())
    }

    /// Puts back what could not be written, before everything else.
    pub(super) fn put_back(&self, commands: Vec<Command>) {
        let mut inner = self.lock();
        for command in commands.into_iter().rev() {
            if matches!(command, Command::Decision(_)) {
                inner.decisions = inner.decisions.saturating_add(1);
            }
            inner.commands.push_front(command);
        }
    }

    /// The next batch, empty after `patience`; None when the queue is closed and empty.
    ///
    /// What was put back comes again when something was added to it, or after `patience`.
    pub(super) fn take(&self, patience: Duration) -> Option<Vec<Command>> {
        let deadline = Instant::now().checked_add(patience);
        let mut inner = self.lock();
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let left = left.unwrap_or(Duration::from_secs(3600));
            let ready = inner.fresh || inner.closed || left.is_zero();
            if ready && !inner.commands.is_empty() {
                inner.fresh = inner.commands.len() > MAX_BATCH;
                let count = inner.commands.len().min(MAX_BATCH);
                let batch: Vec<Command> = inner.commands.drain(..count).collect();
                let decisions = batch
                    .iter()
                    .filter(|command| matches!(command, Command::Decision(_)))
                    .count();
                inner.decisions = inner.decisions.saturating_sub(decisions);
                return Some(batch);
            }
            if inner.closed {
                inner.ended = true;
                return None;
            }
            if left.is_zero() {
                return Some(Vec::new());
            }
            inner = self
                .wake
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// No more decisions are taken; what waits is written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The thread has ended, by a panic or another problem if there is one: what waits is not written any more.
    pub(crate) fn end(&self, problem: Option<String>) {
        let left = {
            let mut inner = self.lock();
            inner.closed = true;
            inner.ended = true;
            let mut left = std::mem::take(&mut inner.commands);
            let waited = Loss::of(left.make_contiguous());
            inner.lost = inner.lost.saturating_add(waited);
            let untold = inner.loss.take().map_or(0, |loss| loss.count);
            let lost = waited.saturating_add(untold);
            if let Some(problem) = problem {
                tracing::error!(lost, problem, "the ledger was not closed in order");
                inner.failure = Some(Failure { lost, problem });
            }
            left
        };
        // Dropped outside of the lock: whoever waits for one of them is told that it is gone.
        drop(left);
    }

    /// Whether the thread ended in order.
    pub(super) fn ending(&self) -> Result<(), LedgerError> {
        match self.lock().failure.clone() {
            None => Ok(()),
            Some(Failure { lost: 0, problem }) => {
                Err(LedgerError::store("closing the ledger", problem))
            }
            Some(Failure { lost, problem }) => Err(LedgerError::Lost { lost, problem }),
        }
    }

    /// Counts decisions that were not written.
    pub(super) fn lose(&self, count: u64, problem: &str) {
        if count > 0 {
            self.lock().lose(count, problem);
        }
    }

    pub(super) fn take_loss(&self) -> Option<Loss> {
        self.lock().loss.take()
    }

    pub(super) fn put_back_loss(&self, loss: Loss) {
        let mut inner = self.lock();
        match &mut inner.loss {
            Some(later) => later.join(loss),
            none => *none = Some(loss),
        }
    }

    /// Whether nothing waits that somebody recorded.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().commands.is_empty()
    }

    /// How many records were lost since the ledger was opened.
    pub(crate) fn losses(&self) -> u64 {
        self.lock().lost
    }

    pub(super) fn written(&self) {
        self.written
            .send_modify(|batches| *batches = batches.wrapping_add(1));
    }

    /// Changes whenever something was written.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }
}

impl Inner {
    fn lose(&mut self, count: u64, problem: &str) {
        self.lost = self.lost.saturating_add(count);
        let loss = Loss {
            count,
            from: Timestamp::now(),
            to: Timestamp::now(),
            problem: problem.to_owned(),
        };
        match &mut self.loss {
            Some(earlier) => earlier.join(loss),
            none => *none = Some(loss),
        }
    }
}
