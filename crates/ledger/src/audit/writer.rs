//! One thread writes what all others record: a batch for each transaction.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{LedgerError, Timestamp};

use super::batch::Batch;
use super::chains::Chains;
#[cfg(feature = "sqlite")]
use super::queue::Finish;
use super::queue::{Command, Loss, Queue};
use super::{Chain, Content, Draft, EntryKind, Row};

/// What a store does for the thread that writes.
pub(crate) trait Backend: Send {
    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), LedgerError>;

    /// Registers a writer, within the transaction, and gives its id.
    fn register(&mut self, identity: &Identity) -> Result<u64, LedgerError>;

    /// Adds an entry, within the transaction.
    fn insert(&mut self, row: &Row<'_>) -> Result<(), LedgerError>;

    /// Hands over what was added, where that is done all at once. A failure up to here leaves no doubt:
    /// nothing was written.
    fn send(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }

    /// Does other work in the transaction, whole or not at all.
    #[cfg(feature = "sqlite")]
    fn run(&mut self, job: super::queue::Job, chain: &mut Chain) -> Finish;

    /// Ends the transaction: what it did is on disk.
    fn commit(&mut self) -> Result<(), LedgerError>;

    /// Gives the transaction up, if there is one.
    fn rollback(&mut self);

    /// The end of a writer's chain as it is in the store.
    fn head(&mut self, writer: u64) -> Result<Chain, LedgerError>;

    /// Signs a checkpoint, in a transaction of its own.
    fn seal(&mut self, chain: &mut Chain) -> Result<(), LedgerError>;
}

/// Who writes, as the first entry of the chain says.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) ledger: crate::Digest,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) process: u32,
}

impl Identity {
    /// The first entry of a chain.
    pub(crate) fn start(&self) -> Content {
        let mut content = Content::new(EntryKind::Start, Timestamp::now());
        content.ledger = Some(self.ledger);
        content.name = Some(self.name.clone());
        content.host = Some(self.host.clone());
        content.process = Some(self.process.into());
        content.program = Some(env!("CARGO_PKG_VERSION").to_owned());
        content
    }
}

/// When the writer signs a checkpoint by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealEvery {
    pub(crate) entries: u64,
    pub(crate) interval: Duration,
}

/// The thread that writes. It ends, and all that waits is written, when this is closed or dropped.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(
        queue: Arc<Queue>,
        mut backend: Box<dyn Backend>,
        identity: Identity,
        seal: SealEvery,
    ) -> Result<Self, LedgerError> {
        let work = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("kitelogik-ledger".to_owned())
            .spawn(move || {
                let writing = AssertUnwindSafe(|| run(&work, &mut *backend, &identity, seal));
                if std::panic::catch_unwind(writing).is_err() {
                    tracing::error!("the thread that writes the ledger has ended");
                }
                work.end();
            })
            .map_err(|error| LedgerError::store("starting a thread", error))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Writes what waits and ends the chain. Blocks until that is done.
    pub(crate) fn close(&self) {
        self.queue.close();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread does until the queue is closed.
fn run(queue: &Arc<Queue>, backend: &mut dyn Backend, identity: &Identity, seal: SealEvery) {
    let mut writing = Writing {
        queue,
        backend,
        chains: Chains::new(identity.clone()),
        seal,
        sealed: std::time::Instant::now(),
        unsealed: 0,
        failures: 0,
    };
    while let Some(batch) = queue.take(writing.patience()) {
        writing.write(batch);
        if queue.is_closed() && writing.failures > 2 {
            writing.give_up();
            return;
        }
    }
    writing.stop();
}

struct Writing<'a> {
    queue: &'a Arc<Queue>,
    backend: &'a mut dyn Backend,
    chains: Chains,
    seal: SealEvery,
    sealed: std::time::Instant,
    /// Entries that no checkpoint holds yet.
    unsealed: u64,
    /// How often in a row nothing could be written.
    failures: u32,
}

impl Writing<'_> {
    /// How long to wait for more before what is left is tried again, or a checkpoint is due.
    fn patience(&self) -> Duration {
        if self.failures > 0 || self.chains.is_unsettled() {
            Duration::from_millis(50 << self.failures.min(6))
        } else if self.unsealed > 0 {
            self.seal.interval.saturating_sub(self.sealed.elapsed())
        } else {
            Duration::from_secs(3600)
        }
    }

    fn write(&mut self, commands: Vec<Command>) {
        let mut batch = Batch::new(commands, self.queue.take_loss());
        if batch.is_empty() && !self.chains.is_unsettled() {
            self.seal_if_due();
            return;
        }
        match self.try_write(&mut batch) {
            Ok(written) => {
                self.failures = 0;
                self.unsealed = self.unsealed.saturating_add(written);
                self.queue.written();
                self.seal_if_due();
            }
            Err(error) => {
                tracing::error!(error = error.to_string(), "audit records not written");
                self.failures = self.failures.saturating_add(1);
                batch.refuse(&error, self.queue);
            }
        }
    }

    fn try_write(&mut self, batch: &mut Batch) -> Result<u64, LedgerError> {
        self.chains.settle(self.backend, batch, self.queue)?;
        self.chains.write(self.backend, batch, self.queue)
    }

    fn seal_if_due(&mut self) {
        let due = self.unsealed >= self.seal.entries || self.sealed.elapsed() >= self.seal.interval;
        if self.unsealed > 0 && due {
            self.seal();
        }
    }

    fn seal(&mut self) {
        self.unsealed = 0;
        self.sealed = std::time::Instant::now();
        if let Some(chain) = self.chains.chain_mut()
            && let Err(error) = self.backend.seal(chain)
        {
            tracing::error!(error = error.to_string(), "no checkpoint signed");
        }
    }

    /// The last entry of the chain, and a checkpoint that holds it.
    fn stop(&mut self) {
        if self.chains.chain_mut().is_none() {
            return;
        }
        let stop = Draft::new(&Content::new(EntryKind::Stop, Timestamp::now()));
        let mut batch = Batch::new(vec![Command::Entry(stop)], self.queue.take_loss());
        match self.try_write(&mut batch) {
            Ok(_) => self.seal(),
            Err(error) => {
                tracing::error!(
                    error = error.to_string(),
                    "the ledger was not closed in order"
                );
            }
        }
    }

    fn give_up(&mut self) {
        let commands = self.queue.take(Duration::ZERO).unwrap_or_default();
        if !commands.is_empty() {
            let lost = Loss::of(&commands);
            tracing::error!(
                lost,
                "audit records lost: the ledger was closed and cannot be written"
            );
            self.queue.count_lost(lost);
        }
    }
}
