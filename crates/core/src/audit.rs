use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, GovernanceEvent, PolicyDecision, SessionContext};

/// Keeps what was decided, and what came of it.
pub trait AuditSink: Send + Sync {
    /// Records a decision. The gate waits for it before the body may run.
    ///
    /// # Errors
    ///
    /// The record could not be written. A gate that requires the record denies the call with
    /// [`AuditUnavailable`](crate::FailClosed::AuditUnavailable).
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>>;

    /// Completes the record of a tool call's decision with what came of it.
    ///
    /// Called exactly once for each recorded tool call, also when the call's future is dropped,
    /// and then from a destructor: it must return quickly and must not block.
    fn record_outcome(&self, record: RecordId, outcome: Outcome);

    /// Notes a change of the gate itself, such as a kill switch. Default: not kept.
    ///
    /// It must return quickly and must not block.
    fn record_change(&self, change: &GateChange<'_>) {
        let _ = change;
    }
}

/// A change of the gate that bears on calls to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateChange<'a> {
    /// Calls were stopped.
    Stopped {
        /// Which: `everything`, `session s1`, `tool approve_refund`.
        what: &'a str,
        /// Why, as the person said who stopped them.
        reason: &'a str,
    },
    /// Calls that were stopped may be made again.
    Resumed {
        /// Which, as in [`Stopped`](Self::Stopped).
        what: &'a str,
    },
    /// Another revision of the policy is in force.
    Policy {
        /// The revision that was in force before, where it is known.
        before: Option<&'a str>,
        /// The revision in force.
        after: Option<&'a str>,
    },
}

/// What the gate tells the sink about one decision.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DecisionRecord<'a> {
    /// What was asked.
    pub event: &'a GovernanceEvent,
    /// Who asked.
    pub context: &'a SessionContext,
    /// What was decided.
    pub decision: &'a PolicyDecision,
    /// All resources that the call touches, as it names them.
    pub resources: &'a [String],
    /// The JSON Schema of the tool's arguments, as it was published, where there is a tool.
    pub tool_schema: Option<&'a str>,
    /// When the gate was asked.
    pub asked_at: SystemTime,
    /// How long the gate took to decide, waiting for a person included.
    pub decided_in: Duration,
}

impl<'a> DecisionRecord<'a> {
    /// The record of `decision` about `event`, asked by `context`.
    pub fn new(
        event: &'a GovernanceEvent,
        context: &'a SessionContext,
        decision: &'a PolicyDecision,
    ) -> Self {
        Self {
            event,
            context,
            decision,
            resources: &[],
            tool_schema: None,
            asked_at: SystemTime::now(),
            decided_in: Duration::ZERO,
        }
    }
}

/// A sink's own number of a record, given back with the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(pub u64);

/// What became of a tool call after its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The body ran to its end.
    Ran,
    /// The body ran and returned an error.
    Failed,
    /// The body panicked.
    Panicked,
    /// The body was begun and dropped before its end.
    Cancelled,
    /// The body was never begun: the call was not allowed, or its permit was not used.
    NeverRan,
}

impl Outcome {
    /// The outcome's name, as in `never_ran`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
            Self::NeverRan => "never_ran",
        }
    }
}

/// Why a record could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuditError(String);

impl AuditError {
    /// An error with what is known about the cause.
    pub fn new(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }
}
