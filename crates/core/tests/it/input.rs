//! The input document is fixed by one golden file per kind of event.

use kitelogik_core::{
    AgentBudget, AgentDelegate, AgentPlan, AgentSpawn, BudgetUsage, DataClassification,
    GovernanceEvent, PlanStep, PolicyInput, SessionContext, ToolCallInput, json,
};
use serde_json::{Map, Value, json};

fn full() -> SessionContext {
    let mut parent = SessionContext::new("example_00")
        .principal("ada@example.org")
        .tenant("acme")
        .token("tok_1");
    parent.delegation_depth = Some(0);
    SessionContext::new("example_01")
        .role("support_agent")
        .scopes(["read_customer", "approve_refund_under_100"])
        .sandbox_verified(true)
        .token("tok_2")
        .delegated_from(&parent)
        .budget_tokens(1000)
        .budget_api_calls(50)
        .budget_cost_cents(250)
}

fn spent() -> BudgetUsage {
    BudgetUsage {
        tokens: Some(10),
        api_calls: Some(3),
        cost_cents: Some(20),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is not an object"),
    }
}

#[track_caller]
fn is_golden(golden: &str, event: &GovernanceEvent, context: &SessionContext, usage: BudgetUsage) {
    let text = serde_json::to_string(&PolicyInput::new(event, context, usage)).unwrap();
    let written = json::parse(&text, json::DEFAULT_MAX_DEPTH).expect("no key is written twice");
    let golden = json::parse(golden, json::DEFAULT_MAX_DEPTH).unwrap();
    assert_eq!(keys(&written), keys(&golden));
    assert_eq!(keys(&written["context"]), keys(&golden["context"]));
    assert_eq!(written, golden);
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_tool_call_is_the_golden_document() {
    let args = object(json!({"customer_id": "cust_001", "amount": 42.5}));
    let mut call = ToolCallInput::new("pay_back", args);
    call.action = "approve_refund".to_owned();
    call.resource_path = Some("/srv/refunds/1".to_owned());
    call.data_classification = Some(DataClassification::Confidential);
    is_golden(
        include_str!("../golden/tool_call.json"),
        &GovernanceEvent::ToolCall(call),
        &full(),
        spent(),
    );
}

#[test]
fn a_tool_call_without_anything_optional_leaves_the_classification_out() {
    is_golden(
        include_str!("../golden/tool_call_minimal.json"),
        &GovernanceEvent::ToolCall(ToolCallInput::new("ping", Map::new())),
        &SessionContext::new("example_01"),
        BudgetUsage::default(),
    );
}

#[test]
fn a_spawn_is_the_golden_document() {
    is_golden(
        include_str!("../golden/agent_spawn.json"),
        &GovernanceEvent::AgentSpawn(AgentSpawn {
            requested_capabilities: vec!["read_customer".to_owned()],
            data_classification: Some(DataClassification::Public),
            ..AgentSpawn::default()
        }),
        &full(),
        spent(),
    );
}

#[test]
fn a_delegation_under_an_action_of_its_own_is_the_golden_document() {
    is_golden(
        include_str!("../golden/agent_delegate.json"),
        &GovernanceEvent::AgentDelegate(AgentDelegate {
            action: Some("hand_over".to_owned()),
            delegation_target: Some("billing_agent".to_owned()),
            requested_capabilities: vec!["read_customer".to_owned()],
            data_classification: Some(DataClassification::Internal),
        }),
        &full(),
        spent(),
    );
}

#[test]
fn a_plan_is_the_golden_document() {
    is_golden(
        include_str!("../golden/agent_plan.json"),
        &GovernanceEvent::AgentPlan(AgentPlan {
            steps: vec![
                PlanStep::new("read_customer", object(json!({"customer_id": "cust_001"}))),
                PlanStep::new("approve_refund", Map::new()),
            ],
            data_classification: Some(DataClassification::Restricted),
            ..AgentPlan::default()
        }),
        &full(),
        spent(),
    );
}

#[test]
fn a_budget_question_without_budget_is_the_golden_document() {
    is_golden(
        include_str!("../golden/agent_budget.json"),
        &GovernanceEvent::AgentBudget(AgentBudget::default()),
        &SessionContext::new("example_01"),
        BudgetUsage::default(),
    );
}

#[test]
fn the_classification_is_left_out_of_every_event_that_has_none() {
    let events = [
        GovernanceEvent::ToolCall(ToolCallInput::default()),
        GovernanceEvent::AgentSpawn(AgentSpawn::default()),
        GovernanceEvent::AgentDelegate(AgentDelegate::default()),
        GovernanceEvent::AgentPlan(AgentPlan::default()),
        GovernanceEvent::AgentBudget(AgentBudget::default()),
    ];
    let context = SessionContext::new("example_01");
    for event in events {
        let input = PolicyInput::new(&event, &context, BudgetUsage::default());
        let document = serde_json::to_value(input).unwrap();
        assert!(document.get("data_classification").is_none(), "{document}");
    }
}

#[test]
fn the_context_reads_back_from_the_document() {
    let event = GovernanceEvent::AgentBudget(AgentBudget::default());
    let context = full();
    let input = PolicyInput::new(&event, &context, BudgetUsage::from(&context));
    let document = serde_json::to_value(input).unwrap();
    let back: SessionContext = serde_json::from_value(document["context"].clone()).unwrap();
    assert_eq!(back, context);
}
