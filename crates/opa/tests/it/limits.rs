//! What one evaluation may make, and what evaluations are to each other.

use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
use std::time::Duration;

use kitelogik_core::{
    AgentPlan, BudgetUsage, FailClosed, GovernanceEvent, Masking, PlanStep, PolicyDecision,
    PolicyEngine, PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_opa::{Embedded, EmbeddedBuilder};
use kitelogik_policy::Policy;
use serde_json::{Map, Value, json};

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

/// Lists within lists.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(0), |inner, _| json!([inner]))
}

/// As deep, with texts beside that have the brackets of the other side.
fn nested_behind_brackets(levels: usize) -> Value {
    (0..levels).fold(json!(0), |inner, _| json!(["]]\\\"]", inner]))
}

#[tokio::test]
async fn how_deep_an_input_nests_is_bounded_compiled_and_interpreted() {
    for engine in both("allow := true", |builder| builder.max_input_depth(10)) {
        for nested in [nested, nested_behind_brackets] {
            // The document and the arguments are two levels.
            let fits = decide(&engine, json!({"a": nested(8), "pad": "x".repeat(500)})).await;
            assert!(fits.allowed(), "{:?}", fits.detail);
            let limit = "deeper than 10 levels";
            is_over(&engine, json!({"a": nested(9)}), limit).await;
            is_over(
                &engine,
                json!({"a": nested(9), "pad": "x".repeat(500)}),
                limit,
            )
            .await;
            let explained = engine
                .explain(
                    &GovernanceEvent::ToolCall(ToolCallInput::new(
                        "approve_refund",
                        json!({"a": nested(9)}).as_object().unwrap().clone(),
                    )),
                    &SessionContext::new("example_01"),
                    &Masking::none(),
                )
                .unwrap();
            let code = explained.decision.fail_closed;
            assert_eq!(code, Some(FailClosed::LimitExceeded));
        }
    }
}

#[tokio::test]
async fn the_arguments_of_a_plan_are_bounded_in_depth_too() {
    for engine in both("allow := true", |builder| builder.max_input_depth(10)) {
        for (levels, code) in [(6, None), (7, Some(FailClosed::LimitExceeded))] {
            let args = json!({"a": nested(levels)}).as_object().unwrap().clone();
            let event = GovernanceEvent::AgentPlan(AgentPlan {
                steps: vec![PlanStep::new("approve_refund", args)],
                ..AgentPlan::default()
            });
            let context = SessionContext::new("example_01");
            let input = PolicyInput::new(&event, &context, BudgetUsage::default());
            let decision = engine.decide(&input).await;
            assert_eq!(decision.err().map(|error| error.code()), code, "{levels}");
        }
    }
}

#[tokio::test]
async fn an_input_nests_127_levels_at_most_whatever_is_asked_for() {
    for depth in [127, 128, usize::MAX] {
        for engine in both("allow := true", |builder| builder.max_input_depth(depth)) {
            let fits = decide(&engine, json!({"a": nested(125)})).await;
            assert!(fits.allowed(), "{:?}", fits.detail);
            is_over(&engine, json!({"a": nested(126)}), "deeper than 127 levels").await;
            let hidden = json!({"a": nested_behind_brackets(126)});
            is_over(&engine, hidden, "deeper than 127 levels").await;
        }
    }
}

#[tokio::test]
async fn too_few_levels_for_any_input_deny_everything() {
    for engine in both("allow := true", |builder| builder.max_input_depth(2)) {
        is_over(&engine, json!({}), "deeper than 2 levels").await;
    }
}

