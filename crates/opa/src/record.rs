use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use kitelogik_core::{AuditSink, Outcome, RecordId};

use crate::telemetry::say;

/// The open record of a tool call. Whoever holds it says what came of the call; dropped, it says
/// that the body never ran.
pub(crate) struct Record {
    open: Option<(Arc<dyn AuditSink>, RecordId)>,
}

impl Record {
    pub(crate) fn new(sink: Arc<dyn AuditSink>, id: RecordId) -> Self {
        Self {
            open: Some((sink, id)),
        }
    }

    /// For a decision that is recorded nowhere.
    pub(crate) fn none() -> Self {
        Self { open: None }
    }

    pub(crate) fn complete(&mut self, outcome: Outcome) {
        if let Some((sink, id)) = self.open.take() {
            // Called from destructors: a panic of the sink must not become an abort.
            let record = AssertUnwindSafe(|| sink.record_outcome(id, outcome));
            if std::panic::catch_unwind(record).is_err() {
                say(|| tracing::error!(record = id.0, ?outcome, "outcome not recorded"));
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.complete(Outcome::NeverRan);
    }
}
