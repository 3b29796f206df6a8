//! Each verdict, as an agent's model reads it, and that the run goes on.

use kitelogik::{Outcome, Verdict};
use serde_json::json;

use crate::desk::{Desk, agent, read_by, script};

/// What the model reads of a refund of this amount; the run is checked to go on to its end.
async fn refund(desk: &Desk, amount: f64) -> String {
    let model = script(&[(
        "approve_refund",
        json!({ "customer_id": "cust_001", "amount": amount }),
    )]);
    let reply = agent(&model, &desk.per_run())
        .prompt("refund please")
        .tool_context(desk.context("example_01"))
        .await
        .unwrap();
    assert_eq!(reply.output(), "done");
    assert_eq!(model.request_count(), 2);
    let read = read_by(&model);
    assert_eq!(read.len(), 1);
    read[0].clone()
}

#[tokio::test]
async fn an_allowed_call_runs() {
    let desk = Desk::open();
    assert_eq!(
        refund(&desk, 42.0).await,
        "Refunded $42.00 to cust_001 for example_01"
    );
    assert_eq!(desk.calls.all().len(), 1);
    assert_eq!(
        desk.only_entry(),
        ("approve_refund".into(), Verdict::Allow, Some(Outcome::Ran))
    );
}

#[tokio::test]
async fn a_denied_call_is_a_refusal_and_the_run_goes_on() {
    let desk = Desk::open();
    assert_eq!(
        refund(&desk, 5000.0).await,
        "[BLOCKED] approve_refund: Refunds over $200 require manager approval. \
         This is final; do not retry."
    );
    assert_eq!(desk.calls.all(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn a_call_that_a_person_must_approve_does_not_run() {
    let desk = Desk::open();
    assert_eq!(
        refund(&desk, 150.0).await,
        "[BLOCKED] approve_refund: Refunds between $100 and $200 need a second pair of eyes. \
         It needs a person's approval."
    );
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn a_call_that_no_rule_allows_may_be_tried_with_other_arguments() {
    let desk = Desk::open();
    assert_eq!(
        refund(&desk, -5.0).await,
        "[BLOCKED] approve_refund: no rule allows this call. Adjust the arguments and try again."
    );
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn without_an_engine_nothing_runs() {
    let desk = Desk::without_engine();
    let read = refund(&desk, 42.0).await;
    assert!(read.starts_with("[BLOCKED] approve_refund: "), "{read}");
    assert!(
        read.ends_with(" The policy could not be checked."),
        "{read}"
    );
    assert!(!read.contains("127.0.0.1"), "{read}");
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn a_model_that_learns_from_a_refusal_gets_its_call_through() {
    let desk = Desk::open();
    let with = |amount: f64| {
        (
            "approve_refund",
            json!({ "customer_id": "c", "amount": amount }),
        )
    };
    let model = script(&[with(5000.0), with(50.0)]);
    agent(&model, &desk.per_run())
        .prompt("refund please")
        .tool_context(desk.context("example_01"))
        .await
        .unwrap();
    let read = read_by(&model);
    assert!(read[0].starts_with("[BLOCKED]"));
    assert_eq!(read[1], "Refunded $50.00 to c for example_01");
}
