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

    /// How strongly the verdict stands against the others:
    /// `Deny`, then `RequireApproval`, then `Refuse`, then `Allow`.
    ///
    /// Used where several judgements are made of one call and the strongest holds.
    /// (Within one result document, `requires_hitl` beats `allow`, and `Refuse` is what is left
    /// when nothing was said.) A refusal outranks an allow because one of the judgements did not
    /// allow; it yields to a review because the review, too, keeps the body from running.
    pub const fn strength(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Refuse => 1,
            Self::RequireApproval => 2,
            Self::Deny => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
