//! One decision, as a report counts it.

use std::time::Duration;

use kitelogik_ledger::{AuditRecord, Timestamp};
use serde_json::Value;

use crate::record_view::outcome;

/// A decision and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) session: String,
    pub(crate) tool: String,
    pub(crate) verdict: String,
    pub(crate) tier: String,
    pub(crate) reason: String,
    /// The rules by the names of their author, or else the rule that decided.
    pub(crate) rules: Vec<String>,
    pub(crate) fail_closed: Option<String>,
    pub(crate) outcome: &'static str,
    /// Where the approval request stood, if one was made.
    pub(crate) approval: Option<String>,
    pub(crate) decided_in: Duration,
}

/// The verdicts, in the order of every table and chart.
pub(crate) const VERDICTS: [(&str, &str); 4] = [
    ("allow", "allow"),
    ("require_approval", "approval"),
    ("refuse", "refuse"),
    ("deny", "deny"),
];

impl Event {
    pub(crate) fn of(record: &AuditRecord) -> Self {
        let mut rules: Vec<String> = record.rules.iter().cloned().collect();
        if rules.is_empty() {
            rules.extend(record.rule.clone());
        }
        let state = |approval: &Value| approval.get("state")?.as_str().map(str::to_owned);
        Self {
            id: record.decision_id.clone(),
            at: record.at,
            session: record.session.clone(),
            tool: record.tool.clone(),
            verdict: record.verdict.as_str().to_owned(),
            tier: record.tier.as_str().to_owned(),
            reason: record.reason.clone(),
            rules,
            fail_closed: record.fail_closed.map(|code| code.to_string()),
            outcome: outcome(record),
            approval: record.approval.as_ref().and_then(state),
            decided_in: Duration::from_micros(record.decided_in_us),
        }
    }

    /// The column of its verdict; what is unknown counts as denied.
    pub(crate) fn verdict_column(&self) -> usize {
        VERDICTS
            .iter()
            .position(|(verdict, _)| *verdict == self.verdict)
            .unwrap_or(VERDICTS.len() - 1)
    }
}
