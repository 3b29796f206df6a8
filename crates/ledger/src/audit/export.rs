use std::collections::BTreeMap;
use std::io::Write;

use kitelogik_core::{MASKED, Verdict};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::LedgerError;
use crate::store::number;
use crate::store::statements::{ENTRIES, Param};

use super::filter::{AuditFilter, MAX_PAGE, Order};
use super::{AuditLog, AuditRecord};

/// How many entries are read at once.
const CHUNK: i64 = 2_000;

/// What an export looks like. Each is a document of JSON for each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportFormat {
    /// Each decision with its outcome, as [`AuditRecord`].
    JsonLines,
    /// Every entry of every chain, as [`AuditEntry`](super::AuditEntry): with it anybody can verify the
    /// chains, see [`verify_lines`](super::verify_lines). The filter does not apply: a part proves
    /// nothing.
    Chain,
    /// Each decision as an event of OPA's decision log. What only this ledger knows - the outcome, the
    /// approval, why nobody could know - is under `custom`.
    OpaDecisionLog,
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::JsonLines, Self::Chain, Self::OpaDecisionLog];

    /// The name, as in `json-lines`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "json-lines",
            Self::Chain => "chain",
            Self::OpaDecisionLog => "opa-decision-log",
        }
    }
}

impl AuditLog {
    /// Writes all records of `filter` to `out`, the oldest first unless it says otherwise, and gives how
    /// many. Its limit does not apply.
    ///
    /// `out` is written to on the thread that polls: where it is slow, give a buffer and send it on.
    ///
    /// # Errors
    ///
    /// The store could not be read, or `out` not be written.
    pub async fn export(
        &self,
        format: ExportFormat,
        filter: &AuditFilter,
        mut out: impl Write + Send,
    ) -> Result<u64, LedgerError> {
        match format {
            ExportFormat::Chain => self.export_chain(&mut out).await,
            ExportFormat::JsonLines => self.each(filter, |record| line(&mut out, record)).await,
            ExportFormat::OpaDecisionLog => {
                let ledger = self.shared.store.id().to_string();
                self.each(filter, |record| line(&mut out, &opa_event(record, &ledger)))
                    .await
            }
        }
    }

    /// Calls `each` for all records of `filter`, page by page.
    pub(super) async fn each(
        &self,
        filter: &AuditFilter,
        mut each: impl FnMut(&AuditRecord) -> Result<(), LedgerError> + Send,
    ) -> Result<u64, LedgerError> {
        let mut filter = filter.clone();
        filter.limit = Some(MAX_PAGE.min(1_000));
        let mut count = 0_u64;
        loop {
            let page = self.query(&filter).await?;
            for record in &page.records {
                each(record)?;
                count = count.saturating_add(1);
            }
            match page.next {
                Some(next) => filter.after = Some(next),
                None => return Ok(count),
            }
        }
    }

    async fn export_chain(&self, out: &mut (impl Write + Send)) -> Result<u64, LedgerError> {
        let mut count = 0_u64;
        for head in self.shared.store.heads().await? {
            let mut after = 0;
            while after < head.count {
                let sql = format!(
                    "{ENTRIES} e.writer = $1 AND e.sequence > $2 AND e.sequence <= $3
                     ORDER BY e.sequence LIMIT $4"
                );
                let params = vec![
                    number(head.writer),
                    number(after),
                    number(head.count),
                    Param::Number(CHUNK),
                ];
                let entries = self.entries(sql, params).await?;
                let Some(last) = entries.last() else { break };
                after = last.sequence;
                for entry in &entries {
                    line(out, entry)?;
                    count = count.saturating_add(1);
                }
            }
        }
        Ok(count)
    }
}

impl AuditFilter {
    /// The same records, the oldest first.
    #[must_use]
    pub fn oldest_first(mut self) -> Self {
        self.order = Order::OldestFirst;
        self
    }
}

fn line(out: &mut impl Write, document: &impl Serialize) -> Result<(), LedgerError> {
    serde_json::to_writer(&mut *out, document).map_err(std::io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

impl AuditRecord {
    /// The input document that the policy was asked with, as far as it is kept: without tokens, and with
    /// masked values masked.
    pub fn input(&self) -> Value {
        input(self)
    }
}

/// The event that OPA would have logged for this decision.
fn opa_event(record: &AuditRecord, ledger: &str) -> Value {
    let input = input(record);
    let mut masked = Vec::new();
    find_masked("/input", &input, &mut masked);
    let mut event = json!({
        "labels": {"app": "kitelogik", "id": ledger, "version": env!("CARGO_PKG_VERSION")},
        "decision_id": record.decision_id,
        "path": "kitelogik/main",
        "input": input,
        "result": {
            "allow": record.verdict == Verdict::Allow,
            "deny": record.verdict == Verdict::Deny,
            "requires_hitl": record.verdict == Verdict::RequireApproval,
            "risk_tier": record.tier,
            "reason": record.reason,
            "rule_matched": record.rule,
            "rules": record.rules,
        },
        "erased": ["/input/context/token_id", "/input/context/parent_token_id"],
        "timestamp": record.at,
        "metrics": {"timer_kitelogik_gate_ns": record.decided_in_us.saturating_mul(1_000)},
        "custom": {
            "verdict": record.verdict,
            "outcome": record.outcome,
            "ended_at": record.ended_at,
            "is_open": record.is_open,
            "approval": record.approval,
            "fail_closed": record.fail_closed,
            "engine": record.engine,
            "engine_decision_id": record.engine_decision_id,
            "arguments_digest": record.arguments_digest,
            "writer": record.writer,
            "sequence": record.sequence,
            "hash": record.hash,
        },
    });
    if let Some(event) = event.as_object_mut() {
        if !masked.is_empty() {
            event.insert("masked".to_owned(), json!(masked));
        }
        if let Some(revision) = &record.revision {
            let bundles = BTreeMap::from([("kitelogik", json!({"revision": revision}))]);
            event.insert("bundles".to_owned(), json!(bundles));
        }
    }
    event
}

/// The input document, as far as it is kept: without tokens.
fn input(record: &AuditRecord) -> Value {
    let mut context = json!({
        "session_id": record.session,
        "principal": record.principal,
        "user_role": record.role.as_deref().unwrap_or_default(),
        "session_scopes": record.scopes,
        "sandbox_verified": record.sandbox,
        "delegation_depth": record.depth,
        "parent_session_id": record.parent.as_deref().unwrap_or_default(),
        "tenant_id": record.tenant,
    });
    if let (Some(context), Some(Value::Object(budget))) = (context.as_object_mut(), &record.budget)
    {
        context.extend(budget.clone());
    }
    let is_call = record.event_type == "tool_call";
    let mut input = json!({
        "event_type": record.event_type,
        "action": record.action,
        "tool_name": is_call.then_some(&record.tool),
        "args": if is_call { record.arguments.clone() } else { json!({}) },
        "resource_path": record.resource,
        "context": context,
    });
    if let Some(input) = input.as_object_mut() {
        if let Some(classification) = &record.classification {
            input.insert("data_classification".to_owned(), json!(classification));
        }
        if let (false, Value::Object(wishes)) = (is_call, &record.arguments) {
            input.extend(Map::clone(wishes));
        }
    }
    input
}

/// The paths (JSON pointers) at which something was masked.
fn find_masked(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(MASKED) => found.push(path.to_owned()),
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                find_masked(&format!("{path}/{index}"), element, found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                find_masked(&format!("{path}/{key}"), member, found);
            }
        }
        _ => {}
    }
}
