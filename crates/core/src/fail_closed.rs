use std::fmt;

use serde::{Deserialize, Serialize};

/// Why nobody could know whether a call is allowed, so that it was denied.
///
/// "The policy said no" and "we could not know" never look alike: a decision that carries one of
/// these is a [`Deny`](crate::Verdict::Deny) with risk tier
/// [`SecurityCritical`](crate::RiskTier::SecurityCritical). Exhaustive on purpose: a new way to
/// fail breaks the build of whoever ignores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailClosed {
    /// The engine could not be reached: refused, no route, TLS failure, connection lost; or it has not
    /// answered for a while, and is not asked.
    EngineUnreachable,
    /// No answer in time.
    EngineTimeout,
    /// An answer that is not the engine's API: another HTTP status, a body that is not its own.
    EngineProtocol,
    /// The entry point is undefined: no such package, or its bundle has not loaded.
    UndefinedDecision,
    /// The result document has a field of the wrong type or an unknown risk tier.
    MalformedDecision,
    /// The policy failed while it was evaluated: a built-in error, two rules that conflict, an
    /// unsupported function.
    EvaluationError,
    /// A limit on time, instructions, depth, size or questions at once was hit.
    LimitExceeded,
    /// The policy could not be refreshed from its source for longer than it may be in force without that.
    PolicyStale,
    /// The audit record could not be written, and the gate was told to require it.
    AuditUnavailable,
    /// The arguments of a direct call cannot be held by JSON or do not survive the round trip.
    MalformedInput,
    /// A panic inside the gate, an engine or an approver, or an approver that failed.
    InternalError,
}

impl FailClosed {
    /// The code on the wire, as in `engine_timeout`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EngineUnreachable => "engine_unreachable",
            Self::EngineTimeout => "engine_timeout",
            Self::EngineProtocol => "engine_protocol",
            Self::UndefinedDecision => "undefined_decision",
            Self::MalformedDecision => "malformed_decision",
            Self::EvaluationError => "evaluation_error",
            Self::LimitExceeded => "limit_exceeded",
            Self::PolicyStale => "policy_stale",
            Self::AuditUnavailable => "audit_unavailable",
            Self::MalformedInput => "malformed_input",
            Self::InternalError => "internal_error",
        }
    }

    /// The sentence a caller, and a model, may read: it names no address and no internal.
    pub const fn public_reason(self) -> &'static str {
        match self {
            Self::EngineUnreachable => "the policy engine could not be reached",
            Self::EngineTimeout => "the policy engine did not answer in time",
            Self::EngineProtocol => "the policy engine gave an answer that is not its protocol",
            Self::UndefinedDecision => "the policy has no decision to give",
            Self::MalformedDecision => "the policy gave a malformed decision",
            Self::EvaluationError => "the policy failed while it was evaluated",
            Self::LimitExceeded => "the policy hit a limit while it was evaluated",
            Self::PolicyStale => "the policy is older than it may be",
            Self::AuditUnavailable => "the decision could not be recorded",
            Self::MalformedInput => "the arguments cannot be judged as JSON",
            Self::InternalError => "the policy gate failed",
        }
    }
}

impl fmt::Display for FailClosed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
