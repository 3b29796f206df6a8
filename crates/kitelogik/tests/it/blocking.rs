//! Calls of code without a runtime, inside one another.

use std::time::Duration;

use kitelogik::core::{BoxFuture, EngineError, PolicyInput};
use kitelogik::prelude::*;
use kitelogik::serde_json::json;
use kitelogik::{FailClosed, PolicyDecision, PolicyEngine};

/// Allows `outer` at once, and never answers about anything else.
struct OuterOnly;

impl PolicyEngine for OuterOnly {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async move {
            if input.event().action() != "outer" {
                std::future::pending::<()>().await;
            }
            PolicyDecision::from_result(&json!({"allow": true}), "data.kitelogik.main")
        })
    }
}

#[governed]
async fn inner() -> String {
    "inner".to_owned()
}

#[governed]
async fn outer(#[state] session: Session) -> String {
    match inner().run_blocking(&session) {
        Ok(text) => text,
        Err(denied) => format!("{:?}", denied.decision.fail_closed),
    }
}

#[test]
fn a_blocking_call_within_a_blocking_call_keeps_its_time_limit() {
    let gate = PolicyGate::builder(OuterOnly)
        .decision_timeout(Duration::from_millis(20))
        .build();
    let session = gate.session(SessionContext::new("s1"));
    let text = outer(session.clone()).run_blocking(&session).unwrap();
    assert_eq!(text, format!("{:?}", Some(FailClosed::EngineTimeout)));
}
