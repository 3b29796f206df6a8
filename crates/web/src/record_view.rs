//! What pages show of a decision of the record.

use std::time::Duration;

use kitelogik_core::Outcome;
use kitelogik_ledger::AuditRecord;
use serde_json::Value;

use crate::moment::{Moment, span};
use crate::shown::{Argument, Text, arguments};
use crate::view::{SHORT, Tier, WHOLE, Who};
use crate::visitor::form_urlencoded;

/// The verdicts that can be filtered by, and their names.
pub(crate) const VERDICTS: [(&str, &str); 4] = [
    ("allow", "allow"),
    ("require_approval", "require approval"),
    ("refuse", "refuse"),
    ("deny", "deny"),
];

/// The risk tiers that can be filtered by, and their names.
pub(crate) const TIERS: [(&str, &str); 6] = [
    ("INFORMATIONAL", "informational"),
    ("OPERATIONAL", "operational"),
    ("TRANSACTIONAL_LOW", "transactional low"),
    ("TRANSACTIONAL_HIGH", "transactional high"),
    ("DESTRUCTIVE", "destructive"),
    ("SECURITY_CRITICAL", "security critical"),
];

/// A decision of the record.
#[derive(Clone, Debug)]
pub(crate) struct RecordView {
    pub(crate) id: String,
    pub(crate) at: Moment,
    pub(crate) verdict: &'static str,
    pub(crate) verdict_label: String,
    pub(crate) fault: Option<String>,
    pub(crate) tool: String,
    pub(crate) tier: Tier,
    pub(crate) reason: Text,
    pub(crate) who: Who,
    pub(crate) outcome: &'static str,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) left_out: usize,
    /// What else is known, by name.
    pub(crate) facts: Vec<(&'static str, Text)>,
    pub(crate) session_link: String,
    pub(crate) report: String,
}

impl RecordView {
    /// As one of many.
    pub(crate) fn short(record: AuditRecord) -> Self {
        Self::new(record, SHORT)
    }

    /// By itself, with all that is known.
    pub(crate) fn whole(record: AuditRecord) -> Self {
        let facts = facts(&record);
        Self {
            facts,
            ..Self::new(record, WHOLE)
        }
    }

    fn new(record: AuditRecord, limit: usize) -> Self {
        let (shown, left_out) = arguments(&record.arguments, limit);
        let session = form_urlencoded(&record.session);
        Self {
            outcome: outcome(&record),
            id: record.decision_id,
            at: record.at.into(),
            verdict: record.verdict.as_str(),
            verdict_label: record.verdict.as_str().replace('_', " "),
            fault: record.fail_closed.map(|code| code.to_string()),
            tool: record.tool,
            tier: Tier::of(record.tier),
            reason: Text::cut_at(limit, &record.reason),
            arguments: shown,
            left_out,
            facts: Vec::new(),
            session_link: format!("/audit?session={session}"),
            report: format!("/report?session={session}"),
            who: Who {
                session: record.session,
                principal: record.principal,
                role: record.role.unwrap_or_default(),
                scopes: record.scopes,
                tenant: record.tenant,
            },
        }
    }
}

/// What came of a call, in words.
pub(crate) fn outcome(record: &AuditRecord) -> &'static str {
    match record.outcome {
        Some(Outcome::Ran) => "ran",
        Some(Outcome::Failed) => "failed",
        Some(Outcome::Panicked) => "panicked",
        Some(Outcome::Cancelled) => "cancelled",
        Some(Outcome::NeverRan) => "never ran",
        None if record.is_open => "open: it runs, or its process crashed",
        None if record.unacknowledged => "not acknowledged in time",
        None => "no call",
    }
}

/// All that the record knows and the rest of the page does not say.
fn facts(record: &AuditRecord) -> Vec<(&'static str, Text)> {
    let json = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    let list = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
    let rules: Vec<String> = record.rules.iter().cloned().collect();
    let known = [
        ("Outcome", Some(outcome(record).to_owned())),
        ("Ended at", record.ended_at.map(|at| Moment(at).to_string())),
        (
            "Decided in",
            Some(span(Duration::from_micros(record.decided_in_us))),
        ),
        ("Event", Some(record.event_type.clone())),
        ("Action", Some(record.action.clone())),
        ("Resources", list(&record.resources)),
        ("Classification", record.classification.clone()),
        ("Rule", record.rule.clone()),
        ("Rules that fired", list(&rules)),
        ("Policy revision", record.revision.clone()),
        ("Engine", record.engine.clone()),
        ("Engine's decision", record.engine_decision_id.clone()),
        ("Instead of", record.fallback.map(|code| code.to_string())),
        ("Detail", record.detail.clone()),
        ("Approval", json(&record.approval)),
        ("Layers", json(&record.trace)),
        ("Scopes", list(&record.scopes)),
        ("Session above", record.parent.clone()),
        ("Sandbox", record.sandbox.then(|| "verified".to_owned())),
        ("Budget", json(&record.budget)),
        (
            "Digest of the arguments",
            record.arguments_digest.map(|digest| digest.to_string()),
        ),
        (
            "Place in the chain",
            Some(format!(
                "record {} of writer {}",
                record.sequence, record.writer
            )),
        ),
        ("Hash", Some(record.hash.to_string())),
    ];
    known
        .into_iter()
        .filter_map(|(name, value)| Some((name, Text::cut_at(WHOLE, &value?))))
        .collect()
}
