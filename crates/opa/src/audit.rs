use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kitelogik_core::{AuditSink, GateChange, PolicyEngine};

/// What a decision becomes that the audit sink could not record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditFailure {
    /// A denial with [`AuditUnavailable`](kitelogik_core::FailClosed::AuditUnavailable): what cannot be proven does not happen.
    #[default]
    Deny,
    /// The decision stands unrecorded, and the loss is logged.
    Continue,
}

/// The sink that a gate records to.
pub(crate) struct Audit {
    pub(crate) sink: Arc<dyn AuditSink>,
    pub(crate) timeout: Duration,
    pub(crate) on_failure: AuditFailure,
    /// The revision that the sink knows to be in force.
    noted: Mutex<Option<Arc<str>>>,
}

impl Audit {
    pub(crate) fn new(sink: Arc<dyn AuditSink>, on_failure: AuditFailure) -> Self {
        Self {
            sink,
            timeout: Duration::from_secs(5),
            on_failure,
            noted: Mutex::default(),
        }
    }

    /// Tells the sink where another policy is in force than when it last heard of one.
    pub(crate) fn note_policy(&self, engine: &dyn PolicyEngine) {
        // Held throughout, so that of two changes the later one is told last.
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        // The engine's code and the sink's: a panic of theirs must not end the call.
        let note = AssertUnwindSafe(|| {
            let revision = engine.revision();
            if *noted == revision {
                return;
            }
            let before = std::mem::replace(&mut *noted, revision.clone());
            self.sink.record_change(&GateChange::Policy {
                before: before.as_deref(),
                after: revision.as_deref(),
            });
        });
        if catch_unwind(note).is_err() {
            tracing::error!("another policy could not be noted: the engine or the sink panicked");
        }
    }
}
