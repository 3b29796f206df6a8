//! What is recorded of decisions and outcomes.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{Arc, Mutex};

use kitelogik_core::{
    AuditError, AuditSink, BoxFuture, DecisionRecord, FailClosed, GovernanceEvent, Outcome,
    RecordId, ToolCallInput, Verdict,
};
use kitelogik_opa::{AuditFailure, PolicyGate};
use serde_json::{Map, Value};

use super::{Reviewer, Scripted, call, denial, session};

/// A verdict, and what came of the call.
pub(crate) type Entry = (Verdict, Option<Outcome>);

/// Keeps records in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    records: Arc<Mutex<Vec<Entry>>>,
}

impl Memory {
    pub(crate) fn outcomes(&self) -> Vec<Entry> {
        self.records.lock().unwrap().clone()
    }
}

impl AuditSink for Memory {
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        Box::pin(async move {
            let mut records = self.records.lock().unwrap();
            records.push((record.decision.verdict, None));
            Ok(RecordId(records.len() as u64 - 1))
        })
    }

    fn record_outcome(&self, record: RecordId, outcome: Outcome) {
        let mut records = self.records.lock().unwrap();
        let slot = &mut records[record.0 as usize].1;
        assert_eq!(*slot, None, "an outcome is recorded once");
        *slot = Some(outcome);
    }
}

#[tokio::test]
async fn what_came_of_each_call_joins_its_decision() {
    let memory = Memory::default();
    let gate = PolicyGate::builder(Scripted::default())
        .audit(memory.clone(), AuditFailure::Deny)
        .build();
    let session = session(&gate);
    let permit = || async { session.authorize(call("allow")).await.unwrap() };
    let open = || async {
        let permitted = permit().await.open::<Value>("tool", "allow").unwrap();
        permitted.into_parts().2
    };

    open().await.ended(Outcome::Ran);
    open().await.ended(Outcome::Failed);
    drop(open().await);
    drop(permit().await);
    let running = open().await;
    let panicking = std::thread::spawn(move || {
        let _running = running;
        panic!("the body panics");
    });
    assert!(panicking.join().is_err());
    session.authorize(call("deny")).await.unwrap_err();

    assert_eq!(
        memory.outcomes(),
        [
            (Verdict::Allow, Some(Outcome::Ran)),
            (Verdict::Allow, Some(Outcome::Failed)),
            (Verdict::Allow, Some(Outcome::Cancelled)),
            (Verdict::Allow, Some(Outcome::NeverRan)),
            (Verdict::Allow, Some(Outcome::Panicked)),
            (Verdict::Deny, Some(Outcome::NeverRan)),
        ]
    );
}

/// Writes each record to a file.
struct File(&'static str);

impl AuditSink for File {
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        Box::pin(async move {
            let mut file = OpenOptions::new()
                .append(true)
                .open(self.0)
                .map_err(|error| AuditError::new(error.to_string()))?;
            let line = serde_json::to_vec(record.decision).unwrap();
            file.write_all(&line)
                .map_err(|error| AuditError::new(error.to_string()))?;
            Ok(RecordId(0))
        })
    }

    fn record_outcome(&self, _: RecordId, _: Outcome) {}
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_denies_where_the_record_is_required() {
    let gate = |on_failure| {
        PolicyGate::builder(Scripted::default())
            .audit(File("/dev/full"), on_failure)
            .build()
    };
    let decision = denial(&gate(AuditFailure::Deny), "allow").await;
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(decision.fail_closed, Some(FailClosed::AuditUnavailable));
    assert!(decision.detail.clone().unwrap().contains("No space left"));

    let gate = gate(AuditFailure::Continue);
    assert!(session(&gate).authorize(call("allow")).await.is_ok());
}

#[tokio::test]
async fn to_evaluate_asks_nobody_counts_nothing_and_is_recorded() {
    let memory = Memory::default();
    let gate = PolicyGate::builder(Scripted::default())
        .approver(Reviewer::Panics)
        .audit(memory.clone(), AuditFailure::Deny)
        .build();
    let session = session(&gate);
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("review", Map::new()));
    assert_eq!(
        session.evaluate(&event).await.verdict,
        Verdict::RequireApproval
    );
    assert_eq!(session.usage().api_calls, Some(0));
    assert_eq!(
        memory.outcomes(),
        [(Verdict::RequireApproval, Some(Outcome::NeverRan))]
    );
}
