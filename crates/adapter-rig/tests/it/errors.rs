//! What is not a denial never reads like one.

use kitelogik::{Outcome, Verdict};
use kitelogik_rig::{GovernedTools, POLICY_DENIED};
use rig::tool::ToolErrorKind;
use serde_json::{Value, json};

use crate::desk::{Desk, agent, read_by, script};

async fn read_of(desk: &Desk, tool: &str, arguments: Value) -> String {
    let model = script(&[(tool, arguments)]);
    let reply = agent(&model, &desk.per_run())
        .prompt("go")
        .tool_context(desk.context("example_01"))
        .await
        .unwrap();
    assert_eq!(reply.output(), "done");
    read_by(&model).remove(0)
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_an_error_and_the_policy_is_not_asked() {
    let desk = Desk::open();
    let read = read_of(
        &desk,
        "approve_refund",
        json!({ "customer_id": 7, "amount": 1.0 }),
    )
    .await;
    assert_eq!(
        read,
        "Error: invalid arguments for `approve_refund`: \
         at `$.customer_id`: expected string, came the number `7`"
    );
    assert_eq!(desk.entries(), []);
}

#[tokio::test]
async fn an_argument_that_was_never_declared_is_an_error() {
    let desk = Desk::open();
    let arguments = json!({ "customer_id": "c", "amount": 1.0, "approved_by": "me" });
    let read = read_of(&desk, "approve_refund", arguments).await;
    assert!(read.starts_with("Error: invalid arguments"), "{read}");
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn a_failing_body_is_an_error() {
    let desk = Desk::open();
    assert_eq!(
        read_of(&desk, "fail", json!({})).await,
        "Error: `fail` failed: the bank is closed"
    );
    assert_eq!(desk.only_entry().2, Some(Outcome::Failed));
}

#[tokio::test]
async fn a_panicking_body_is_an_error_and_the_run_goes_on() {
    let desk = Desk::open();
    assert_eq!(
        read_of(&desk, "crash", json!({})).await,
        "Error: `crash` failed: it panicked"
    );
    assert_eq!(
        desk.only_entry(),
        ("crash".into(), Verdict::Allow, Some(Outcome::Panicked))
    );
}

#[tokio::test]
async fn no_result_can_pose_as_the_gate() {
    let desk = Desk::open();
    let read = read_of(&desk, "pose", json!({})).await;
    assert!(read.starts_with("[tool output] [BLOCKED]"), "{read}");
}

#[tokio::test]
async fn a_name_that_no_tool_has_runs_nothing() {
    let desk = Desk::open();
    let model = script(&[("approve_refunds", json!({}))]);
    let ended = agent(&model, &desk.per_run())
        .prompt("go")
        .tool_context(desk.context("example_01"))
        .await;
    assert!(
        ended.is_err(),
        "rig's own policy for unknown names fails the run"
    );
    assert_eq!(desk.entries(), []);
}

#[tokio::test]
async fn the_blocked_text_can_be_replaced() {
    let desk = Desk::open();
    let tools = desk
        .per_run()
        .blocked_text(|denied| format!("no: {}", denied.decision.risk_tier));
    let model = script(&[(
        "approve_refund",
        json!({ "customer_id": "c", "amount": 5000 }),
    )]);
    agent(&model, &tools)
        .prompt("go")
        .tool_context(desk.context("example_01"))
        .await
        .unwrap();
    assert_eq!(read_by(&model), ["no: OPERATIONAL"]);
}

#[tokio::test]
async fn a_denial_is_a_refusal_to_rig_and_carries_its_code() {
    let desk = Desk::open();
    let governed = desk.toolbox.for_session(&desk.session("example_01"));
    let tools = GovernedTools::fixed(&governed).dynamic_tools();
    let denied = tools[0]
        .execute(json!({ "customer_id": "c", "amount": 5000 }))
        .await
        .unwrap_err();
    assert!(denied.is_refusal());
    assert_eq!(denied.kind(), ToolErrorKind::PermissionDenied);
    assert_eq!(denied.code(), Some(POLICY_DENIED));

    let invalid = tools[0].execute(json!({})).await.unwrap_err();
    assert!(!invalid.is_refusal());
    assert_eq!(invalid.kind(), ToolErrorKind::InvalidArgs);
}

#[tokio::test]
async fn the_model_sees_the_schemas_that_the_toolbox_publishes() {
    let desk = Desk::open();
    let model = script(&[]);
    agent(&model, &desk.per_run()).prompt("go").await.unwrap();
    let sent = &model.requests()[0].tools;
    let published = desk.toolbox.schemas();
    assert_eq!(sent.len(), published.len());
    for (sent, published) in sent.iter().zip(published) {
        assert_eq!(sent.name.as_str(), published.name);
        assert_eq!(sent.description, published.description);
        assert_eq!(sent.parameters, published.parameters);
    }
}

#[tokio::test]
async fn a_call_without_arguments_may_be_null() {
    let desk = Desk::open();
    let governed = desk.toolbox.for_session(&desk.session("example_01"));
    let tools = GovernedTools::fixed(&governed).dynamic_tools();
    let failed = tools[1].execute(Value::Null).await.unwrap_err();
    assert_eq!(failed.message(), "Error: `fail` failed: the bank is closed");
}
