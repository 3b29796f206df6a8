use std::sync::Arc;

use crate::text::visible;
use crate::{PolicyDecision, Verdict};

/// A call that the gate did not let through, with the whole decision.
///
/// Its text is one line: hidden characters of the policy's reason are written out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {}", headline(.decision.verdict), visible(&.decision.reason))]
#[non_exhaustive]
pub struct GovernanceError {
    /// The tool that did not run, or the event's type (`agent.plan`) where no tool is called.
    pub tool: String,
    /// What was decided, and why.
    pub decision: Arc<PolicyDecision>,
}

impl GovernanceError {
    /// The refusal of `tool` by `decision`.
    pub fn new(tool: impl Into<String>, decision: Arc<PolicyDecision>) -> Self {
        Self {
            tool: tool.into(),
            decision,
        }
    }
}

fn headline(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::RequireApproval => "Governance requires approval for tool call",
        Verdict::Allow | Verdict::Deny | Verdict::Refuse => "Governance denied tool call",
    }
}
