use serde::{Deserialize, Serialize};

use crate::{BoxFuture, GovernanceEvent, PolicyDecision, SessionContext};

/// Asks a person about a call whose verdict is
/// [`RequireApproval`](crate::Verdict::RequireApproval).
///
/// An approver that fails, panics or does not answer within the gate's approval timeout is a
/// denial: not knowing means no.
pub trait Approver: Send + Sync {
    /// Decides `request`, or says that the answer is still to come.
    ///
    /// # Errors
    ///
    /// The person could not be asked; the gate denies.
    fn approve<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
    ) -> BoxFuture<'a, Result<Approval, ApproverError>>;
}

/// What a person is asked to approve: exactly this call of this session.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ApprovalRequest<'a> {
    /// What is to happen.
    pub event: &'a GovernanceEvent,
    /// Who asks.
    pub context: &'a SessionContext,
    /// Why the policy wants a person to decide.
    pub decision: &'a PolicyDecision,
}

impl<'a> ApprovalRequest<'a> {
    /// The request to approve `event`, asked by `context`, judged as `decision`.
    pub fn new(
        event: &'a GovernanceEvent,
        context: &'a SessionContext,
        decision: &'a PolicyDecision,
    ) -> Self {
        Self {
            event,
            context,
            decision,
        }
    }
}

/// What became of an approval request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Approval {
    /// A person approved this call; it may run once.
    Granted {
        /// The request, as in `apr_…`.
        request: String,
        /// Who approved.
        approver: String,
    },
    /// A person denied this call.
    Denied {
        /// The request, as in `apr_…`.
        request: String,
        /// Who denied.
        approver: String,
    },
    /// Nobody has decided yet: the call does not run, and its caller may ask again later.
    Pending {
        /// The request, as in `apr_…`.
        request: String,
    },
}

impl Approval {
    /// The id of the request, as in `apr_…`.
    pub fn request(&self) -> &str {
        match self {
            Self::Granted { request, .. }
            | Self::Denied { request, .. }
            | Self::Pending { request } => request,
        }
    }
}

/// Why an approver could not ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ApproverError(String);

impl ApproverError {
    /// An error with what is known about the cause; it goes to the decision's detail, never to a model.
    pub fn new(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }
}
