//! The client of OPA's REST API: against the real program, and against servers that misbehave as
//! the real one never would on request.

mod attack;
mod breaker;
mod capacity;
mod corruption;
mod failover;
mod faults;
mod load;
mod opa;
mod outage;
pub(crate) mod peer;
mod proxy;
mod reuse;
mod settings;
pub(crate) mod tls;
mod watched;

use kitelogik_core::{
    BudgetUsage, EngineError, FailClosed, GovernanceEvent, PolicyDecision, PolicyEngine,
    PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_opa::OpaClient;
use serde_json::{Map, json};

/// Asks about a call of `action`.
async fn decide(client: &OpaClient, action: &str) -> Result<PolicyDecision, EngineError> {
    let arguments: Map<_, _> = json!({"amount": 42}).as_object().unwrap().clone();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new(action, arguments));
    let context = SessionContext::new("example_01").role("support_agent");
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    client.decide(&input).await
}

/// Why `client` cannot decide.
async fn fault(client: &OpaClient, action: &str) -> EngineError {
    decide(client, action).await.unwrap_err()
}

fn code(error: &EngineError) -> FailClosed {
    error.code()
}
