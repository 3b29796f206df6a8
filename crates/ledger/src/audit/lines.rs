//! A chain in a file of text.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kitelogik_core::{
    AuditError, AuditSink, BoxFuture, DecisionRecord, GateChange, Masking, Outcome, RecordId,
};

use crate::store::process_identity;
use crate::{Digest, Durability, LedgerError};

use super::check::{ChainCheck, Problem, Stored};
use super::log::{Recorder, told};
use super::recording::Recording;
use super::writer::{Backend, Identity, SealEvery, Writer};
use super::{AuditEntry, Chain, Columns, Queue, Row, Verification, VerifyOptions};

/// A sink that writes each decision and each outcome as a line of JSON to a file, without any
/// database: [`AuditEntry`]s, in a hash chain as the ledger's.
///
/// One process at a time writes a file; each start begins a chain of its own. There are no digests and
/// no checkpoints, for there is no key. [`verify_lines`] looks at such a file.
#[derive(Clone)]
pub struct JsonLinesSink {
    writer: Arc<Writer>,
    masking: Masking,
    durability: Durability,
}

impl std::fmt::Debug for JsonLinesSink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("JsonLinesSink")
            .finish_non_exhaustive()
    }
}

impl JsonLinesSink {
    /// Appends to the file at `path`, which is made where there is none, readable by its owner only.
    ///
    /// A last line that a crash left unfinished is removed: nobody was told that it is there.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, is something else, or another process writes it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let lines = Lines::open(path.as_ref())?;
        let never = SealEvery {
            entries: u64::MAX,
            interval: Duration::MAX,
        };
        let identity = process_identity(Digest::default());
        let queue = Arc::new(Queue::new(10_000));
        let writer = Writer::start(queue, Box::new(lines), identity, never)?;
        Ok(Self {
            writer: Arc::new(writer),
            masking: Masking::none(),
            durability: Durability::Disk,
        })
    }

    /// What must not be written down. Default: tokens only.
    #[must_use]
    pub fn masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    /// When a decision counts as recorded. Default: [`Durability::Disk`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How many records could not be written.
    pub fn losses(&self) -> u64 {
        self.writer.queue().losses()
    }

    /// Writes what waits and ends the chain. Blocks until that is done; so does dropping the last clone, which only logs an
    /// error.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Lost`] where records could not be written before; otherwise the chain has no last entry.
    pub fn close(&self) -> Result<(), LedgerError> {
        self.writer.close()
    }

    fn recorder(&self) -> Recorder<'_> {
        Recorder {
            queue: self.writer.queue(),
            durability: self.durability,
            recording: Recording {
                masking: &self.masking,
                key: None,
            },
        }
    }
}

impl AuditSink for JsonLinesSink {
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        Box::pin(async move {
            let recorded = self.recorder().decision(record).await;
            recorded.map_err(|error| AuditError::new(error.to_string()))
        })
    }

    fn record_outcome(&self, record: RecordId, outcome: Outcome) {
        told(self.recorder().outcome(record, outcome));
    }

    fn record_change(&self, change: &GateChange<'_>) {
        told(self.recorder().change(change));
    }
}

/// Looks at every line of a file of entries: a [`JsonLinesSink`]'s, or an export of a ledger's chains.
///
/// Chains may begin after their first entry, as those of which old records were removed do: then a
/// checkpoint must say where. Of `options` the checkpoints count, each by its own key, which must be one of those that are
/// named, if any is.
/// The memory that it takes does not depend on how many lines there are.
///
/// # Errors
///
/// The file could not be read. What is wrong in it is a [`Problem`] of the answer.
pub fn verify_lines(
    lines: impl BufRead,
    options: &VerifyOptions,
) -> Result<Verification, LedgerError> {
    let mut found = Verification::default();
    let mut chains: BTreeMap<u64, Option<ChainCheck>> = BTreeMap::new();
    let mut heads: BTreeMap<(u64, u64), Digest> = BTreeMap::new();
    for checkpoint in options.checkpoints() {
        found.checkpoints = found.checkpoints.saturating_add(1);
        if let Err(error) = checkpoint.verify(options.key_of(checkpoint)) {
            found.add(Problem::of(error.to_string()));
            continue;
        }
        for head in &checkpoint.writers {
            heads.insert((head.writer, head.count), head.head);
        }
    }
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for (index, line) in lines.lines().enumerate() {
        let line = line?;
        let Ok(entry) = serde_json::from_str::<AuditEntry>(&line) else {
            found.add(Problem::of(format!(
                "line {} does not read as an entry",
                index.saturating_add(1)
            )));
            continue;
        };
        let first = Chain {
            writer: entry.writer,
            count: entry.sequence.saturating_sub(1),
            head: entry.previous,
        };
        let chain = chains.entry(entry.writer).or_insert_with(|| {
            let is_known = heads.get(&(first.writer, first.count)) == Some(&first.head);
            let from = if is_known {
                first
            } else {
                Chain::new(entry.writer)
            };
            Some(ChainCheck::new(None, from))
        });
        let Some(check) = chain else { continue };
        match check.next(&stored(&entry)) {
            Ok(_) => {
                found.records = found.records.saturating_add(1);
                seen.insert(entry.writer, entry.sequence);
                match heads.remove(&(entry.writer, entry.sequence)) {
                    Some(head) if head != entry.hash => {
                        found.add(Problem::at(
                            entry.writer,
                            entry.sequence,
                            "was another when a checkpoint was signed",
                        ));
                        *chain = None;
                    }
                    _ => {}
                }
            }
            Err(problem) => {
                found.add(problem);
                *chain = None;
            }
        }
    }
    found.writers = chains.len() as u64;
    for (writer, count) in heads.into_keys() {
        let end = seen.get(&writer).copied().unwrap_or(0);
        if end < count && chains.get(&writer).is_none_or(Option::is_some) {
            let first = end.saturating_add(1);
            let what = format!("is missing, and all up to record {count}");
            found.add(Problem::at(writer, first, what));
        }
    }
    Ok(found)
}

