use std::collections::BTreeSet;

use kitelogik_core::{FailClosed, Outcome, RiskTier, Verdict};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as NameError, StrDeserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::statements::{Found, Raw};
use crate::{Digest, LedgerError, Timestamp};

use super::AuditEntry;

/// A decision, and what came of it.
///
/// What masking bears on is masked; tokens are not here at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The decision's own id.
    pub decision_id: String,
    /// The chain that the decision is in.
    pub writer: u64,
    /// Its place there.
    pub sequence: u64,
    /// Its hash there.
    pub hash: Digest,
    /// When the gate was asked.
    pub at: Timestamp,
    /// How long the gate took to decide, in microseconds; waiting for a person is part of it.
    pub decided_in_us: u64,
    /// The session.
    pub session: String,
    /// Whom the session acts for.
    pub principal: Option<String>,
    /// The role it acts in.
    pub role: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Its tenant.
    pub tenant: Option<String>,
    /// The session above it.
    pub parent: Option<String>,
    /// How many sessions stand above it, where that is known.
    pub depth: Option<u64>,
    /// Whether its sandbox was verified.
    pub sandbox: bool,
    /// Its budget, as far as it has one.
    pub budget: Option<Value>,
    /// What was asked: `tool_call`, `agent.spawn`, …
    pub event_type: String,
    /// The tool's name, or the event's where no tool is called.
    pub tool: String,
    /// The policy's name for it.
    pub action: String,
    /// The arguments; of other events than tool calls, what they ask for.
    pub arguments: Value,
    /// The keyed digest of the arguments as they were judged: equal for equal ones.
    pub arguments_digest: Option<Digest>,
    /// All resources that the call touches.
    pub resources: Vec<String>,
    /// The one of them that the verdict is about.
    pub resource: Option<String>,
    /// How sensitive the data is.
    pub classification: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The risk tier.
    pub tier: RiskTier,
    /// The reason.
    pub reason: String,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The names of all rules that fired.
    pub rules: BTreeSet<String>,
    /// The revision of the policy.
    pub revision: Option<String>,
    /// The kind of engine that decided.
    pub engine: Option<String>,
    /// The id of the decision in the engine's own log.
    pub engine_decision_id: Option<String>,
    /// Why another engine decided in its place.
    pub fallback: Option<FailClosed>,
    /// Why nobody could know.
    pub fail_closed: Option<FailClosed>,
    /// What is known about a fault.
    pub detail: Option<String>,
    /// What each layer answered.
    pub trace: Option<Value>,
    /// What became of the approval request, if one was made.
    pub approval: Option<Value>,
    /// What came of the call. None for other events, and where nothing is recorded: see
    /// [`is_open`](Self::is_open).
    pub outcome: Option<Outcome>,
    /// When that was recorded.
    pub ended_at: Option<Timestamp>,
    /// A call that may run and of which no outcome is recorded: it runs, or its process crashed.
    pub is_open: bool,
    /// The gate had given up waiting when the decision was written: unless it was told to go on
    /// unrecorded, the call was denied.
    pub unacknowledged: bool,
}

impl AuditRecord {
    pub(crate) fn read(found: &Found) -> Result<Self, LedgerError> {
        let decision = found.entry.read()?;
        let outcome = found.outcome.as_ref().map(Raw::read).transpose()?;
        let AuditEntry {
            writer,
            sequence,
            hash,
            content,
            ..
        } = decision;
        let wrong = |what: &str| LedgerError::Record {
            writer,
            sequence,
            problem: format!("has no {what} that this program knows"),
        };
        let verdict: Verdict = named(content.verdict.as_deref()).ok_or_else(|| wrong("verdict"))?;
        let tier = named(content.tier.as_deref()).ok_or_else(|| wrong("risk tier"))?;
        let later = outcome.as_ref().map(|outcome| &outcome.content);
        let came: Option<Outcome> = named(content.outcome.as_deref())
            .or_else(|| later.and_then(|later| named(later.outcome.as_deref())));
        let unacknowledged = later.is_some_and(|later| later.unacknowledged);
        let event_type = content.event_type.unwrap_or_default();
        let ended_at = match (&content.outcome, later) {
            (Some(_), _) => None,
            (None, later) => later.map(|later| later.at),
        };
        Ok(Self {
            decision_id: content.decision_id.unwrap_or_default(),
            writer,
            sequence,
            hash,
            at: content.at,
            decided_in_us: content.decided_in_us.unwrap_or_default(),
            session: content.session.unwrap_or_default(),
            principal: content.principal,
            role: content.role,
            scopes: content.scopes,
            tenant: content.tenant,
            parent: content.parent,
            depth: content.depth,
            sandbox: content.sandbox,
            budget: content.budget.map(|budget| budget.value()),
            is_open: event_type == "tool_call" && came.is_none() && !unacknowledged,
            event_type,
            tool: content.tool.unwrap_or_default(),
            action: content.action.unwrap_or_default(),
            arguments: content
                .arguments
                .map(|arguments| arguments.value())
                .unwrap_or_default(),
            arguments_digest: content.arguments_digest,
            resources: content.resources,
            resource: content.resource,
            classification: content.classification,
            verdict,
            tier,
            reason: content.reason.unwrap_or_default(),
            rule: content.rule,
            rules: content.rules.into_iter().collect(),
            revision: content.revision,
            engine: content.engine,
            engine_decision_id: content.engine_decision_id,
            fallback: named(content.fallback.as_deref()),
            fail_closed: named(content.fail_closed.as_deref()),
            detail: content.detail,
            trace: content.trace.map(|trace| trace.value()),
            approval: content.approval.map(|approval| approval.value()),
            outcome: came,
            ended_at,
            unacknowledged,
        })
    }
}

/// What a name on the wire stands for.
fn named<T: DeserializeOwned>(name: Option<&str>) -> Option<T> {
    T::deserialize(StrDeserializer::<NameError>::new(name?)).ok()
}
