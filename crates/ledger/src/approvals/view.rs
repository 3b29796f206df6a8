use std::fmt;
use std::str::FromStr;

use kitelogik_core::RiskTier;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Digest, Timestamp};

/// A request for approval, as people and programs may see it: masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApprovalView {
    /// Its id, as in `apr_01kb2x…`. Not a secret: knowing it lets nobody decide or use it.
    pub id: String,
    /// Where it stands, at the moment it was read.
    pub state: ApprovalState,
    /// What kind of event it is about, as in `tool_call`.
    pub event_type: String,
    /// The tool's name, or the event's where no tool is called.
    pub tool: String,
    /// The policy's name for what is wanted.
    pub action: String,
    /// The arguments of a call, or what else the event holds.
    pub arguments: Map<String, Value>,
    /// The paths or URLs that the call touches.
    pub resources: Vec<String>,
    /// The session that asks.
    pub session: String,
    /// The session above it, or empty.
    pub parent_session: String,
    /// The person or service that the session acts for.
    pub principal: Option<String>,
    /// The role it acts in.
    pub role: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The tenant it belongs to.
    pub tenant: Option<String>,
    /// How much harm the call can do.
    pub risk_tier: RiskTier,
    /// Why the policy wants a person to decide.
    pub reason: String,
    /// The names of the rules that fired.
    pub rules: Vec<String>,
    /// The revision of the policy that asked.
    pub revision: Option<String>,
    /// The decision that asked first, as the audit record names it.
    pub decision_id: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// From when on it can be neither decided nor used.
    pub expires_at: Timestamp,
    /// When it was approved or denied.
    pub decided_at: Option<Timestamp>,
    /// When its call was let through.
    pub used_at: Option<Timestamp>,
    /// Until when the same call is denied without being asked for again, where it was denied.
    pub denied_until: Option<Timestamp>,
    /// How many different people must approve.
    pub approvals_needed: u32,
    /// How many have.
    pub approvals_had: u32,
    /// What people said, in order.
    pub decisions: Vec<ReviewerDecision>,
    /// Why it ended without a person, as in `the policy's reasons changed`.
    pub ended_because: Option<String>,
    /// The request that holds the arguments which a reviewer wants instead, where they edited.
    pub edited_to: Option<String>,
    /// The request of the call as it was asked for, where this one holds a reviewer's arguments.
    pub edited_from: Option<String>,
    /// The keyed digest of exactly this call. Two requests of one ledger with the same are for the
    /// same call.
    pub digest: Digest,
}

/// Where a request for approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has decided, or not as many as are needed.
    Pending,
    /// The call may run, once, until the request expires.
    Approved,
    /// The call may not run.
    Denied,
    /// Nobody decided in time, or nobody used it in time, or something else took its place.
    Expired,
    /// The call was let through.
    Used,
}

impl ApprovalState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Used,
    ];

    /// Its name, as in `pending`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }

    /// Whether it can still change.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }
}

impl fmt::Display for ApprovalState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ApprovalState {
    type Err = UnknownApprovalState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownApprovalState {
                text: text.to_owned(),
            })
    }
}

/// A text that names no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no state of an approval; there are `pending`, `approved`, `denied`, `expired`, `used`"
)]
pub struct UnknownApprovalState {
    /// The text as it was given.
    pub text: String,
}

/// What one person said to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReviewerDecision {
    /// Who.
    pub by: String,
    /// What they said.
    pub answer: ReviewerAnswer,
    /// When.
    pub at: Timestamp,
    /// What they noted, or empty; at most [`MAX_NOTE_CHARS`](crate::MAX_NOTE_CHARS) characters.
    pub note: String,
}

/// What a person can say to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewerAnswer {
    /// The call may run.
    Approve,
    /// It may not.
    Deny,
    /// It may not, but one with other arguments may.
    Edit,
}

impl ReviewerAnswer {
    /// Its name, as in `approve`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Edit => "edit",
        }
    }
}

impl fmt::Display for ReviewerAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
