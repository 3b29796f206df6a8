//! The embedded engine: each fault as it really happens, its limits, and where it must not be
//! looser than OPA.

use std::time::{Duration, Instant};

use kitelogik_core::{
    BudgetUsage, FailClosed, GovernanceEvent, PolicyDecision, PolicyEngine, PolicyInput, RiskTier,
    SessionContext, ToolCallInput, Verdict,
};
use kitelogik_opa::{Embedded, EmbeddedError};
use kitelogik_policy::Policy;
use serde_json::{Value, json};

fn policy(rules: &str) -> Policy {
    Policy::builder()
        .without_builtin_bundle()
        .rego("main.rego", format!("package kitelogik.main\n{rules}"))
        .build()
        .unwrap()
}

fn engine(rules: &str) -> Embedded {
    Embedded::new(policy(rules)).unwrap()
}

fn call(args: Value) -> GovernanceEvent {
    let Value::Object(args) = args else {
        panic!("arguments are an object");
    };
    GovernanceEvent::ToolCall(ToolCallInput::new("approve_refund", args))
}

/// What the gate makes of the engine's answer.
async fn decide(engine: &Embedded, args: Value) -> PolicyDecision {
    let event = call(args);
    let context = SessionContext::new("example_01").role("support_agent");
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    engine
        .decide(&input)
        .await
        .unwrap_or_else(|error| PolicyDecision::fail_closed(&error))
}

async fn fault(rules: &str, args: Value) -> Option<FailClosed> {
    let decision = decide(&engine(rules), args).await;
    if let Some(code) = decision.fail_closed {
        assert!(decision.denied(), "{code}");
        assert_eq!(decision.risk_tier, RiskTier::SecurityCritical);
    }
    decision.fail_closed
}

const LOOP: &str = "
    allow if {
        some i in numbers.range(1, 10000)
        some j in numbers.range(1, 10000)
        i * j == -1
    }
";

#[tokio::test]
async fn the_policy_decides_and_its_revision_is_in_the_decision() {
    let policy = policy(
        r#"
        allow if input.args.amount <= 100
        deny contains "Refunds over $200 require manager approval" if input.args.amount > 200
        "#,
    );
    let revision = policy.revision().to_owned();
    let engine = Embedded::new(policy).unwrap();
    for (amount, verdict) in [
        (42, Verdict::Allow),
        (150, Verdict::Refuse),
        (5000, Verdict::Deny),
    ] {
        let decision = decide(&engine, json!({"amount": amount})).await;
        assert_eq!(decision.verdict, verdict);
        assert_eq!(decision.fail_closed, None);
        assert_eq!(decision.revision.as_deref(), Some(revision.as_str()));
    }
    assert_eq!(engine.revision().as_deref(), Some(revision.as_str()));
}

#[tokio::test]
async fn a_package_whose_rules_are_all_silent_refuses() {
    let decision = decide(&engine("allow if input.action == \"other\""), json!({})).await;
    assert_eq!(decision.verdict, Verdict::Refuse);
    assert_eq!(decision.fail_closed, None);
    assert_eq!(decision.rule_matched, None);
}

#[tokio::test]
async fn an_entry_point_that_is_undefined_for_the_input_is_an_undefined_decision() {
    let policy = Policy::builder()
        .without_builtin_bundle()
        .rego(
            "team.rego",
            "package team\ndecision := {\"allow\": true} if input.args.ok",
        )
        .entry_point("data.team.decision")
        .build()
        .unwrap();
    let engine = Embedded::new(policy).unwrap();
    assert!(decide(&engine, json!({"ok": true})).await.allowed());
    let decision = decide(&engine, json!({"ok": false})).await;
    assert_eq!(decision.fail_closed, Some(FailClosed::UndefinedDecision));
    let error = engine.health().await.unwrap_err();
    assert_eq!(error.code(), FailClosed::UndefinedDecision);
}

#[tokio::test]
async fn rules_that_conflict_are_an_evaluation_error() {
    let rules = "allow := true if input.args.a\nallow := false if input.args.b";
    assert_eq!(fault(rules, json!({"a": 1})).await, None);
    assert_eq!(
        fault(rules, json!({"a": 1, "b": 1})).await,
        Some(FailClosed::EvaluationError)
    );
}

