//! What one evaluation may make, all together.

use kitelogik_core::FailClosed;
use kitelogik_opa::Embedded;
use serde_json::json;

use super::{LONG, both, decide, is_over, policy};

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