fn stored(entry: &AuditEntry) -> Stored {
    Stored {
        writer: entry.writer,
        sequence: entry.sequence,
        hash: entry.hash.bytes().to_vec(),
        body: entry.encoded(),
        columns: Columns::of(&entry.content),
    }
}

/// The file, and what the transaction will add.
struct Lines {
    path: PathBuf,
    file: File,
    /// How long the file is without what was not acknowledged.
    length: u64,
    last_writer: u64,
    end: Chain,
    batch: Vec<u8>,
    batch_end: Chain,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, LedgerError> {
        let failed = |error: std::io::Error| {
            LedgerError::store("opening the file", format!("`{}`: {error}", path.display()))
        };
        let mut options = File::options();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        file.try_lock()
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let (length, last_writer) = whole_lines(&mut file).map_err(failed)?;
        file.set_len(length).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            last_writer,
            end: Chain::new(0),
            batch: Vec::new(),
            batch_end: Chain::new(0),
        })
    }

    fn failed(&self, error: impl std::fmt::Display) -> LedgerError {
        let problem = format!("`{}`: {error}", self.path.display());
        LedgerError::store("writing to the file", problem)
    }
}

/// How long the file is up to its last whole line, and the last writer in it.
fn whole_lines(file: &mut File) -> std::io::Result<(u64, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(&mut *file);
    let (mut length, mut writer) = (0_u64, 0_u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader).take(u64::MAX).read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok((length, writer));
        }
        let entry: AuditEntry = serde_json::from_slice(&line)
            .map_err(|_| std::io::Error::other("it is no file of audit entries"))?;
        writer = writer.max(entry.writer);
        length = length.saturating_add(read as u64);
    }
}

impl Backend for Lines {
    fn begin(&mut self) -> Result<(), LedgerError> {
        self.batch.clear();
        self.batch_end = self.end;
        Ok(())
    }

    fn register(&mut self, _: &Identity) -> Result<u64, LedgerError> {
        self.last_writer = self.last_writer.saturating_add(1);
        Ok(self.last_writer)
    }

    fn insert(&mut self, row: &Row<'_>) -> Result<(), LedgerError> {
        let entry = AuditEntry::read(row.writer, row.sequence, row.hash, &row.body)?;
        serde_json::to_writer(&mut self.batch, &entry).map_err(|error| self.failed(error))?;
        self.batch.push(b'\n');
        self.batch_end = Chain {
            writer: row.writer,
            count: row.sequence,
            head: row.hash,
        };
        Ok(())
    }

    #[cfg(feature = "sqlite")]
    fn run(&mut self, _: super::Job, _: &mut Chain) -> super::Finish {
        // Nobody gives a file a job for a database; whoever did is told that it was not done.
        Box::new(|_| ())
    }

    fn commit(&mut self) -> Result<(), LedgerError> {
        self.file
            .write_all(&self.batch)
            .and_then(|()| self.file.sync_data())
            .map_err(|error| self.failed(error))?;
        self.length = self.length.saturating_add(self.batch.len() as u64);
        self.end = self.batch_end;
        Ok(())
    }

    fn rollback(&mut self) {
        self.batch.clear();
        // What was half written must not stand before what comes next.
        if let Err(error) = self.file.set_len(self.length) {
            tracing::error!(error = error.to_string(), "half a line may be left");
        }
    }

    fn head(&mut self, writer: u64) -> Result<Chain, LedgerError> {
        if self
            .file
            .metadata()
            .map_err(|error| self.failed(error))?
            .len()
            != self.length
        {
            self.file
                .set_len(self.length)
                .map_err(|error| self.failed(error))?;
        }
        Ok(if self.end.writer == writer {
            self.end
        } else {
            Chain::new(writer)
        })
    }

    fn seal(&mut self, _: &mut Chain) -> Result<(), LedgerError> {
        Ok(())
    }
}

impl Verification {
    fn add(&mut self, problem: Problem) {
        if self.problems.len() < super::verification::MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}
