use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kitelogik_core::{
    AuditError, AuditSink, BoxFuture, DecisionRecord, GateChange, Masking, Outcome, RecordId,
};

use super::batch::outcome_name;
use super::recording::Recording;

/// A sink that tells each decision and each outcome as an event of [`tracing`], under the target
/// `kitelogik::audit`: for the logs that a program has anyway. It proves nothing.
///
/// What the gate allowed is told at level `INFO`, what it did not at `WARN`.
#[derive(Debug, Default)]
pub struct TracingSink {
    masking: Masking,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    decisions: HashMap<u64, String>,
}

impl TracingSink {
    /// A sink that masks nothing but tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// What must not be told.
    #[must_use]
    pub fn masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recording(&self) -> Recording<'_> {
        Recording {
            masking: &self.masking,
            key: None,
        }
    }

    fn tell(&self, record: &DecisionRecord<'_>) -> RecordId {
        let content = self.recording().decision(record);
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    target: "kitelogik::audit",
                    decision_id = content.decision_id,
                    session = content.session,
                    principal = content.principal,
                    tenant = content.tenant,
                    event_type = content.event_type,
                    tool = content.tool,
                    action = content.action,
                    arguments = content.arguments.as_ref().map(super::JsonText::text),
                    verdict = content.verdict,
                    tier = content.tier,
                    rule = content.rule,
                    revision = content.revision,
                    fail_closed = content.fail_closed,
                    request = content.request,
                    decided_in_us = content.decided_in_us,
                    "{}",
                    content.reason.as_deref().unwrap_or_default(),
                )
            };
        }
        if record.decision.permits() {
            tell!(info);
        } else {
            tell!(warn);
        }
        let mut open = self.open();
        open.next = open.next.wrapping_add(1);
        let id = open.next;
        if content.outcome.is_none() && content.event_type.as_deref() == Some("tool_call") {
            let decision = content.decision_id.unwrap_or_default();
            open.decisions.insert(id, decision);
        }
        RecordId(id)
    }
}

impl AuditSink for TracingSink {
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        Box::pin(async move { Ok(self.tell(record)) })
    }

    fn record_outcome(&self, record: RecordId, outcome: Outcome) {
        let decision = self.open().decisions.remove(&record.0);
        if let Some(decision_id) = decision {
            let outcome = outcome_name(outcome);
            tracing::info!(target: "kitelogik::audit", decision_id, outcome, "call ended");
        }
    }

    fn record_change(&self, change: &GateChange<'_>) {
        let content = self.recording().change(change);
        tracing::warn!(
            target: "kitelogik::audit",
            change = content.change,
            what = content.what,
            before = content.before,
            after = content.after,
            "{}",
            content.reason.as_deref().unwrap_or_default(),
        );
    }
}
