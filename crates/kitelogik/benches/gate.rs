//! What a governed call costs: the decision alone, and the toolbox around it.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kitelogik::core::{
    BoxFuture, EngineError, PolicyDecision, PolicyEngine, PolicyInput, ToolCallInput,
};
use kitelogik::prelude::*;
use kitelogik::serde_json::json;
use kitelogik::{CallRequest, GovernanceEvent};

/// Refund a customer's order.
#[governed]
async fn approve_refund(customer_id: String, amount: f64) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

/// Allows everything at once, so that what is left is the toolbox.
struct AllowAll;

impl PolicyEngine for AllowAll {
    fn decide<'a>(
        &'a self,
        _: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async {
            PolicyDecision::from_result(&json!({"allow": true}), "data.kitelogik.main")
        })
    }
}

const ARGUMENTS: &str = r#"{"customer_id": "cust_001", "amount": 42.5}"#;

fn context() -> SessionContext {
    SessionContext::new("example_01")
        .role("support_agent")
        .scopes(["read_customer", "approve_refund_under_100"])
}

fn decision(bench: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");
    let session = PolicyGate::new(Embedded::load(policies).unwrap()).session(context());
    let arguments = json!({"customer_id": "cust_001", "amount": 42.5});
    let event = GovernanceEvent::ToolCall(ToolCallInput::new(
        "approve_refund",
        arguments.as_object().cloned().unwrap(),
    ));
    assert!(runtime.block_on(session.evaluate(&event)).allowed());

    bench.bench_function(
        "decision/embedded, built-in bundle and the example's rules",
        |run| {
            run.to_async(&runtime)
                .iter(|| async { black_box(session.evaluate(&event).await) });
        },
    );
}

fn toolbox(bench: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let session = PolicyGate::new(AllowAll).session(context());
    let tools = Toolbox::builder().tool(approve_refund).build().unwrap();
    let governed = tools.for_session(&session);
    let arguments = json!({"customer_id": "cust_001", "amount": 42.5});
    let request = CallRequest {
        tool: "approve_refund".into(),
        action: "approve_refund".into(),
        args: arguments.as_object().cloned().unwrap().into(),
        ..CallRequest::default()
    };

    let mut group = bench.benchmark_group("toolbox");
    group.bench_function("baseline: the bare decision", |run| {
        run.to_async(&runtime)
            .iter(|| async { black_box(session.authorize(request.clone()).await) });
    });
    group.bench_function("call by name, small arguments", |run| {
        run.to_async(&runtime)
            .iter(|| async { black_box(governed.call_json("approve_refund", ARGUMENTS).await) });
    });
    group.bench_function("direct call", |run| {
        run.to_async(&runtime).iter(|| async {
            black_box(approve_refund("cust_001".into(), 42.5).run(&session).await)
        });
    });
    group.bench_function("bind to a session", |run| {
        run.iter(|| black_box(tools.for_session(&session)));
    });
    group.finish();
}

criterion_group!(benches, decision, toolbox);
criterion_main!(benches);
