//! What one evaluation may take.

use std::time::{Duration, Instant};

use kitelogik_core::FailClosed;
use kitelogik_opa::Embedded;
use serde_json::{Value, json};

use super::{decide, engine, fault, policy};

const LOOP: &str = "
    allow if {
        some i in numbers.range(1, 10000)
        some j in numbers.range(1, 10000)
        i * j == -1
    }
";

#[tokio::test]
async fn a_rule_that_loops_past_the_limit_is_a_limit_exceeded() {
    let engine = Embedded::builder(policy(LOOP))
        .evaluation_time(Duration::from_millis(20))
        .build()
        .unwrap();
    let begun = Instant::now();
    let decision = decide(&engine, json!({})).await;
    assert_eq!(decision.fail_closed, Some(FailClosed::LimitExceeded));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_loop_is_bounded_outside_of_a_runtime_too() {
    let engine = engine(LOOP);
    let decision = futures_executor(decide(&engine, json!({})));
    assert_eq!(decision.fail_closed, Some(FailClosed::LimitExceeded));
    assert!(decision.detail.unwrap().contains("100ms"));
}

/// Polls a future that needs no runtime.
fn futures_executor<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

#[tokio::test]
async fn a_loop_inside_a_function_is_a_limit_exceeded_too() {
    let rules = "
        allow if forever(1)
        forever(x) if {
            some i in numbers.range(1, 10000)
            some j in numbers.range(1, 10000)
            i * j == x - 2
        }
    ";
    assert_eq!(
        fault(rules, json!({})).await,
        Some(FailClosed::LimitExceeded)
    );
}

#[tokio::test(flavor = "current_thread")]
async fn a_slow_policy_does_not_hold_up_the_runtime() {
    let engine = Embedded::builder(policy(LOOP))
        .evaluation_time(Duration::from_millis(300))
        .build()
        .unwrap();
    let slow = async {
        let begun = Instant::now();
        let decision = decide(&engine, json!({})).await;
        (decision.fail_closed, begun.elapsed())
    };
    let other = async {
        let mut turns = 0_u32;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(150) {
            tokio::task::yield_now().await;
            turns += 1;
        }
        turns
    };
    let ((code, took), turns) = tokio::join!(slow, other);
    assert_eq!(code, Some(FailClosed::LimitExceeded));
    assert!(took >= Duration::from_millis(300));
    assert!(turns > 100, "the only thread had {turns} turns");
}

#[tokio::test]
async fn slow_evaluations_that_nobody_waits_for_end_and_leave_room_for_others() {
    let rules = format!("{LOOP}\nallow if input.args.fast");
    let engine = Embedded::builder(policy(&rules))
        .evaluation_time(Duration::from_millis(50))
        .build()
        .unwrap();
    for _ in 0..16 {
        let dropped = decide(&engine, json!({}));
        let _ = tokio::time::timeout(Duration::from_millis(5), dropped).await;
    }
    let begun = Instant::now();
    loop {
        let decision = decide(&engine, json!({})).await;
        assert_eq!(decision.fail_closed, Some(FailClosed::LimitExceeded));
        if decision.detail.unwrap().contains("took longer") {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "no thread comes free"
        );
    }
}

#[tokio::test]
async fn an_input_over_its_limit_is_a_limit_exceeded_whatever_the_policy_says() {
    let engine = Embedded::builder(policy("allow := true"))
        .max_input_bytes(2048)
        .build()
        .unwrap();
    assert!(
        decide(&engine, json!({"text": "x".repeat(1000)}))
            .await
            .allowed()
    );
    let decision = decide(&engine, json!({"text": "x".repeat(2048)})).await;
    assert_eq!(decision.fail_closed, Some(FailClosed::LimitExceeded));
}

#[tokio::test]
async fn an_input_that_nests_too_deeply_is_a_limit_exceeded() {
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = Value::Array(vec![deep]);
    }
    assert_eq!(
        fault("allow := true", json!({"deep": deep})).await,
        Some(FailClosed::LimitExceeded)
    );
}

#[tokio::test]
async fn a_result_over_its_limit_is_a_limit_exceeded() {
    let engine = Embedded::builder(policy("allow := true\nextra := input.args"))
        .max_result_bytes(512)
        .build()
        .unwrap();
    assert!(
        decide(&engine, json!({"text": "x".repeat(100)}))
            .await
            .allowed()
    );
    let decision = decide(&engine, json!({"text": "x".repeat(512)})).await;
    assert_eq!(decision.fail_closed, Some(FailClosed::LimitExceeded));
}

