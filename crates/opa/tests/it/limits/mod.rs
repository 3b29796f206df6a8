//! How deep an input may nest, what one evaluation may make, and what evaluations are to each other.

mod made;
mod sizes;

use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
use std::time::Duration;

use kitelogik_core::{
    BudgetUsage, FailClosed, GovernanceEvent, PolicyDecision, PolicyEngine, PolicyInput,
    SessionContext, ToolCallInput,
};
use kitelogik_opa::{Embedded, EmbeddedBuilder};
use kitelogik_policy::Policy;
use serde_json::{Value, json};

/// Time that no test here takes: what ends an evaluation is another limit.
const LONG: Duration = Duration::from_secs(60);

fn policy(rules: &str) -> Policy {
    Policy::builder()
        .without_builtin_bundle()
        .rego("main.rego", format!("package kitelogik.main\n{rules}"))
        .build()
        .unwrap()
}

async fn decide(engine: &Embedded, args: Value) -> PolicyDecision {
    let event = GovernanceEvent::ToolCall(ToolCallInput::new(
        "approve_refund",
        args.as_object().unwrap().clone(),
    ));
    let context = SessionContext::new("example_01");
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    engine
        .decide(&input)
        .await
        .unwrap_or_else(|error| PolicyDecision::fail_closed(&error))
}

/// Both ways to decide, each with limits of its own.
fn both(rules: &str, limits: impl Fn(EmbeddedBuilder) -> EmbeddedBuilder) -> [Embedded; 2] {
    let builder = || limits(Embedded::builder(policy(rules)).evaluation_time(LONG));
    [builder(), builder().interpreted()].map(|builder| builder.build().unwrap())
}

/// Asserts that `args` are denied because of a limit, and that the denial says which.
async fn is_over(engine: &Embedded, args: Value, limit: &str) {
    let shown: String = args.to_string().chars().take(100).collect();
    let decision = decide(engine, args).await;
    assert_eq!(
        decision.fail_closed,
        Some(FailClosed::LimitExceeded),
        "{shown}: {:?}",
        decision.detail
    );
    let detail = decision.detail.unwrap();
    assert!(detail.contains(limit), "{shown}: {detail}");
}

const LOOP: &str = "
    allow if input.args.fast

    allow if {
        not input.args.fast
        some i in numbers.range(1, 10000)
        some j in numbers.range(1, 10000)
        i * j == -1
    }
";

#[test]
fn a_decision_waits_for_no_other_decision_of_the_same_engine() {
    let engine = Embedded::builder(policy(LOOP))
        .evaluation_time(Duration::from_secs(2))
        .build()
        .unwrap();
    let (slow_ends, slow_ended) = channel();
    let slow = {
        let engine = engine.clone();
        thread::spawn(move || {
            let runtime = runtime();
            // Inline on its own thread, and then on the pool, for as long as it may.
            let decision = runtime.block_on(decide(&engine, json!({})));
            slow_ends.send(()).unwrap();
            decision
        })
    };
    let runtime = runtime();
    for _ in 0..100 {
        let fast = runtime.block_on(decide(&engine, json!({"fast": true})));
        assert!(fast.allowed(), "{:?}", fast.detail);
    }
    assert_eq!(slow_ended.try_recv(), Err(TryRecvError::Empty));
    let decision = slow.join().unwrap();
    assert_eq!(decision.fail_closed, Some(FailClosed::LimitExceeded));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
