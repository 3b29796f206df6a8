//! Calling a governed function: directly and by name, with and without a runtime.

use std::io;

use kitelogik::prelude::*;
use kitelogik::{FailClosed, Outcome, blocked_text};
use serde_json::json;

use crate::evidence::Evidence;

const RULES: &str = r#"
allow if input.action in {"approve_refund", "withdraw", "note", "fails", "recurse"}
deny contains "Refunds over $200 require manager approval" if input.args.amount > 200
"#;

/// Refund a customer's order.
#[governed]
async fn approve_refund(customer_id: String, amount: f64) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

#[governed(action = "withdraw")]
fn take_out(amount: f64) -> Result<f64, io::Error> {
    if amount > 100.0 {
        Err(io::Error::other("not enough money"))
    } else {
        Ok(amount)
    }
}

#[governed]
fn note() {}

#[tokio::test]
async fn an_allowed_call_runs_and_returns_its_value_untouched() {
    let evidence = Evidence::default();
    let session = evidence.session(RULES);
    let receipt = approve_refund("cust_001".into(), 42.0).run(&session).await;
    assert_eq!(receipt.unwrap(), "Refunded $42.00 to cust_001");
    let unit: () = note().run(&session).await.unwrap();
    assert_eq!(unit, ());
    assert_eq!(evidence.outcomes(), [Some(Outcome::Ran); 2]);
}

#[tokio::test]
async fn a_denied_call_never_runs_and_carries_the_whole_decision() {
    let evidence = Evidence::default();
    let session = evidence.session(RULES);
    let denied = approve_refund("cust_001".into(), 5000.0)
        .run(&session)
        .await
        .unwrap_err();
    assert_eq!(denied.decision.verdict, Verdict::Deny);
    assert_eq!(
        denied.to_string(),
        "Governance denied tool call: Refunds over $200 require manager approval"
    );
    assert_eq!(
        blocked_text(&denied),
        "[BLOCKED] approve_refund: Refunds over $200 require manager approval. This is final; do not retry."
    );
    assert_eq!(evidence.outcomes(), [Some(Outcome::NeverRan)]);
}

#[tokio::test]
async fn a_fallible_function_tells_its_own_error_from_a_denial() {
    let evidence = Evidence::default();
    let session = evidence.session(RULES);
    assert_eq!(take_out(7.0).run(&session).await.unwrap(), 7.0);
    let failed = take_out(150.0).run(&session).await.unwrap_err();
    assert!(matches!(&failed, CallError::Failed(error) if error.kind() == io::ErrorKind::Other));
    let denied = take_out(201.0).run(&session).await.unwrap_err();
    assert!(matches!(&denied, CallError::Denied(denied) if denied.decision.denied()));
    let ended = [Outcome::Ran, Outcome::Failed, Outcome::NeverRan];
    assert_eq!(evidence.outcomes(), ended.map(Some));
}

#[tokio::test]
async fn a_renamed_action_is_what_the_policy_sees_and_the_name_stays_the_function_s() {
    let evidence = Evidence::default();
    let session = evidence.session(RULES);
    take_out(7.0).run(&session).await.unwrap();
    let asked = evidence.asked().pop().unwrap();
    assert_eq!(asked["action"], "withdraw");
    assert_eq!(asked["tool_name"], "take_out");
}