#[tokio::test]
async fn a_built_in_error_is_an_evaluation_error_and_never_a_rule_that_does_not_fire() {
    for rules in [
        "allow := true\ndeny contains \"x\" if to_number(input.args.n) > 3",
        "allow := true\ndeny contains \"x\" if { n := to_number(input.args.n); n > 3 }",
        "allow := true\ndeny contains \"x\" if big(input.args.n)\nbig(n) if to_number(n) > 3",
        "allow if not to_number(input.args.n) > 3",
        "allow := true\ndeny contains \"x\" if count([n | n := to_number(input.args.n)]) == 1",
    ] {
        assert_eq!(
            fault(rules, json!({"n": "many"})).await,
            Some(FailClosed::EvaluationError),
            "{rules}"
        );
        assert_eq!(fault(rules, json!({"n": "1"})).await, None, "{rules}");
    }
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_a_malformed_decision() {
    for rules in [
        "allow := \"yes\"",
        "allow := 1",
        "allow := true\nrisk_tier := \"LOW\"",
        "allow := true\nrules contains 7",
        "allow := true\ndeny := null",
        "allow := true\ndeny := [[\"nested\"]]",
        "allow := true\nextra := {1: \"a\", \"1\": \"b\"}",
    ] {
        assert_eq!(
            fault(rules, json!({})).await,
            Some(FailClosed::MalformedDecision),
            "{rules}"
        );
    }
}

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
async fn a_width_in_digits_of_another_script_is_an_error_and_no_panic() {
    assert_eq!(
        fault("allow if sprintf(\"%१d\", [1]) != \"\"", json!({})).await,
        Some(FailClosed::EvaluationError)
    );
}

#[tokio::test]
async fn regular_expressions_take_their_classes_as_ascii() {
    let matches = |pattern: &str, text: &str, wanted: bool| {
        let rules = format!("allow if regex.match({}, input.args.text)", json!(pattern));
        let (pattern, args) = (pattern.to_owned(), json!({ "text": text }));
        async move {
            let decision = decide(&engine(&rules), args.clone()).await;
            assert_eq!(
                decision.fail_closed, None,
                "{pattern}: {:?}",
                decision.detail
            );
            assert_eq!(decision.allowed(), wanted, "{pattern} on {args}");
        }
    };
    matches(r"^\d+$", "123", true).await;
    matches(r"^\d+$", "١٢٣", false).await;
    matches(r"^\D+$", "١٢٣", true).await;
    matches(r"^\w+$", "straße", false).await;
    matches(r"^\W$", "ß", true).await;
    matches(r"^\s$", "\u{a0}", false).await;
    matches(r"^\s$", "\u{b}", false).await;
    matches(r"^\S$", "\u{2003}", true).await;
    matches(r"^[\d.]+$", "1.2", true).await;
    matches(r"^[\d.]+$", "١.٢", false).await;
    matches(r"^[^\d]+$", "١", true).await;
    matches(r"straß\b", "straße", true).await;
    matches(r"stra\Bß", "straße", false).await;
    matches(r"^straße\x{2028}?$", "straße", true).await;
    matches(r"(?i)^STRASSE$", "strasse", true).await;
    matches(r"^\p{Greek}+$", "αβγ", true).await;
    matches(r"(?s)^a.b$", "a\nb", true).await;
    matches(r"^a.b$", "a\nb", false).await;
}

#[tokio::test]
async fn what_only_one_of_the_engines_reads_is_an_error() {
    for pattern in [
        "[a-z&&[^aeiou]]",
        "[[a]b]",
        "[a-z--b]",
        r"\u0041",
        "(?x) a b",
        r"\b{start}a",
        r"\<a",
        "a**",
        "a{1001}",
        "(",
        r"\Qa\E",
    ] {
        let rules = format!("allow if not regex.match({}, \"zzz\")", json!(pattern));
        assert_eq!(
            fault(&rules, json!({})).await,
            Some(FailClosed::EvaluationError),
            "{pattern}"
        );
    }
    let rules = "allow if not regex.replace(\"a\", \"(\", \"b\")";
    assert_eq!(
        fault(rules, json!({})).await,
        Some(FailClosed::EvaluationError)
    );
}

#[tokio::test]
async fn the_other_regex_built_ins_give_what_opa_gives() {
    let table = [
        (r#"regex.split(`,`, "a,b,,c")"#, json!(["a", "b", "", "c"])),
        (r#"regex.split(``, "abc")"#, json!(["a", "b", "c"])),
        (r#"regex.split(`,`, "")"#, json!([""])),
        (
            r#"regex.find_n(`[a-z]+`, "ab 1 cd", -1)"#,
            json!(["ab", "cd"]),
        ),
        (r#"regex.find_n(`[a-z]+`, "ab 1 cd", 1)"#, json!(["ab"])),
        (
            r#"regex.find_all_string_submatch_n(`a(x*)b(y)?`, "-axxb-ab-", -1)"#,
            json!([["axxb", "xx", ""], ["ab", "", ""]]),
        ),
        (
            r#"regex.replace("foo bar", `(\w+) (\w+)`, "$2 ${1}!")"#,
            json!("bar foo!"),
        ),
        (r#"regex.is_valid(`[a`)"#, json!(false)),
        (r#"regex.is_valid(`[a]\d`)"#, json!(true)),
        (
            r#"regex.template_match("urn:foo:{.*}", "urn:foo:bar:baz", "{", "}")"#,
            json!(true),
        ),
        (
            r#"regex.template_match("urn:{[0-9]+}.x", "urn:12ax", "{", "}")"#,
            json!(false),
        ),
        (
            r#"regex.template_match("a{b|c}d", "ab", "{", "}")"#,
            json!(false),
        ),
    ];
    for (expression, wanted) in table {
        let rules = format!("allow if {expression} == {wanted}");
        let decision = decide(&engine(&rules), json!({})).await;
        assert!(decision.allowed(), "{expression}: {:?}", decision.detail);
    }
}

#[tokio::test]
async fn letters_change_case_one_by_one() {
    for (expression, wanted) in [
        ("upper(\"straße\")", "STRAßE"),
        ("lower(\"ΟΔΟΣ\")", "οδοσ"),
        ("lower(\"İ\")", "i"),
        ("upper(\"ᾳ\")", "ᾼ"),
        ("upper(\"éa\")", "ÉA"),
    ] {
        let rules = format!("allow if {expression} == {}", json!(wanted));
        let decision = decide(&engine(&rules), json!({})).await;
        assert!(decision.allowed(), "{expression}: {:?}", decision.detail);
    }
}

#[test]
fn a_function_that_calls_itself_is_refused() {
    for rules in [
        "allow if f(1)\nf(x) := f(x + 1)",
        "allow if f(1)\nf(x) := y if { y := g(x) }\ng(x) := y if { y := f(x) }",
        "allow if f(1)\nf(x) if { count([y | y := data.kitelogik.main.f(x)]) > 0 }",
    ] {
        let error = Embedded::new(policy(rules)).unwrap_err();
        assert!(
            matches!(error, EmbeddedError::Recursion(_)),
            "{rules}: {error}"
        );
    }
    let two = Policy::builder()
        .without_builtin_bundle()
        .rego(
            "a.rego",
            "package kitelogik.main\nimport data.team\nallow if f(1)\nf(x) := team.f(x)",
        )
        .rego(
            "b.rego",
            "package team\nimport data.kitelogik.main as m\nf(x) := m.f(x)",
        )
        .build()
        .unwrap();
    let error = Embedded::new(two).unwrap_err();
    assert!(matches!(error, EmbeddedError::Recursion(_)), "{error}");
    let message = error.to_string();
    assert!(
        message.starts_with("a.rego:4:1: the function `kitelogik.main.f` calls itself"),
        "{message}"
    );

    engine("allow if f(1)\nf(x) if g(x)\ng(x) if h(x)\nh(x) if x > 0");
}

#[test]
fn what_opa_reads_otherwise_is_refused_with_its_place_and_what_to_write_instead() {
    for (rules, wanted) in [
        (
            "allow if not input.args.tags[_] == \"x\"",
            "main.rego:2:30: `_` under `not` has no value; write `every x in … { not … }`",
        ),
        (
            "allow if not input.args.tags[i]",
            "main.rego:2:30: `i` under `not` has no value; give it one outside of the `not`",
        ),
        (
            "allow if { some x; not input.args[x] }",
            "main.rego:2:35: `x`",
        ),
        (
            "allow if count({t | not t in input.args}) > 0",
            "main.rego:2:25: `t`",
        ),
        (
            "allow if not input.args.a with input.args.a as b",
            "main.rego:2:48: `b`",
        ),
        (
            "allow if { [_, v] := walk(input.args); v }",
            "main.rego:2:22: `walk` must",
        ),
        ("allow if yaml.unmarshal(\"a\")", "use `json.unmarshal`"),
        (
            "allow if f(1) with f as g\nf(x) := x\ng(x) := x",
            "main.rego:2:20: `with`",
        ),
        (
            "allow if f(1) with data.kitelogik.main.f as 2\nf(x) := x",
            "`with` cannot replace the function `data.kitelogik.main.f`",
        ),
    ] {
        let error = Embedded::new(policy(rules)).unwrap_err().to_string();
        assert!(error.contains(wanted), "{rules}: {error}");
    }
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

#[tokio::test]
async fn rules_that_depend_on_themselves_are_an_evaluation_error() {
    assert_eq!(
        fault("allow if other\nother if allow", json!({})).await,
        Some(FailClosed::EvaluationError)
    );
}

#[tokio::test]
async fn print_is_no_output_of_the_process_and_no_error() {
    let decision = decide(
        &engine("allow if { print(\"hello\", input.args); true }"),
        json!({}),
    )
    .await;
    assert!(decision.allowed());
}

#[tokio::test]
async fn an_engine_that_can_decide_is_healthy() {
    engine("allow if input.args.amount < 3")
        .health()
        .await
        .unwrap();
    let builtin = Embedded::new(Policy::builtin().unwrap()).unwrap();
    builtin.health().await.unwrap();
    let broken = engine("allow if to_number(input.action) > 3");
    let error = broken.health().await.unwrap_err();
    assert_eq!(error.code(), FailClosed::EvaluationError);
    assert!(
        error.detail().starts_with("main.rego:2:"),
        "{}",
        error.detail()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_of_many_sessions_do_not_mix() {
    let engine = engine("allow if input.args.number == to_number(input.args.text)");
    let mut tasks = Vec::new();
    for task in 0..8_u32 {
        let engine = engine.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..50_u32 {
                let same = number % 2 == 0;
                let text = if same { number } else { task + 1000 };
                let args = json!({"number": number, "text": text.to_string()});
                assert_eq!(decide(&engine, args).await.allowed(), same);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn a_policy_that_does_not_exist_is_no_engine() {
    let error = Embedded::load("/there/is/no/such/policy").unwrap_err();
    assert!(matches!(error, EmbeddedError::Policy(_)));
}
