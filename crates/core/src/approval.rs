use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{BoxFuture, GovernanceEvent, PolicyDecision, SessionContext};

/// Asks a person about a call whose verdict is
/// [`RequireApproval`](crate::Verdict::RequireApproval).
///
/// The gate asks in two steps. [`approve`](Self::approve) gives the person's answer. Where that is a
/// grant, the gate judges the call again, because the policy, the budget or a kill switch may have
/// changed since; only if the policy now allows it, or asks for approval for the same rules and
/// reasons, does [`use_up`](Self::use_up) take the grant, and the body runs.
///
/// An approver that fails, panics or does not answer within the gate's approval timeout is a
/// denial: not knowing means no.
pub trait Approver: Send + Sync {
    /// Decides `request`, or says that the answer is still to come.
    ///
    /// # Errors
    ///
    /// The person could not be asked, and the gate denies; or was not on purpose
    /// ([`ApproverError::not_asked`]), and the call waits for a better moment.
    fn approve<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
    ) -> BoxFuture<'a, Result<Approval, ApproverError>>;

    /// Takes the grant with the id `granted`, so that it lets no other call run.
    ///
    /// An approver whose grants can be seen by several calls must let exactly one of them win.
    /// Default: the grant is of this call alone, as where each call is put to a person by itself.
    ///
    /// # Errors
    ///
    /// It could not be taken or not be known whether it was; the gate denies.
    fn use_up<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
        granted: &'a str,
    ) -> BoxFuture<'a, Result<Use, ApproverError>> {
        let _ = (request, granted);
        Box::pin(async { Ok(Use::Taken) })
    }
}

/// What came of taking a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It was taken for this call: the call may run.
    Taken,
    /// It is no longer there: used by another call, expired, or taken back. The gate asks anew.
    Gone,
}

/// What a person is asked to approve: exactly this call of this session.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ApprovalRequest<'a> {
    /// What is to happen. Of a call that touches several resources, the event of the one that weighs
    /// most.
    pub event: &'a GovernanceEvent,
    /// Who asks.
    pub context: &'a SessionContext,
    /// Why the policy wants a person to decide.
    pub decision: &'a PolicyDecision,
    /// All resources that the call touches, as it names them.
    pub resources: &'a [String],
    /// The JSON Schema of the tool's arguments, as it was published, where there is a tool.
    pub tool_schema: Option<&'a str>,
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
            resources: &[],
            tool_schema: None,
        }
    }

    /// The resources that the call touches, and the schema that its tool publishes.
    #[must_use]
    pub fn of_call(mut self, resources: &'a [String], tool_schema: Option<&'a str>) -> Self {
        self.resources = resources;
        self.tool_schema = tool_schema;
        self
    }
}

/// What became of an approval request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// A person wants other arguments: this call does not run, a call with those is judged anew.
    Edited {
        /// The request, as in `apr_…`.
        request: String,
        /// Who edited.
        approver: String,
        /// The arguments that they want instead.
        arguments: Map<String, Value>,
    },
    /// Nobody has decided yet: the call does not run, and its caller may ask again later.
    Pending {
        /// The request, as in `apr_…`.
        request: String,
    },
    /// Nobody decided in time: the call does not run, and its caller may ask anew.
    Expired {
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
            | Self::Edited { request, .. }
            | Self::Pending { request }
            | Self::Expired { request } => request,
        }
    }
}

/// Why an approver could not ask, or would not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ApproverError {
    text: String,
    is_public: bool,
}

impl ApproverError {
    /// An error with what is known about the cause; it goes to the decision's detail, never to a
    /// model. The call is denied as one that nobody could know about.
    pub fn new(detail: impl Into<String>) -> Self {
        Self {
            text: detail.into(),
            is_public: false,
        }
    }

    /// The call was not put to anybody, on purpose: too many wait already, for instance. It does not
    /// run, and `reason` is what the model reads of why.
    pub fn not_asked(reason: impl Into<String>) -> Self {
        Self {
            text: reason.into(),
            is_public: true,
        }
    }

    /// What a model may read of why nobody was asked, if it was [`not_asked`](Self::not_asked).
    pub fn public_reason(&self) -> Option<&str> {
        self.is_public.then_some(self.text.as_str())
    }
}
