//! Explaining is for people: nothing of it reaches a model.

use kitelogik::prelude::*;
use kitelogik::{GovernanceEvent, Masking, ToolCallInput};
use serde_json::json;

/// Refund a customer's order.
#[governed]
fn approve_refund(amount: f64) -> f64 {
    amount
}

#[tokio::test]
async fn what_a_model_reads_is_the_same_whether_a_call_was_explained_or_not() {
    let engine = Embedded::new(
        Policy::from_yaml(
            "
version: 1
rules:
  - name: small_refunds
    when: {action: approve_refund, args: {amount: {lte: 100}}}
    then: allow
",
        )
        .unwrap(),
    )
    .unwrap();
    let gate = PolicyGate::new(engine.clone());
    let context = SessionContext::new("s1");
    let session = gate.session(context.clone());
    let tools = Toolbox::builder().tool(approve_refund).build().unwrap();
    let tools = tools.for_session(&session);
    let read = async || {
        let reply = tools
            .call_json("approve_refund", r#"{"amount": 150}"#)
            .await;
        match reply {
            Ok(output) => format!("{output:?}"),
            Err(error) => error.model_text().to_string(),
        }
    };

    let before = read().await;
    let args = json!({ "amount": 150 }).as_object().cloned().unwrap();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("approve_refund", args));
    let explanation = engine.explain(&event, &context, &Masking::none()).unwrap();
    let after = read().await;

    assert_eq!(before, after);
    assert!(before.contains("[BLOCKED]"), "{before}");
    assert_eq!(
        explanation.suggestions[0].to_string(),
        "args.amount = 100 instead of 150"
    );
    for told in ["100", "150", "lte", "small_refunds", "rules.yaml"] {
        assert!(!after.contains(told), "{told} in {after}");
    }
}
