use std::sync::Arc;

use kitelogik_core::{
    AuditError, AuditSink, BoxFuture, DecisionRecord, GateChange, Outcome, RecordId,
};
use tokio::sync::oneshot;

use crate::ledger::Shared;
use crate::{Durability, LedgerError, Timestamp};

use super::Draft;
use super::queue::{Command, Queue, Waiting};
use super::recording::Recording;

/// The record of a decision that needs no outcome any more: it is in the record already.
const COMPLETE: RecordId = RecordId(u64::MAX);

/// The record of what was decided and of what came of it: written by gates, read by people.
///
/// Made by [`Ledger::audit`](crate::Ledger::audit). Clones are the same.
///
/// As an [`AuditSink`] it writes each decision before the body may run, and the outcome when it is
/// known. What it cannot write it counts, and writes as a gap when writing works again.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) shared: Arc<Shared>,
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AuditLog")
            .field("ledger", &self.shared.store.id())
            .field("losses", &self.losses())
            .finish_non_exhaustive()
    }
}

impl AuditLog {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// How many records this process could not write since it opened the ledger.
    ///
    /// The same number stands in the entries of kind [`Gap`](super::EntryKind::Gap), as far as those
    /// could be written.
    pub fn losses(&self) -> u64 {
        self.queue().map_or(0, |queue| queue.losses())
    }

    /// Waits until everything that was recorded before is on disk.
    ///
    /// # Errors
    ///
    /// It could not be written; it is tried again all the same.
    pub async fn flush(&self) -> Result<(), LedgerError> {
        let (tell, told) = oneshot::channel();
        self.queue()?.push(Command::Flush(tell))?;
        match told.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(problem)) => Err(LedgerError::store("writing to the ledger", problem)),
            Err(_) => Err(LedgerError::Closed),
        }
    }

    pub(super) fn queue(&self) -> Result<&Arc<Queue>, LedgerError> {
        Ok(self.shared.store.writer()?.queue())
    }

    fn recorder(&self) -> Result<Recorder<'_>, LedgerError> {
        Ok(Recorder {
            queue: self.queue()?,
            durability: self.shared.durability,
            recording: Recording {
                masking: &self.shared.masking,
                key: self.shared.key.as_deref(),
            },
        })
    }
}

/// What a sink does with what the gate tells.
pub(super) struct Recorder<'a> {
    pub(super) queue: &'a Queue,
    pub(super) durability: Durability,
    pub(super) recording: Recording<'a>,
}

impl Recorder<'_> {
    pub(super) async fn decision(
        &self,
        record: &DecisionRecord<'_>,
    ) -> Result<RecordId, LedgerError> {
        let content = self.recording.decision(record);
        let draft = Draft::new(&content);
        let is_open =
            content.event_type.as_deref() == Some("tool_call") && content.outcome.is_none();
        let ticket = match self.durability {
            Durability::Memory => self.queue.push_decision(draft, is_open, Waiting::Nobody)?,
            Durability::Disk => {
                let (tell, told) = oneshot::channel();
                let waiting = Waiting::Gate(tell);
                let ticket = self.queue.push_decision(draft, is_open, waiting)?;
                match told.await {
                    Ok(Ok(())) => ticket,
                    Ok(Err(problem)) => {
                        return Err(LedgerError::store("writing to the ledger", problem));
                    }
                    Err(_) => return Err(LedgerError::Closed),
                }
            }
        };
        Ok(ticket.map_or(COMPLETE, RecordId))
    }

    pub(super) fn outcome(&self, record: RecordId, outcome: Outcome) -> Result<(), LedgerError> {
        if record == COMPLETE {
            return Ok(());
        }
        self.queue.push(Command::Outcome {
            ticket: record.0,
            outcome,
            at: Timestamp::now(),
        })
    }

    pub(super) fn change(&self, change: &GateChange<'_>) -> Result<(), LedgerError> {
        let content = self.recording.change(change);
        self.queue.push(Command::Entry(Draft::new(&content)))
    }
}

/// For what cannot be answered with an error.
pub(super) fn told(result: Result<(), LedgerError>) {
    if let Err(error) = result {
        tracing::error!(error = error.to_string(), "audit record lost");
    }
}

impl AuditSink for AuditLog {
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        Box::pin(async move {
            let recorded = match self.recorder() {
                Ok(recorder) => recorder.decision(record).await,
                Err(error) => Err(error),
            };
            recorded.map_err(|error| AuditError::new(error.to_string()))
        })
    }

    fn record_outcome(&self, record: RecordId, outcome: Outcome) {
        told(
            self.recorder()
                .and_then(|recorder| recorder.outcome(record, outcome)),
        );
    }

    fn record_change(&self, change: &GateChange<'_>) {
        told(self.recorder().and_then(|recorder| recorder.change(change)));
    }
}
