//! What one decision costs in the interpreter: the built-in bundle and ten user rules, without gate and session.
//!
//! `cargo bench -p kitelogik-policy --bench bundle`
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kitelogik_policy::Policy;
use regorus::{CompiledPolicy, Engine, Value};
use serde_json::json;

const ENTRY: &str = "package kitelogik_bench\n\ndecision := data.kitelogik.main\n";

fn ten_rules() -> String {
    let mut text = String::from(
        "package kitelogik.userpolicy\n\n\
         allow if {\n\tinput.action == \"approve_refund\"\n\t\"approve_refund_under_100\" in input.context.session_scopes\n\tis_number(input.args.amount)\n\tinput.args.amount <= 100\n}\n\n\
         deny contains \"Refunds over $200 require manager approval\" if {\n\tinput.action == \"approve_refund\"\n\tinput.args.amount > 200\n}\n\n",
    );
    for index in 0..8 {
        text.push_str(&format!(
            "hitl contains \"review {index}\" if {{\n\tinput.action == \"action_{index}\"\n\tinput.args.amount > {index}\n}}\n\n"
        ));
    }
    text
}

fn compile(policy: &Policy) -> CompiledPolicy {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    for module in policy.modules() {
        engine
            .add_policy(module.name().to_owned(), module.text().to_owned())
            .unwrap();
    }
    engine
        .add_policy("entry.rego".to_owned(), ENTRY.to_owned())
        .unwrap();
    engine
        .add_data(Value::from_json_str(&policy.data().to_string()).unwrap())
        .unwrap();
    engine
        .compile_with_entrypoint(&"data.kitelogik_bench.decision".into())
        .unwrap()
}

fn input(args: serde_json::Value, resource: serde_json::Value) -> Value {
    let document = json!({
        "event_type": "tool_call", "action": "approve_refund", "tool_name": "approve_refund",
        "args": args, "resource_path": resource,
        "context": {
            "session_id": "example_01", "principal": null, "user_role": "support_agent",
            "session_scopes": ["read_customer", "approve_refund_under_100"], "sandbox_verified": false,
            "token_id": "", "delegation_depth": 0, "parent_token_id": "", "parent_session_id": "",
            "tenant_id": null, "budget_total_tokens": null, "budget_used_tokens": null,
            "budget_total_api_calls": null, "budget_used_api_calls": null,
            "budget_total_cost_cents": null, "budget_used_cost_cents": null,
        },
    });
    Value::from_json_str(&document.to_string()).unwrap()
}

fn decisions(criterion: &mut Criterion) {
    let policy = Policy::builder()
        .rego("ten.rego", ten_rules())
        .build()
        .unwrap();
    let compiled = compile(&policy);
    let calls = [
        (
            "plain_arguments",
            input(
                json!({"customer_id": "cust_001", "amount": 42.0}),
                json!(null),
            ),
        ),
        (
            "prose_and_a_path",
            input(
                json!({"path": "data/report.csv", "note": "Refund was late. Sorry: it is done."}),
                json!(null),
            ),
        ),
        (
            "a_resource_path",
            input(
                json!({"path": "/srv/app/data/report.csv"}),
                json!("/srv/app/data/report.csv"),
            ),
        ),
        (
            "a_resource_url",
            input(
                json!({"url": "https://example.com/a/b?x=1"}),
                json!("https://example.com/a/b?x=1"),
            ),
        ),
        (
            "a_hostile_url",
            input(
                json!({"url": "http://[::ffff:7f00:1]/x"}),
                json!("http://[::ffff:7f00:1]/x"),
            ),
        ),
    ];
    for (name, input) in calls {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| compiled.eval_with_input(black_box(input.clone())).unwrap());
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(std::time::Duration::from_secs(2));
    targets = decisions
}
criterion_main!(benches);
