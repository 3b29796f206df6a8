use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use kitelogik_core::{
    BudgetUsage, GovernanceEvent, PolicyEngine, PolicyInput, SessionContext, ToolCallInput,
};
use serde_json::{Map, Value, json};

use super::ApprovalView;
use super::plan::{Decide, Wanted};

/// The action under which a policy is asked whether a person may decide a request.
const ACTION: &str = "approval.decide";

/// How long the policy for reviewers may take: 5 s, as long as the gate gives its engine.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why the policy does not let the reviewer decide `view` so; None where it clearly allows it.
pub(super) async fn objection(
    policy: &Arc<dyn PolicyEngine>,
    decide: &Decide,
    view: &ApprovalView,
) -> Option<String> {
    let event = GovernanceEvent::ToolCall(ToolCallInput::new(ACTION, question(decide, view)));
    let mut context = SessionContext::new(format!("reviewer:{}", decide.reviewer.name))
        .principal(&decide.reviewer.name)
        .role(&decide.reviewer.role);
    context.tenant_id.clone_from(&view.tenant);
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    let ask = async { tokio::time::timeout(TIMEOUT, policy.decide(&input)).await };
    match AssertUnwindSafe(ask).catch_unwind().await {
        Ok(Ok(Ok(decision))) if decision.allowed() && decision.fail_closed.is_none() => None,
        Ok(Ok(Ok(decision))) => Some(decision.reason),
        Ok(Ok(Err(error))) => {
            tracing::warn!(%error, "the policy for reviewers could not be asked");
            Some(error.code().public_reason().to_owned())
        }
        Ok(Err(_elapsed)) => Some("the policy for reviewers did not answer in time".to_owned()),
        Err(_panic) => Some("the policy for reviewers failed".to_owned()),
    }
}

fn question(decide: &Decide, view: &ApprovalView) -> Map<String, Value> {
    let question = json!({
        "answer": decide.wanted.answer(),
        "request": view.id,
        "event_type": view.event_type,
        "tool": view.tool,
        "action": view.action,
        "arguments": view.arguments,
        "resources": view.resources,
        "session": view.session,
        "principal": view.principal,
        "role": view.role,
        "scopes": view.scopes,
        "tenant": view.tenant,
        "risk_tier": view.risk_tier,
        "reason": view.reason,
        "rules": view.rules,
        "approvals_had": view.approvals_had,
        "approvals_needed": view.approvals_needed,
    });
    let mut question = match question {
        Value::Object(question) => question,
        _ => Map::new(),
    };
    if let Wanted::Edit { arguments, .. } = &decide.wanted {
        let arguments = Value::Object(arguments.object().clone());
        question.insert("edited_arguments".to_owned(), arguments);
    }
    question
}
