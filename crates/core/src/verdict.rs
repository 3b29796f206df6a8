use std::fmt;

use serde::{Deserialize, Serialize};

/// What a policy decided.
///
/// Exhaustive on purpose: whoever handles a verdict must handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The call may run.
    Allow,
    /// Hard no: nothing the caller can do about it.
    Deny,
    /// A person decides.
    RequireApproval,
    /// Soft no: no rule allows this call as it is; other arguments might be allowed.
    Refuse,
}

impl Verdict {
    /// The name on the wire: `allow`, `deny`, `require_approval` or `refuse`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::RequireApproval => "require_approval",
            Self::Refuse => "refuse",
        }
    }

    /// How strongly the verdict stands against those of other judgements of the same call:
    /// `Deny`, then `Refuse`, then `RequireApproval`, then `Allow`.
    ///
    /// For a call that is judged several times, once for each resource or by several layers. A
    /// refusal stands before a review: a person who approves what one judgement flagged must not
    /// thereby run what another does not allow. (Within one result document `requires_hitl` comes
    /// first, and `Refuse` is what is left where nothing was said.)
    pub const fn strength(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::RequireApproval => 1,
            Self::Refuse => 2,
            Self::Deny => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