#[tokio::test]
async fn one_built_in_cannot_take_all_the_memory() {
    let args = json!({
        "n": 20_000_000,
        "wide": "%999999999d",
        "net": "10.0.0.0/8",
        "net6": "fd00::/8",
        "text": "a".repeat(300_000),
    });
    for rule in [
        "count(numbers.range(1, input.args.n)) > 0",
        "count(numbers.range(1 - input.args.n, 1)) > 0",
        "count(numbers.range_step(1, input.args.n, 2)) > 0",
        "count(sprintf(input.args.wide, [1])) > 0",
        "count(net.cidr_expand(input.args.net)) > 0",
        "count(net.cidr_expand(input.args.net6)) > 0",
        "count(replace(input.args.text, \"a\", input.args.text)) > 0",
        "count(replace(input.args.text, \"\", input.args.text)) > 0",
        "count(strings.replace_n({\"a\": input.args.text}, input.args.text)) > 0",
        "count(regex.replace(input.args.text, \"a\", input.args.text)) > 0",
        "count(concat(input.args.text, numbers_as_text)) > 0",
        "bits.lsh(1, input.args.n) > 0",
        "regex.match(\"(a{1000}){1000}\", input.args.text)",
        "units.parse_bytes(\"1e99999999\") > 0",
        "units.parse(\"1E+99999999\") > 0",
    ] {
        let rules = format!(
            "allow if {rule}\nnumbers_as_text := [\"x\" | some _ in numbers.range(1, 1000)]"
        );
        let begun = Instant::now();
        assert_eq!(
            fault(&rules, args.clone()).await,
            Some(FailClosed::LimitExceeded),
            "{rule}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5), "{rule}");
    }
}

#[tokio::test]
async fn bounded_built_ins_work_as_before_within_their_bounds() {
    let rules = r#"
        allow if {
            numbers.range(3, 1) == [3, 2, 1]
            numbers.range_step(1, 7, 3) == [1, 4, 7]
            net.cidr_expand("10.0.0.0/30") == {"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"}
                | {x | some x in []}
        }
        expand contains x if some x in net.cidr_expand("10.0.0.0/30")
        rules contains sprintf("%d%% of %s: %v", [7, "x", [1]])
        rules contains concat("-", ["a", "b"])
        rules contains concat("-", {"d", "c"})
        rules contains replace("a.b", ".", "/")
        rules contains strings.replace_n({"a": "1", "b": "2"}, "ab")
        rules contains sprintf("%v", [bits.lsh(1, 10)])
        rules contains sprintf("%v", [units.parse_bytes("2Ki")])
        rules contains sprintf("%v", [units.parse("1e3")])
    "#;
    let decision = decide(&engine(rules), json!({})).await;
    assert_eq!(decision.fail_closed, None, "{:?}", decision.detail);
    let rules: Vec<_> = decision.rules.iter().map(String::as_str).collect();
    assert_eq!(
        rules,
        [
            "1000",
            "1024",
            "12",
            "2048",
            "7% of x: [1]",
            "a-b",
            "a/b",
            "c-d"
        ]
    );
}

#[tokio::test]
async fn one_built_in_cannot_take_all_the_time() {
    let many = |count: u32| (0..count).collect::<Vec<_>>();
    let texts: Vec<String> = (0..4_000).map(|number| number.to_string()).collect();
    let objects: Vec<Value> = (0..8_000)
        .map(|number| json!({ number.to_string(): 1 }))
        .collect();
    let mut deep = json!(many(60_000));
    for _ in 0..30 {
        deep = json!([deep]);
    }
    let args = json!({
        "many": many(40_000), "half": many(20_000), "texts": texts, "objects": objects, "deep": deep,
        "a": "a".repeat(200_000), "aab": format!("{}b", "a".repeat(1_000)),
        "pairs": texts.iter().map(|text| (text.clone(), json!("x"))).collect::<serde_json::Map<_, _>>(),
    });
    for rule in [
        "object.subset(input.args.many, input.args.half)",
        "object.subset({\"a\": input.args.many}, {\"a\": input.args.half})",
        "count(object.union_n(input.args.objects)) > 0",
        "count(union({{x, y} | some x in input.args.half; y := x + 1})) > 0",
        "product(input.args.many) > 0",
        "strings.any_prefix_match(input.args.texts, input.args.texts)",
        "strings.any_suffix_match(input.args.texts, input.args.texts)",
        "count(indexof_n(input.args.a, input.args.aab)) > 0",
        "count(strings.replace_n(input.args.pairs, input.args.a)) > 0",
        "count([v | walk(input.args.deep, [_, v])]) > 0",
        "count(json.marshal_with_options(input.args.many, {\"indent\": input.args.a})) > 0",
    ] {
        let engine = Embedded::builder(policy(&format!("allow if {rule}")))
            .evaluation_time(Duration::from_secs(20))
            .max_input_bytes(1 << 24)
            .build()
            .unwrap();
        let begun = Instant::now();
        let decision = decide(&engine, args.clone()).await;
        assert_eq!(
            decision.fail_closed,
            Some(FailClosed::LimitExceeded),
            "{rule}: {:?}",
            decision.detail
        );
        assert!(
            decision.detail.unwrap().contains("over the limit"),
            "{rule}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5), "{rule}");
    }
    let rules = "allow if { trim(input.args.cut, input.args.cut) == \"\"; indexof(input.args.a, \"b\") == -1 }";
    let cut: String = ('\u{4e00}'..).take(20_000).collect();
    let begun = Instant::now();
    let engine = Embedded::builder(policy(rules))
        .evaluation_time(Duration::from_secs(20))
        .build()
        .unwrap();
    let args = json!({ "cut": cut, "a": "a".repeat(200_000) });
    assert!(decide(&engine, args).await.allowed());
    assert!(begun.elapsed() < Duration::from_secs(5));
}