#[tokio::test]
async fn the_same_path_registers_and_is_called_by_name() {
    let evidence = Evidence::default();
    let session = evidence.session(RULES);
    let tools = Toolbox::builder()
        .tool(approve_refund)
        .tool(take_out)
        .tool(note)
        .build()
        .unwrap();
    assert_eq!(
        tools.names().collect::<Vec<_>>(),
        ["approve_refund", "take_out", "note"]
    );
    let tools = tools.for_session(&session);
    let reply = tools
        .call("approve_refund", json!({"customer_id": "c1", "amount": 8}))
        .await
        .unwrap();
    assert_eq!(reply.text, "Refunded $8.00 to c1");
    let failed = tools.call_json("take_out", r#"{"amount": 150}"#).await;
    assert_eq!(
        failed.unwrap_err().to_string(),
        "`take_out` failed: not enough money"
    );
    let denied = tools.call_json("take_out", r#"{"amount": 201}"#).await;
    assert!(matches!(denied.unwrap_err(), ToolError::Denied(_)));
    assert_eq!(
        tools.call_json("note", "").await.unwrap().value,
        json!(null)
    );
}

#[test]
fn run_blocking_needs_no_runtime() {
    let session = Evidence::default().session(RULES);
    let receipt = approve_refund("cust_001".into(), 42.0).run_blocking(&session);
    assert_eq!(receipt.unwrap(), "Refunded $42.00 to cust_001");
    assert_eq!(take_out(7.0).run_blocking(&session).unwrap(), 7.0);
    assert!(take_out(201.0).run_blocking(&session).is_err());
}

#[tokio::test]
async fn run_blocking_works_inside_a_single_threaded_runtime() {
    let session = Evidence::default().session(RULES);
    assert_eq!(take_out(7.0).run_blocking(&session).unwrap(), 7.0);
    let receipt = approve_refund("cust_001".into(), 42.0).run_blocking(&session);
    assert_eq!(receipt.unwrap(), "Refunded $42.00 to cust_001");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_blocking_works_inside_a_multi_threaded_runtime() {
    let session = Evidence::default().session(RULES);
    assert_eq!(take_out(7.0).run_blocking(&session).unwrap(), 7.0);
}

#[governed]
fn thread() -> String {
    format!("{:?}", std::thread::current().id())
}

#[tokio::test]
async fn a_sync_body_runs_off_the_async_threads() {
    let session = Evidence::default().allowing();
    let here = format!("{:?}", std::thread::current().id());
    assert_ne!(thread().run(&session).await.unwrap(), here);
}

/// A body that names its own function names the governed one.
#[governed]
async fn recurse(#[state] session: Session, amount: f64) -> Result<f64, GovernanceError> {
    match Box::pin(recurse(session.clone(), amount * 10.0).run(&session)).await {
        Ok(more) => Ok(more),
        Err(CallError::Failed(denied) | CallError::Denied(denied)) => Err(denied),
    }
}

#[tokio::test]
async fn a_body_that_calls_its_own_function_asks_the_gate_again() {
    let evidence = Evidence::default();
    let session = evidence.session(RULES);
    let denied = recurse(session.clone(), 3.0)
        .run(&session)
        .await
        .unwrap_err();
    assert!(matches!(denied, CallError::Failed(denied) if denied.decision.denied()));
    let amounts: Vec<_> = evidence
        .asked()
        .into_iter()
        .map(|asked| asked["args"]["amount"].clone())
        .collect();
    assert_eq!(amounts, [json!(3.0), json!(30.0), json!(300.0)]);
}

#[tokio::test]
async fn a_variable_may_have_a_tool_s_name() {
    let session = Evidence::default().session(RULES);
    let note = note().run(&session).await;
    assert!(note.is_ok());
}

#[governed]
async fn measure(value: f64, values: Vec<f32>) -> f64 {
    value + f64::from(values.iter().sum::<f32>())
}

#[tokio::test]
async fn numbers_that_json_cannot_hold_are_malformed_input_and_recorded() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    for (value, values) in [
        (f64::NAN, vec![]),
        (f64::INFINITY, vec![]),
        (1.0, vec![0.5, f32::NEG_INFINITY]),
    ] {
        let denied = measure(value, values).run(&session).await.unwrap_err();
        assert_eq!(
            denied.decision.fail_closed,
            Some(FailClosed::MalformedInput)
        );
        assert_eq!(denied.decision.risk_tier, RiskTier::SecurityCritical);
    }
    assert!(evidence.asked().is_empty());
    assert_eq!(evidence.outcomes(), [Some(Outcome::NeverRan); 3]);
    assert_eq!(session.usage().api_calls, Some(0));
}

#[tokio::test]
async fn a_call_that_is_denied_gives_its_place_in_the_budget_back() {
    let session = Evidence::default().session(RULES);
    approve_refund("cust_001".into(), 42.0)
        .run(&session)
        .await
        .unwrap();
    for _ in 0..3 {
        let denied = approve_refund("cust_001".into(), 5000.0)
            .run(&session)
            .await;
        assert!(denied.is_err());
    }
    assert_eq!(session.usage().api_calls, Some(1));
}

#[governed]
async fn count(text: &str, #[session] who: &SessionContext) -> usize {
    tokio::task::yield_now().await;
    text.len() + who.session_id.len()
}

#[tokio::test]
async fn calls_run_in_tasks_of_their_own() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    let tasks: Vec<_> = ["a", "bb", "ccc"]
        .map(|text| {
            let session = session.clone();
            let text = text.to_owned();
            tokio::spawn(async move { count(&text).run(&session).await })
        })
        .into();
    let mut counts = Vec::new();
    for task in tasks {
        counts.push(task.await.unwrap().unwrap());
    }
    assert_eq!(counts, [11, 12, 13]);
    assert_eq!(session.usage().api_calls, Some(3));
}
