//! What a decision costs as the policy grows: `cargo bench -p kitelogik-rego --bench program`.
//!
//! The whole gate, event in and typed decision out: the built-in bundle and N rules spread over N/10 tools, of which ten
//! concern any one call. At the end, how long each policy takes to load.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use kitelogik_core::{
    BudgetUsage, GovernanceEvent, PolicyEngine, PolicyInput, SessionContext, ToolCallInput, Verdict,
};
use kitelogik_opa::{Embedded, PolicyGate};
use kitelogik_policy::Policy;
use serde_json::json;
use tokio::runtime::Builder;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// Ten rules for each tool: one allows, nine would deny.
fn rules(count: usize) -> String {
    let mut text = String::from("package kitelogik.userpolicy\n");
    for tool in 0..count.div_ceil(10) {
        write!(
            text,
            "\nallow if {{\n\tinput.action == \"tool_{tool}\"\n\t\"scope_{tool}\" in input.context.session_scopes\n\tinput.args.amount <= 100\n}}\n"
        )
        .unwrap();
        for limit in 1..10 {
            write!(
                text,
                "\ndeny contains \"tool_{tool}: over {limit}\" if {{\n\tinput.action == \"tool_{tool}\"\n\tinput.args.amount > {limit}000\n}}\n"
            )
            .unwrap();
        }
    }
    text
}

fn policy(count: usize) -> Policy {
    Policy::builder()
        .rego("rules.rego", rules(count))
        .build()
        .unwrap()
}

fn call(tool: usize) -> (GovernanceEvent, SessionContext) {
    let args = json!({"customer_id": "cust_001", "amount": 42, "note": "as agreed on the phone"});
    let args = args.as_object().unwrap().clone();
    let context = SessionContext::new("example_01")
        .role("support_agent")
        .scopes(["read_customer".to_owned(), format!("scope_{tool}")]);
    (
        GovernanceEvent::ToolCall(ToolCallInput::new(format!("tool_{tool}"), args)),
        context,
    )
}

fn gate(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let mut loads = Vec::new();
    for count in SIZES {
        let policy = policy(count);
        let begun = Instant::now();
        let engine = Embedded::new(policy).unwrap();
        loads.push((count, begun.elapsed()));
        let (event, context) = call(count / 20);
        {
            let input = PolicyInput::new(&event, &context, BudgetUsage::default());
            let decision = runtime.block_on(engine.decide(&input)).unwrap();
            assert_eq!(decision.verdict, Verdict::Allow, "{}", decision.reason);
            criterion.bench_function(&format!("engine: {count} rules"), |bencher| {
                bencher.to_async(&runtime).iter(|| async {
                    black_box(engine.decide(&input).await.unwrap());
                });
            });
        }
        let gate = PolicyGate::new(engine);
        let session = gate.session(context);
        criterion.bench_function(&format!("gate: {count} rules"), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                black_box(session.evaluate(&event).await);
            });
        });
    }
    for (count, took) in loads {
        println!("compiled {count} rules in {took:?}");
    }
}

criterion_group!(benches, gate);
criterion_main!(benches);
