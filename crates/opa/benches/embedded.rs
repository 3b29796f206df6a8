//! What a decision of the embedded engine costs: `cargo bench -p kitelogik-opa --bench embedded --features embedded`.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kitelogik_core::{
    BudgetUsage, GovernanceEvent, PolicyEngine, PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_opa::{CallRequest, Embedded, Layered, PolicyGate};
use kitelogik_policy::Policy;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

const RULES: &str = r#"
    package kitelogik.userpolicy

    allow if {
        input.action == "approve_refund"
        "approve_refund_under_100" in input.context.session_scopes
        input.args.amount <= 100
    }

    deny contains "Refunds over $200 require manager approval" if {
        input.action == "approve_refund"
        input.args.amount > 200
    }
"#;

const ONE_RULE: &str = "package kitelogik.main\nallow if input.action == \"approve_refund\"";

fn with_builtin_bundle() -> Embedded {
    let policy = Policy::builder()
        .rego("refunds.rego", RULES)
        .build()
        .unwrap();
    Embedded::new(policy).unwrap()
}

fn with_one_rule() -> Embedded {
    let policy = Policy::builder()
        .without_builtin_bundle()
        .rego("main.rego", ONE_RULE)
        .build()
        .unwrap();
    Embedded::new(policy).unwrap()
}

fn arguments() -> Map<String, Value> {
    let arguments = json!({"customer_id": "cust_001", "amount": 42.0});
    arguments.as_object().unwrap().clone()
}

fn context() -> SessionContext {
    SessionContext::new("example_01")
        .role("support_agent")
        .scopes(["read_customer", "approve_refund_under_100"])
}

fn engines(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("approve_refund", arguments()));
    let context = context();
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    let layered = Layered::builder()
        .guard("organisation", with_one_rule())
        .grant("team", with_one_rule())
        .build()
        .unwrap();
    let engines: [(&str, &dyn PolicyEngine); 3] = [
        ("embedded: one rule", &with_one_rule()),
        (
            "embedded: built-in bundle and refund rules",
            &with_builtin_bundle(),
        ),
        ("layered: two embedded layers of one rule", &layered),
    ];
    for (name, engine) in engines {
        criterion.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                black_box(engine.decide(&input).await.unwrap());
            });
        });
    }
}

fn gate(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let gate = PolicyGate::new(with_builtin_bundle());
    let session = gate.session(context());
    criterion.bench_function("gate: built-in bundle and refund rules", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let call = CallRequest {
                tool: "approve_refund".into(),
                action: "approve_refund".into(),
                args: arguments().into(),
                ..CallRequest::default()
            };
            black_box(session.authorize(call).await.is_ok());
        });
    });
}

/// What it would cost to move each evaluation off the thread that asks.
fn hand_over(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    criterion.bench_function("tokio: spawn_blocking and back, no work", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            black_box(tokio::task::spawn_blocking(|| black_box(1)).await.unwrap());
        });
    });
}

criterion_group!(benches, engines, gate, hand_over);
criterion_main!(benches);
