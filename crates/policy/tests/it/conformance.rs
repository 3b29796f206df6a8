//! The tables in `conformance/` that this crate wrote, in the interpreter. `crates/opa` runs all tables on all engines.

use std::path::Path;

use kitelogik_core::PolicyDecision;
use kitelogik_policy::Policy;
use serde_json::{Value, json};

use crate::engine::{compile, decide};

fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let table: Value = yaml_serde::from_str(&text).unwrap();
    table["cases"].as_array().unwrap().clone()
}

fn input(case: &Value) -> Value {
    let mut input = json!({
        "event_type": "tool_call", "action": "approve_refund", "tool_name": "approve_refund",
        "args": {}, "resource_path": null,
        "context": {
            "session_id": "example_01", "user_role": "support_agent",
            "session_scopes": ["read_customer", "approve_refund_under_100"],
            "sandbox_verified": false, "delegation_depth": 0,
        },
    });
    if let Some(event) = case["input"]["event_type"]
        .as_str()
        .filter(|event| *event != "tool_call")
    {
        for (key, value) in [
            ("action", json!(event)),
            ("tool_name", json!(null)),
            ("requested_capabilities", json!([])),
            ("steps", json!([])),
        ] {
            input[key] = value;
        }
    }
    if let Some(action) = case["input"]
        .get("action")
        .filter(|_| !input["tool_name"].is_null())
    {
        input["tool_name"] = action.clone();
    }
    if let Some(given) = case["input"].as_object() {
        for (key, value) in given {
            match (key.as_str(), value) {
                ("context", Value::Object(context)) => {
                    for (key, value) in context {
                        input["context"][key] = value.clone();
                    }
                }
                _ => input[key] = value.clone(),
            }
        }
    }
    input
}

fn policy(case: &Value) -> Policy {
    let mut builder = Policy::builder();
    if case["bundle"] == "alone" {
        builder = builder.without_builtin_bundle();
    }
    let texts = match &case["policy"] {
        Value::Null => Vec::new(),
        Value::Array(texts) => texts.clone(),
        one => vec![one.clone()],
    };
    for (index, text) in texts.iter().enumerate() {
        builder = builder.rego(format!("policy_{index}.rego"), text.as_str().unwrap());
    }
    if let Some(text) = case["rules"].as_str() {
        builder = builder.yaml("rules.yaml", text);
    }
    let data = if case["data"].is_null() {
        json!({})
    } else {
        case["data"].clone()
    };
    builder
        .data(data)
        .build()
        .unwrap_or_else(|error| panic!("{}: {error}", case["note"]))
}

fn check(file: &str) {
    let mut shared = None;
    let mut wrong = Vec::new();
    let cases = cases(file);
    assert!(!cases.is_empty());
    for case in &cases {
        let own = ["policy", "rules", "data"]
            .iter()
            .any(|key| !case[*key].is_null());
        let compiled = match (&shared, own) {
            (Some(compiled), false) => compiled,
            (None, false) => shared.insert(compile(&policy(case))),
            (_, true) => &compile(&policy(case)),
        };
        let got = decide(compiled, &input(case)).map_or_else(
            |_| json!({"verdict": "deny", "risk_tier": "SECURITY_CRITICAL", "fail_closed": "evaluation_error"}),
            |document| match PolicyDecision::from_result(&document, "data.kitelogik.main") {
                Ok(decision) => json!({
                    "verdict": decision.verdict, "reason": decision.reason, "rules": decision.rules,
                    "rule_matched": decision.rule_matched, "risk_tier": decision.risk_tier, "fail_closed": null,
                }),
                Err(_) => json!({"verdict": "deny", "risk_tier": "SECURITY_CRITICAL", "fail_closed": "malformed_decision"}),
            },
        );
        for (key, want) in case["want"].as_object().unwrap() {
            if got[key] != *want {
                wrong.push(format!(
                    "{}: {key} is {}, not {want}",
                    case["note"], got[key]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{file}: {} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn hostile_spellings_are_denied_and_innocent_ones_are_not() {
    check("security.yaml");
}

#[test]
fn each_shape_of_a_result_document_has_its_verdict() {
    check("verdicts.yaml");
}

#[test]
fn agents_keep_within_their_limits() {
    for file in [
        "delegation.yaml",
        "lifecycle.yaml",
        "plan.yaml",
        "budget.yaml",
        "classification.yaml",
    ] {
        check(file);
    }
}

#[test]
fn the_bundle_combines_built_in_and_user_rules() {
    check("bundle.yaml");
}
