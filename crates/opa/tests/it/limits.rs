//! What one evaluation may make, and what evaluations are to each other.

use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
use std::time::Duration;

use kitelogik_core::{
    BudgetUsage, FailClosed, GovernanceEvent, PolicyDecision, PolicyEngine, PolicyInput,
    SessionContext, ToolCallInput,
};
use kitelogik_opa::Embedded;
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

const TEXTS: &str = "allow if {
    texts := [text | some _ in numbers.range(1, input.args.count); text := concat(\"\", [input.args.text, \"!\"])]
    count(texts) == input.args.count
}";

/// What is marshalled lies in the input: a compiled policy has a way of its own for that.
const MARSHALLED: &str = "allow if {
    texts := [text | some _ in numbers.range(1, input.args.count); text := json.marshal(input.args)]
    count(texts) == input.args.count
}";

const MEMBERS: &str = "allow if {
    pairs := {[x, y] | some x in numbers.range(1, input.args.count); some y in numbers.range(1, 100)}
    count(pairs) > 1
}";

const UNITED: &str = "allow if {
    large := {x | some x in numbers.range(1, 500)}
    sets := [set | some x in numbers.range(1, input.args.count); set := large | {x}]
    count(sets) == input.args.count
}";

const LESSENED: &str = "allow if {
    large := {x | some x in numbers.range(1, 500)}
    sets := [set | some x in numbers.range(1, input.args.count); set := large - {x}]
    count(sets) == input.args.count
}";

#[tokio::test]
async fn texts_made_in_many_steps_are_bounded_all_together_compiled_and_interpreted() {
    let builder = |rules| {
        Embedded::builder(policy(rules))
            .evaluation_time(LONG)
            .max_made_bytes(1024 * 1024)
    };
    for engine in [
        builder(TEXTS),
        builder(TEXTS).interpreted(),
        builder(MARSHALLED),
        builder(MARSHALLED).interpreted(),
    ] {
        let engine = engine.build().unwrap();
        let text = "a".repeat(10_000);
        let small = decide(&engine, json!({"count": 10, "text": text})).await;
        assert!(small.allowed(), "{:?}", small.detail);
        let large = decide(&engine, json!({"count": 1_000, "text": text})).await;
        assert_eq!(large.fail_closed, Some(FailClosed::LimitExceeded));
        let detail = large.detail.unwrap();
        assert!(
            detail.contains("1048576 bytes that one evaluation makes"),
            "{detail}"
        );
        // What one evaluation made is not held against the next.
        for _ in 0..50 {
            assert!(
                decide(&engine, json!({"count": 10, "text": text}))
                    .await
                    .allowed()
            );
        }
    }
}

#[tokio::test]
async fn members_gathered_in_many_steps_are_bounded_in_a_compiled_policy() {
    for rules in [MEMBERS, UNITED, LESSENED] {
        let engine = Embedded::builder(policy(rules))
            .evaluation_time(LONG)
            .max_made_bytes(1024 * 1024)
            .build()
            .unwrap();
        let small = decide(&engine, json!({"count": 10})).await;
        assert!(small.allowed(), "{:?}", small.detail);
        let large = decide(&engine, json!({"count": 10_000})).await;
        assert_eq!(
            large.fail_closed,
            Some(FailClosed::LimitExceeded),
            "{rules}"
        );
    }
}

#[tokio::test]
async fn what_an_evaluation_may_make_is_bounded_by_default() {
    let engine = Embedded::builder(policy(TEXTS))
        .evaluation_time(LONG)
        .build()
        .unwrap();
    let args = json!({"count": 1_000, "text": "a".repeat(500_000)});
    let decision = decide(&engine, args).await;
    assert_eq!(decision.fail_closed, Some(FailClosed::LimitExceeded));
    assert!(decision.detail.unwrap().contains("67108864 bytes"));
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
