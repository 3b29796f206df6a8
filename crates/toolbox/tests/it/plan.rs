use kitelogik_core::Verdict;
use kitelogik_toolbox::ToolError;
use serde_json::json;

use crate::answers::{Answers, echo};

fn open() -> serde_json::Value {
    json!({ "type": "object", "properties": { "n": { "type": "integer" } } })
}

#[tokio::test]
async fn a_plan_is_judged_as_a_whole_and_step_by_step_and_nothing_runs() {
    let engine = Answers::default();
    let tools = engine.judging([
        echo("look", open()),
        echo("refund", open()).action("deny_refund"),
    ]);
    let plan = [("look", json!({ "n": 1.0 })), ("refund", json!({ "n": 2 }))];
    let judged = tools.evaluate_plan(plan).await.unwrap();
    assert_eq!(judged.plan.verdict, Verdict::Allow);
    let verdicts: Vec<_> = judged.steps.iter().map(|step| step.verdict).collect();
    assert_eq!(verdicts, [Verdict::Allow, Verdict::Deny]);
    assert_eq!(judged.verdict(), Verdict::Deny);
    assert!(!judged.allowed());
    let asked = engine.asked();
    assert_eq!(asked[0]["event_type"], "agent.plan");
    assert_eq!(
        asked[0]["steps"],
        json!([
            { "action": "look", "args": { "n": 1 } },
            { "action": "deny_refund", "args": { "n": 2 } },
        ])
    );
    assert_eq!(asked[2]["action"], "deny_refund");
}

#[tokio::test]
async fn a_plan_of_allowed_steps_is_allowed() {
    let tools = Answers::default().judging([echo("look", open())]);
    let judged = tools.evaluate_plan([("look", json!({}))]).await.unwrap();
    assert!(judged.allowed());
}

#[tokio::test]
async fn a_step_that_could_never_be_called_is_an_error() {
    let engine = Answers::default();
    let tools = engine.judging([echo("look", open())]);
    let unknown = tools.evaluate_plan([("lok", json!({}))]).await.unwrap_err();
    assert!(matches!(unknown, ToolError::UnknownTool { .. }));
    let invalid = tools
        .evaluate_plan([("look", json!({ "n": "x" }))])
        .await
        .unwrap_err();
    assert!(matches!(invalid, ToolError::InvalidArguments(_)));
    assert!(engine.asked().is_empty());
}