#[tokio::test]
async fn how_many_elements_one_built_in_makes_is_bounded_compiled_and_interpreted() {
    for call in [
        "numbers.range(1, input.args.count)",
        "numbers.range_step(1, input.args.count * 3, 3)",
        "split(input.args.text, \",\")",
        "object.keys(input.args.fields)",
        "array.concat(input.args.list, [])",
        "array.reverse(input.args.list)",
        "object.union(input.args.fields, {})",
        "json.unmarshal(json.marshal(input.args.list))",
        "regex.find_n(\"x\", input.args.text, -1)",
        "sort(input.args.list)",
    ] {
        let rules = format!("allow if count({call}) == input.args.count");
        let args = |count: usize| {
            let fields: Map<String, Value> = (0..count)
                .map(|number| (number.to_string(), json!(0)))
                .collect();
            json!({
                "count": count, "text": vec!["x"; count].join(","), "fields": fields,
                "list": (0..count).collect::<Vec<_>>(),
            })
        };
        for engine in both(&rules, |builder| builder.max_builtin_elements(50)) {
            let fits = decide(&engine, args(50)).await;
            assert!(fits.allowed(), "{call}: {:?}", fits.detail);
            is_over(&engine, args(51), "limit of 50 elements").await;
        }
    }
    let expand = "allow if count(net.cidr_expand(input.args.net)) == 4";
    for engine in both(expand, |builder| builder.max_builtin_elements(4)) {
        let fits = decide(&engine, json!({"net": "10.0.0.0/30"})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
        is_over(&engine, json!({"net": "10.0.0.0/29"}), "of 4 elements").await;
        is_over(&engine, json!({"net": "fd00::/8"}), "of 4 elements").await;
    }
}

#[tokio::test]
async fn how_much_text_one_built_in_makes_is_bounded_compiled_and_interpreted() {
    for call in [
        "concat(\"--\", [input.args.half, substring(input.args.half, 2, -1)])",
        "replace(input.args.half, \"a\", \"bc\")",
        "strings.replace_n({\"a\": \"bc\"}, input.args.half)",
        "regex.replace(input.args.half, \"a\", \"bc\")",
        "sprintf(\"%s%s\", [input.args.half, input.args.half])",
        "upper(input.args.whole)",
        "lower(upper(input.args.whole))",
        "trim_prefix(input.args.whole, \"b\")",
        "json.marshal(substring(input.args.whole, 2, -1))",
        "strings.reverse(input.args.whole)",
        "hex.encode(input.args.half)",
    ] {
        let rules = format!("allow if count({call}) == input.args.count");
        let args = |count: usize| json!({"half": "a".repeat(count / 2), "whole": "a".repeat(count), "count": count});
        for engine in both(&rules, |builder| builder.max_builtin_text(1_000)) {
            let fits = decide(&engine, args(1_000)).await;
            assert!(fits.allowed(), "{call}: {:?}", fits.detail);
            is_over(&engine, args(1_002), "limit of 1000 bytes of text").await;
        }
    }
}

#[tokio::test]
async fn what_lies_in_the_input_is_no_text_that_a_built_in_makes() {
    let rules = "allow if object.get(input.args, \"list\", []) == input.args.list";
    for engine in both(rules, |builder| builder.max_builtin_elements(1)) {
        let fits = decide(&engine, json!({"list": [1, 2, 3]})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
    }
}

#[tokio::test]
async fn one_built_in_makes_a_million_elements_and_64_mib_at_most_whatever_is_asked_for() {
    let most = |builder: EmbeddedBuilder| {
        builder
            .max_builtin_elements(usize::MAX)
            .max_builtin_text(usize::MAX)
            .max_made_bytes(usize::MAX)
    };
    let rules = "allow if count(numbers.range(1, input.args.count)) > 0";
    for engine in both(rules, most) {
        let fits = decide(&engine, json!({"count": 1_000_000})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
        is_over(&engine, json!({"count": 1_000_001}), "of 1000000 elements").await;
    }
    let rules = "allow if count(replace(input.args.text, \"a\", input.args.text)) > 0";
    for engine in both(rules, most) {
        let fits = decide(&engine, json!({"text": "a".repeat(8 * 1024)})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
        let text = "a".repeat(8 * 1024 + 1);
        is_over(
            &engine,
            json!({ "text": text }),
            "of 67108864 bytes of text",
        )
        .await;
    }
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

const INTERSECTED: &str = "allow if {
    large := {x | some x in numbers.range(1, 500)}
    sets := [set | some x in numbers.range(1, input.args.count); set := large & (large | {x})]
    count(sets) == input.args.count
}";

const LISTED: &str = "allow if {
    pairs := [[x, y] | some x in numbers.range(1, input.args.count); some y in numbers.range(1, 100)]
    count(pairs) > 1
}";

const LISTED_CONSTANTS: &str = "allow if {
    ones := [1 | some x in numbers.range(1, input.args.count); some y in numbers.range(1, 100)]
    count(ones) > 1
}";

const MAPPED: &str = "allow if {
    sums := {n: true | some x in numbers.range(1, input.args.count); some y in numbers.range(1, 100); n := (x * 100) + y}
    count(sums) > 1
}";

const MEMBERS_OF_A_RULE: &str = "
    allow if count(pairs) > 1
    pairs contains [x, y] if { some x in numbers.range(1, input.args.count); some y in numbers.range(1, 100) }
";

const ENTRIES_OF_A_RULE: &str = "
    allow if count(sums) > 1
    sums[n] := x if { some x in numbers.range(1, input.args.count); some y in numbers.range(1, 100); n := (x * 100) + y }
";

const KEYS_OF_A_RULE: &str = "
    allow if count(sums) > 1
    sums[n] if { some x in numbers.range(1, input.args.count); some y in numbers.range(1, 100); n := (x * 100) + y }
";

const MEMBERS_IN_A_FUNCTION: &str = "
    allow if count(pairs(input.args.count)) > 1
    pairs(n) := {[x, y] | some x in numbers.range(1, n); some y in numbers.range(1, 100)}
";

#[tokio::test]
async fn members_gathered_in_many_steps_are_bounded_compiled_and_interpreted() {
    for rules in [
        MEMBERS,
        UNITED,
        LESSENED,
        INTERSECTED,
        LISTED,
        LISTED_CONSTANTS,
        MAPPED,
        MEMBERS_OF_A_RULE,
        ENTRIES_OF_A_RULE,
        KEYS_OF_A_RULE,
        MEMBERS_IN_A_FUNCTION,
    ] {
        for engine in both(rules, |builder| builder.max_made_bytes(1024 * 1024)) {
            let small = decide(&engine, json!({"count": 10})).await;
            assert!(small.allowed(), "{rules}: {:?}", small.detail);
            let large = json!({"count": 10_000});
            is_over(&engine, large, "1048576 bytes that one evaluation makes").await;
        }
    }
}

/// A member that lies in the input is counted as a member: what it shares with the input is not made anew.
#[tokio::test]
async fn what_lies_in_the_input_is_not_counted_as_made_where_it_is_gathered() {
    let rules = "allow if count([row | some row in input.args.rows]) == 100";
    for engine in both(rules, |builder| builder.max_made_bytes(48 * 100)) {
        let row: Vec<usize> = (0..1_000).collect();
        let fits = decide(&engine, json!({"rows": vec![row; 100]})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
    }
    for engine in both(rules, |builder| builder.max_made_bytes(48 * 100 - 1)) {
        is_over(&engine, json!({"rows": vec![[1]; 100]}), "bytes").await;
    }
}

/// What is printed is kept until the evaluation ends.
#[tokio::test]
async fn what_is_printed_in_many_steps_is_bounded() {
    let rules = "allow if {
        every x in numbers.range(1, input.args.count) { print(\"looked at\", x, input.args.text, {\"a\": [input.args.text]}, undefined) }
    }
    undefined if input.args.missing";
    let engine = Embedded::builder(policy(rules))
        .evaluation_time(LONG)
        .max_made_bytes(1024 * 1024)
        .build()
        .unwrap();
    let text = "a".repeat(10_000);
    let small = decide(&engine, json!({"count": 10, "text": text})).await;
    assert!(small.allowed(), "{:?}", small.detail);
    is_over(&engine, json!({"count": 100, "text": text}), "bytes").await;
    is_over(&engine, json!({"count": 20_000, "text": "a"}), "bytes").await;
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
