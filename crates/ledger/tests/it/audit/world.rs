//! What a gate would tell.

use std::collections::BTreeSet;

use kitelogik_core::{
    AuditSink, DecisionRecord, GovernanceEvent, PolicyDecision, RecordId, SessionContext,
    ToolCallInput,
};
use kitelogik_ledger::AuditLog;
use serde_json::{Map, Value, json};

pub(crate) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else {
        panic!("no object");
    };
    object
}

pub(crate) fn call(tool: &str, args: Value) -> GovernanceEvent {
    GovernanceEvent::ToolCall(ToolCallInput::new(tool, object(args)))
}

pub(crate) fn allowed() -> PolicyDecision {
    decision(&json!({"allow": true, "rules": ["small_refunds"]}))
}

pub(crate) fn denied(reason: &str) -> PolicyDecision {
    decision(&json!({"deny": [reason], "rules": ["block_large_refund"]}))
}

pub(crate) fn decision(document: &Value) -> PolicyDecision {
    PolicyDecision::from_result(document, "data.kitelogik.main").unwrap()
}

pub(crate) fn context(session: &str) -> SessionContext {
    SessionContext::new(session)
        .role("support_agent")
        .scopes(["read_customer"])
        .principal("ann@example.com")
        .tenant("acme")
}

/// Records one decision about a refund as a gate does.
pub(crate) async fn record(log: &AuditLog, session: &str, decision: &PolicyDecision) -> RecordId {
    try_record(log, session, decision).await.unwrap()
}

pub(crate) async fn try_record(
    log: &AuditLog,
    session: &str,
    decision: &PolicyDecision,
) -> Result<RecordId, String> {
    let event = call("approve_refund", json!({"amount": 42, "customer_id": "c1"}));
    let context = context(session);
    let record = DecisionRecord::new(&event, &context, decision);
    log.record_decision(&record)
        .await
        .map_err(|error| error.to_string())
}

/// Records the decision that was made, where that can be done.
pub(crate) async fn try_record_made(log: &AuditLog, made: &PolicyDecision) -> Option<RecordId> {
    let event = call("approve_refund", json!({}));
    let who = context("s1");
    let record = DecisionRecord::new(&event, &who, made);
    log.record_decision(&record).await.ok()
}

pub(crate) fn names(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}
