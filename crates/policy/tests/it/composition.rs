//! What a policy may bring beside the built-in bundle, and instead of it.

use std::path::Path;

use kitelogik_core::{PolicyDecision, Verdict};
use kitelogik_policy::{Policy, PolicyError};
use serde_json::{Value, json};

use crate::engine::{compile, decide};

const USER: &str = "package kitelogik.userpolicy\n\nallow if input.action == \"get_customer\"\n";
const MAIN: &str = "package kitelogik.main\n\nallow := true\n";
const SECURITY: &str = "package kitelogik.security\n\ndefault deny := false\n";

fn verdict(policy: &Policy, input: &Value) -> PolicyDecision {
    let document = decide(&compile(policy), input).unwrap();
    PolicyDecision::from_result(&document, policy.entry_point()).unwrap()
}

fn call(action: &str, resource: Value, amount: f64) -> Value {
    json!({
        "event_type": "tool_call", "action": action, "tool_name": action, "args": {"amount": amount},
        "resource_path": resource, "context": {"session_id": "example_01"},
    })
}

#[test]
fn a_main_without_a_security_is_an_error_that_says_how_to_ask_for_it() {
    let error = Policy::builder()
        .rego("mine.rego", MAIN)
        .build()
        .unwrap_err();
    assert!(matches!(error, PolicyError::BuiltinPackage { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with("mine.rego declares rules in `kitelogik.main`"),
        "{text}"
    );
    assert!(text.contains("without_builtin_bundle()"), "{text}");
}

#[test]
fn a_security_without_a_main_is_an_error_that_says_how_to_ask_for_it() {
    let error = Policy::builder()
        .rego("mine.rego", SECURITY)
        .build()
        .unwrap_err();
    assert!(
        error.to_string().contains("without_builtin_security()"),
        "{error}"
    );
}

#[test]
fn a_main_and_a_security_stand_alone() {
    let policy = Policy::builder()
        .rego("a.rego", MAIN)
        .rego("b.rego", SECURITY)
        .build()
        .unwrap();
    assert!(policy.modules().iter().all(|module| !module.is_builtin()));
    assert!(policy.limits().is_none());
    assert_eq!(policy.warnings().len(), 1);
}

#[test]
fn rules_reach_a_built_in_package_by_no_other_way() {
    for text in [
        "package kitelogik\n\nmain.allow := true\n",
        "package kitelogik.main.deny\n\nx := 1\n",
        "package kitelogik[\"main\"]\n\nallow := true\n",
        "package kitelogik\n\nsecurity[\"deny\"] := false\n",
        "package kitelogik.limits.security\n\nsystem_paths := []\n",
        "package kitelogik.lookalikes\n\nx := \"\"\n",
        "package kitelogik.delegation\n\ndefault deny := false\n",
    ] {
        let result = Policy::builder()
            .rego("sly.rego", text)
            .rego("user.rego", USER)
            .build();
        assert!(
            matches!(result, Err(PolicyError::BuiltinPackage { .. })),
            "{text}"
        );
    }
}

#[test]
fn the_bundle_is_left_out_when_asked() {
    let policy = Policy::builder()
        .rego("mine.rego", MAIN)
        .without_builtin_bundle()
        .build()
        .unwrap();
    assert_eq!(policy.modules().len(), 1);
    assert_eq!(policy.data(), &json!({}));
}

#[test]
fn security_is_left_out_or_replaced_when_asked() {
    let policy = Policy::builder()
        .rego("u.rego", USER)
        .without_builtin_security()
        .build()
        .unwrap();
    assert_eq!(
        verdict(&policy, &call("get_customer", json!(".env"), 1.0)).verdict,
        Verdict::Allow
    );
    let own = "package kitelogik.security\n\ndeny := true\n";
    let policy = Policy::builder()
        .rego("u.rego", USER)
        .rego("s.rego", own)
        .without_builtin_security()
        .build()
        .unwrap();
    assert_eq!(
        verdict(&policy, &call("get_customer", json!(null), 1.0)).verdict,
        Verdict::Deny
    );
}

#[test]
fn a_bundle_in_the_python_packages_style_runs_as_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python_style");
    let policy = Policy::load(folder).unwrap();
    assert_eq!(policy.modules().len(), 3);

    let small = verdict(&policy, &call("approve_refund", json!(null), 42.0));
    assert_eq!(small.verdict, Verdict::Allow);
    let large = verdict(&policy, &call("approve_refund", json!(null), 5000.0));
    assert_eq!(large.verdict, Verdict::Deny);
    assert_eq!(large.reason, "Refunds over $200 require manager approval");
    let hosts = verdict(&policy, &call("get_customer", json!("/etc/hosts"), 1.0));
    assert_eq!(hosts.reason, "Hard blocked by security policy");
    assert_eq!(hosts.risk_tier.to_string(), "SECURITY_CRITICAL");
    let unknown = verdict(&policy, &call("launch_rocket", json!(null), 1.0));
    assert_eq!(unknown.verdict, Verdict::RequireApproval);
}

#[test]
fn an_entry_point_that_does_not_exist_is_an_error_that_names_what_does() {
    let error = Policy::builder()
        .rego("u.rego", USER)
        .entry_point("data.acme.main")
        .build()
        .unwrap_err();
    assert!(matches!(error, PolicyError::EntryPoint { .. }));
    assert!(
        error.to_string().contains("`data.kitelogik.main`"),
        "{error}"
    );
    let error = Policy::builder()
        .rego("u.rego", USER)
        .without_builtin_bundle()
        .build()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`data.kitelogik.main` does not exist"),
        "{error}"
    );
}

#[test]
fn an_entry_point_may_be_a_package_or_a_rule() {
    let text = "package acme.main\n\ndecision := {\"allow\": true}\n";
    for path in ["data.acme", "data.acme.main", "data.acme.main.decision"] {
        let policy = Policy::builder()
            .rego("m.rego", text)
            .entry_point(path)
            .build()
            .unwrap();
        assert_eq!(policy.entry_point(), path);
    }
}

#[test]
fn a_builder_without_anything_is_no_policy() {
    assert!(matches!(
        Policy::builder().build(),
        Err(PolicyError::NoPolicy { .. })
    ));
}

#[test]
fn the_built_in_bundle_alone_allows_nothing() {
    let policy = Policy::builtin().unwrap();
    assert_eq!(
        verdict(&policy, &call("get_customer", json!(null), 1.0)).verdict,
        Verdict::Refuse
    );
    assert!(
        policy
            .warnings()
            .iter()
            .any(|warning| warning.contains("nothing will be allowed"))
    );
}

#[test]
fn the_revision_follows_the_content_and_not_the_order() {
    let build = |texts: &[(&str, &str)]| {
        texts
            .iter()
            .fold(Policy::builder(), |builder, (name, text)| {
                builder.rego(*name, *text)
            })
            .build()
            .unwrap()
            .revision()
            .to_owned()
    };
    let other = "package acme\n\nx := 1\n";
    let one = build(&[("a.rego", USER), ("b.rego", other)]);
    assert_eq!(one.len(), 64);
    assert_eq!(one, build(&[("b.rego", other), ("a.rego", USER)]));
    assert_ne!(one, build(&[("a.rego", USER)]));
    assert_ne!(
        one,
        build(&[("a.rego", USER), ("b.rego", "package acme\n\nx := 2\n")])
    );
}
