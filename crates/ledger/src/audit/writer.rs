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
use super::queue::{Command, Queue};
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
    /// The id of the key of its digests, where there is one.
    pub(crate) digest_key: Option<crate::Digest>,
}

impl Identity {
    /// The first entry of a chain.
    pub(crate) fn start(&self) -> Content {
        let mut content = Content::new(EntryKind::Start, Timestamp::now());
        content.ledger = Some(self.ledger);
        content.name = Some(self.name.clone());
        content.host = Some(self.host.clone());
        content.process = Some(self.process.into());
        content.digest_key = self.digest_key;
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
                let ended = std::panic::catch_unwind(writing)
                    .unwrap_or_else(|_| Err("the thread that writes panicked".to_owned()));
                work.end(ended.err());
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

    /// Writes what waits and ends the chain. Blocks until that is done, or cannot be done.
    pub(crate) fn close(&self) -> Result<(), LedgerError> {
        self.queue.close();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.queue.ending()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It was logged.
        let _ = self.close();
    }
}

/// What the thread does until the queue is closed; the problem, where it could not do all of it.
fn run(
    queue: &Arc<Queue>,
    backend: &mut dyn Backend,
    identity: &Identity,
    seal: SealEvery,
) -> Result<(), String> {
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
        let written = writing.write(batch);
        if queue.is_closed() && writing.failures > 2 {
            return written;
        }
    }
    writing.stop()
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

    /// Writes a batch, or puts it back.
    fn write(&mut self, commands: Vec<Command>) -> Result<(), String> {
        let mut batch = Batch::new(commands, self.queue.take_loss());
        if batch.is_empty() && !self.chains.is_unsettled() {
            self.seal_if_due();
            return Ok(());
        }
        match self.try_write(&mut batch) {
            Ok(written) => {
                self.failures = 0;
                self.unsealed = self.unsealed.saturating_add(written);
                self.queue.written();
                self.seal_if_due();
                Ok(())
            }
            Err(error) => {
                tracing::error!(error = error.to_string(), "audit records not written");
                self.failures = self.failures.saturating_add(1);
                batch.refuse(&error, self.queue);
                Err(error.to_string())
            }
        }
    }

    fn try_write(&mut self, batch: &mut Batch) -> Result<u64, LedgerError> {
        self.chains.settle(self.backend, batch, self.queue)?;
        self.chains.write(self.backend, batch, self.queue)
    }

    fn seal_if_due(&mut self) {
        let due = self.unsealed >= self.seal.entries || self.sealed.elapsed() >= self.seal.interval;
        if self.unsealed > 0
            && due
            && let Err(problem) = self.seal()
        {
            tracing::error!(problem, "no checkpoint signed");
        }
    }

    fn seal(&mut self) -> Result<(), String> {
        self.unsealed = 0;
        self.sealed = std::time::Instant::now();
        match self.chains.chain_mut() {
            Some(chain) => self.backend.seal(chain).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// The last entry of the chain, and a checkpoint that holds it.
    fn stop(&mut self) -> Result<(), String> {
        if self.chains.chain_mut().is_none() {
            return Ok(());
        }
        let stop = Draft::new(&Content::new(EntryKind::Stop, Timestamp::now()));
        let mut batch = Batch::new(vec![Command::Entry(stop)], self.queue.take_loss());
        match self.try_write(&mut batch) {
            Ok(_) => self.seal(),
            Err(error) => {
                // What it was to tell of stays untold.
                if let Some(loss) = batch.loss.take() {
                    self.queue.put_back_loss(loss);
                }
                Err(error.to_string())
            }
        }
    }
}
