use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kitelogik_core::{
    AuditError, AuditSink, BoxFuture, DecisionRecord, GateChange, Outcome, RecordId,
};

/// One sink that must record, and others that are told as well.
///
/// ```no_run
/// # async fn example() -> Result<(), kitelogik_ledger::LedgerError> {
/// use kitelogik_ledger::{Ledger, Sinks, TracingSink};
///
/// let ledger = Ledger::open("sqlite:kitelogik.db").await?;
/// let sinks = Sinks::new(ledger.audit()).and(TracingSink::new());
/// # let _ = sinks;
/// # Ok(())
/// # }
/// ```
pub struct Sinks {
    main: Box<dyn AuditSink>,
    others: Vec<Box<dyn AuditSink>>,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Ids>>,
}

/// What each sink calls a record.
struct Ids {
    main: RecordId,
    others: Vec<Option<RecordId>>,
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sinks")
            .field("others", &self.others.len())
            .finish_non_exhaustive()
    }
}

impl Sinks {
    /// The sink that counts: what it cannot record is not recorded.
    pub fn new(main: impl AuditSink + 'static) -> Self {
        Self {
            main: Box::new(main),
            others: Vec::new(),
            next: AtomicU64::new(0),
            open: Mutex::default(),
        }
    }

    /// A sink that is told what the main one has recorded. Where it fails, that is logged.
    #[must_use]
    pub fn and(mut self, other: impl AuditSink + 'static) -> Self {
        self.others.push(Box::new(other));
        self
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Ids>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditSink for Sinks {
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        Box::pin(async move {
            let main = self.main.record_decision(record).await?;
            let mut others = Vec::with_capacity(self.others.len());
            for sink in &self.others {
                let told = sink.record_decision(record).await;
                if let Err(error) = &told {
                    tracing::error!(error = error.to_string(), "decision not told to a sink");
                }
                others.push(told.ok());
            }
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            self.open().insert(id, Ids { main, others });
            Ok(RecordId(id))
        })
    }

    fn record_outcome(&self, record: RecordId, outcome: Outcome) {
        let ids = self.open().remove(&record.0);
        let Some(ids) = ids else { return };
        self.main.record_outcome(ids.main, outcome);
        for (sink, id) in self.others.iter().zip(ids.others) {
            if let Some(id) = id {
                sink.record_outcome(id, outcome);
            }
        }
    }

    fn record_change(&self, change: &GateChange<'_>) {
        self.main.record_change(change);
        for sink in &self.others {
            sink.record_change(change);
        }
    }
}
