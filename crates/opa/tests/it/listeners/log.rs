//! The log learns no argument.

use futures_util::FutureExt;
use kitelogik_core::{
    Arguments, BoxFuture, EngineError, FailClosed, Masking, PolicyDecision, PolicyEngine,
    PolicyInput,
};
use kitelogik_opa::{CallRequest, PolicyGate};
use serde_json::json;

use super::{LOGGED, listen, runtime};
use crate::gate::{call, session};

/// Fails with what it was asked.
struct Telling;

impl PolicyEngine for Telling {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let document = serde_json::to_value(input).unwrap();
        let detail = format!(
            "refunds.rego:2:1: `{}` of {} is no number: {}",
            document["args"]["card"]["number"].as_str().unwrap(),
            document["resource_path"].as_str().unwrap(),
            document["args"]["note"],
        );
        async { Err(EngineError::new(FailClosed::EvaluationError, detail)) }.boxed()
    }
}

/// What is logged of a fault, and the decision that it becomes.
fn logged(masking: Option<Masking>) -> (String, PolicyDecision) {
    listen();
    let mut gate = PolicyGate::builder(Telling);
    if let Some(masking) = masking {
        gate = gate.traced_arguments(masking);
    }
    let gate = gate.build();
    let args = json!({"card": {"number": "4111-1111"}, "note": "say \"hi\"\nthere"});
    let request = CallRequest {
        args: Arguments::from(args.as_object().unwrap().clone()),
        resources: vec!["/home/ann".into()],
        ..call("pay")
    };
    LOGGED.with_borrow_mut(String::clear);
    let denied = runtime().block_on(session(&gate).authorize(request));
    let decision = (*denied.unwrap_err().decision).clone();
    (LOGGED.with_borrow(String::clone), decision)
}

#[test]
fn the_log_names_no_argument_and_no_resource_where_a_fault_does() {
    let (logged, decision) = logged(None);
    assert!(
        logged.contains(
            "detail=refunds.rego:2:1: `[masked]` of [masked] is no [masked]: \"[masked]\""
        ),
        "{logged}"
    );
    assert!(logged.contains("code=evaluation_error"), "{logged}");
    assert!(decision.detail.unwrap().contains("`4111-1111`"));
}

#[test]
fn the_log_masks_the_detail_of_a_fault_by_the_rules_of_spans() {
    let rules = || Masking::builder();
    let card = rules().path("args.card").unwrap().build();
    let (masked, _) = logged(Some(card));
    assert!(
        masked.contains("`[masked]` of /home/ann is no [masked]: \"say \\\"hi\\\"\\nthere\""),
        "{masked}"
    );
    let ann = rules().pattern("ann").unwrap().build();
    let (masked, _) = logged(Some(ann));
    assert!(masked.contains("`4111-1111` of [masked] is"), "{masked}");
    let (masked, _) = logged(Some(rules().path("detail").unwrap().build()));
    assert!(masked.contains("detail=[masked]"), "{masked}");
}
