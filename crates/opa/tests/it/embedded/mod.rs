//! The embedded engine: each fault as it really happens, its limits, and where it must not be
//! looser than OPA.

mod built_ins;
mod limits;

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
