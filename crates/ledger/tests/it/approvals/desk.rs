//! A call that asks, and people who decide.

use kitelogik_core::{
    Approval, ApprovalRequest, Approver, GovernanceEvent, PolicyDecision, SessionContext,
    ToolCallInput, Use,
};
use kitelogik_ledger::{Content, Ledger, Reviewer};
use serde_json::{Map, Value, json};

/// A call, by a session, and what the policy said to it.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) event: GovernanceEvent,
    pub(crate) context: SessionContext,
    pub(crate) decision: PolicyDecision,
    pub(crate) resources: Vec<String>,
    pub(crate) schema: Option<String>,
}

/// A refund of 150 that somebody asks for in session `s1`, for the customer `cust_001`.
pub(crate) fn refund() -> Asking {
    refund_of(json!({"customer": "cust_001", "amount": 150}))
}

pub(crate) fn refund_of(args: Value) -> Asking {
    Asking {
        event: call("refund", args),
        context: session("s1"),
        decision: review("refunds over 100 need a person"),
        resources: Vec::new(),
        schema: Some(r#"{"type":"object"}"#.to_owned()),
    }
}

pub(crate) fn call(tool: &str, args: Value) -> GovernanceEvent {
    GovernanceEvent::ToolCall(ToolCallInput::new(tool, object(args)))
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

pub(crate) fn session(id: &str) -> SessionContext {
    SessionContext::new(id)
        .principal("sam@example.com")
        .role("support")
        .scopes(["refund"])
        .tenant("acme")
}

/// The policy asks for a person, for this reason.
pub(crate) fn review(reason: &str) -> PolicyDecision {
    let document = json!({"requires_hitl": true, "hitl_reason": [reason], "rules": ["large_refund"],
        "risk_tier": "TRANSACTIONAL_HIGH"});
    PolicyDecision::from_result(&document, "data.kitelogik.main").unwrap()
}

pub(crate) fn ann() -> Reviewer {
    Reviewer::new("ann@example.com")
}

pub(crate) fn bo() -> Reviewer {
    Reviewer::new("bo@example.com")
}

impl Asking {
    pub(crate) fn request(&self) -> ApprovalRequest<'_> {
        ApprovalRequest::new(&self.event, &self.context, &self.decision)
            .of_call(&self.resources, self.schema.as_deref())
    }

    pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    /// What becomes of it, at once.
    pub(crate) async fn ask(&self, ledger: &Ledger) -> Approval {
        let approver = ledger.approvals().pending();
        approver.approve(&self.request()).await.unwrap()
    }

    /// The id of the request that is pending for it.
    pub(crate) async fn pending(&self, ledger: &Ledger) -> String {
        match self.ask(ledger).await {
            Approval::Pending { request } => request,
            other => panic!("not pending: {other:?}"),
        }
    }

    pub(crate) async fn use_up(&self, ledger: &Ledger, id: &str) -> Use {
        let approver = ledger.approvals().pending();
        approver.use_up(&self.request(), id).await.unwrap()
    }
}

/// What happened to the request, in order, as in `refused: use by another call`.
pub(crate) async fn steps(ledger: &Ledger, id: &str) -> Vec<String> {
    let entries = ledger.approvals().history(id, &ann()).await.unwrap();
    let step = |content: Content| match content.reason {
        Some(why) => format!("{}: {why}", content.transition.unwrap()),
        None => content.transition.unwrap(),
    };
    entries
        .into_iter()
        .map(|entry| step(entry.content))
        .collect()
}
