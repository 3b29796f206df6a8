//! Data: merged without guessing, and never a way to grant something.

use kitelogik_policy::{Policy, PolicyError};
use serde_json::{Value, json};

const USER: &str = "package kitelogik.userpolicy\n\nallow if input.action == \"get_customer\"\n";

fn with(data: Value) -> Result<Policy, PolicyError> {
    Policy::builder().rego("user.rego", USER).data(data).build()
}

fn security(data: Value) -> Result<Policy, PolicyError> {
    with(json!({"kitelogik": {"limits": {"security": data}}}))
}

#[test]
fn a_list_is_extended_and_never_shortened() {
    let defaults = Policy::builtin()
        .unwrap()
        .limits()
        .unwrap()
        .security
        .clone();
    let policy = security(
        json!({"blocked_hosts": ["Payroll.Example.com", "*.corp.example."], "sensitive_names": []}),
    )
    .unwrap();
    let limits = &policy.limits().unwrap().security;
    assert!(limits.blocked_hosts.starts_with(&defaults.blocked_hosts));
    assert!(limits.blocked_hosts.ends_with(&[
        ".payroll.example.com".to_owned(),
        ".corp.example".to_owned()
    ]));
    assert_eq!(limits.sensitive_names, defaults.sensitive_names);
    assert_eq!(
        policy.data()["kitelogik"]["limits"]["security"]["blocked_hosts"],
        json!(limits.blocked_hosts)
    );
}

#[test]
fn several_documents_extend_one_list() {
    let policy = Policy::builder()
        .rego("user.rego", USER)
        .data_yaml("kitelogik: {limits: {security: {blocked_schemes: [ssh]}}}")
        .data_json(r#"{"kitelogik": {"limits": {"security": {"blocked_schemes": ["telnet://"]}}}}"#)
        .build()
        .unwrap();
    let schemes = &policy.limits().unwrap().security.blocked_schemes;
    assert!(schemes.contains(&"ssh".to_owned()) && schemes.contains(&"telnet".to_owned()));
}

#[test]
fn a_number_stays_within_its_bounds() {
    assert_eq!(
        security(json!({"max_resource_length": 1000}))
            .unwrap()
            .limits()
            .unwrap()
            .security
            .max_resource_length,
        1000
    );
    for wrong in [
        json!(0),
        json!(1_000_000),
        json!(-1),
        json!(1000.5),
        json!("1000"),
        json!(null),
    ] {
        let error = security(json!({"max_resource_length": wrong}))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(
                "`data.kitelogik.limits.security.max_resource_length` must be a whole number"
            ),
            "{error}"
        );
    }
}

#[test]
fn a_limit_that_is_unknown_or_mistyped_is_an_error_that_names_its_path() {
    for (data, path) in [
        (
            json!({"blocked_host": []}),
            "data.kitelogik.limits.security.blocked_host",
        ),
        (
            json!({"blocked_hosts": "x.example"}),
            "data.kitelogik.limits.security.blocked_hosts",
        ),
        (
            json!({"blocked_hosts": ["x.example", 7]}),
            "data.kitelogik.limits.security.blocked_hosts[1]",
        ),
        (
            json!({"blocked_hosts": ["http://x.example/"]}),
            "data.kitelogik.limits.security.blocked_hosts[0]",
        ),
        (
            json!({"blocked_hosts": ["10.0.0.1"]}),
            "data.kitelogik.limits.security.blocked_hosts[0]",
        ),
        (
            json!({"blocked_hosts": [""]}),
            "data.kitelogik.limits.security.blocked_hosts[0]",
        ),
        (
            json!({"blocked_cidrs": ["10.0.0.0"]}),
            "data.kitelogik.limits.security.blocked_cidrs[0]",
        ),
        (
            json!({"blocked_cidrs": ["10.0.0.0/33"]}),
            "data.kitelogik.limits.security.blocked_cidrs[0]",
        ),
        (
            json!({"system_paths": ["srv"]}),
            "data.kitelogik.limits.security.system_paths[0]",
        ),
        (
            json!({"protected_paths": ["/"]}),
            "data.kitelogik.limits.security.protected_paths[0]",
        ),
        (
            json!({"sensitive_names": ["a.b"]}),
            "data.kitelogik.limits.security.sensitive_names[0]",
        ),
        (
            json!({"execution_actions": [" "]}),
            "data.kitelogik.limits.security.execution_actions[0]",
        ),
    ] {
        let error = security(data).unwrap_err();
        assert!(matches!(error, PolicyError::Limit { .. }), "{error}");
        assert!(error.to_string().contains(&format!("`{path}`")), "{error}");
    }
    for data in [
        json!({"kitelogik": {"limits": {"secrity": {}}}}),
        json!({"kitelogik": {"limits": []}}),
    ] {
        assert!(matches!(with(data), Err(PolicyError::Limit { .. })));
    }
}

#[test]
fn the_agents_limits_are_set_within_their_bounds() {
    let limits = with(json!({"kitelogik": {"limits": {
        "agent_budget": {"stop_at_percent": 80},
        "agent_lifecycle": {"max_spawn_depth": 0, "max_delegate_depth": 64},
        "agent_plan": {"max_steps": 200, "blocked_tools": ["Send_Money"]},
        "data_classification": {"confidential_max_depth": 1, "restricted_scope": "secrets"},
        "delegation": {"max_depth": 1, "children": {"send_email": {"blocked_from_depth": 1}}},
    }}}))
    .unwrap()
    .limits()
    .unwrap()
    .clone();
    assert_eq!(limits.agent_budget.stop_at_percent, 80);
    assert_eq!(limits.agent_lifecycle.max_spawn_depth, 0);
    assert_eq!(limits.agent_lifecycle.max_delegate_depth, 64);
    assert_eq!(limits.agent_plan.max_steps, 200);
    assert!(
        limits
            .agent_plan
            .blocked_tools
            .contains(&"send_money".to_owned())
    );
    assert!(
        limits
            .agent_plan
            .blocked_tools
            .contains(&"delete_all".to_owned())
    );
    assert_eq!(limits.data_classification.restricted_scope, "secrets");
    assert_eq!(limits.delegation.max_depth, 1);
    assert_eq!(
        limits.delegation.children["send_email"].blocked_from_depth,
        Some(1)
    );
}

#[test]
fn a_childs_limits_are_laid_over_the_default_ones() {
    let policy = with(json!({"kitelogik": {"limits": {"delegation": {"children": {
        "approve_refund": {"max": {"amount": 80.5, "fee": 1}},
    }}}}}))
    .unwrap();
    let child = &policy.limits().unwrap().delegation.children["approve_refund"];
    assert_eq!(child.blocked_from_depth, Some(2));
    assert_eq!(
        policy.data()["kitelogik"]["limits"]["delegation"]["children"]["approve_refund"],
        json!({"blocked_from_depth": 2, "max": {"amount": 80.5, "fee": 1}})
    );
}

#[test]
fn an_agents_limit_that_is_unknown_or_out_of_bounds_is_an_error_that_names_its_path() {
    for (section, data, path) in [
        (
            "agent_budget",
            json!({"stop_at_percent": 0}),
            "stop_at_percent",
        ),
        (
            "agent_budget",
            json!({"stop_at_percent": 101}),
            "stop_at_percent",
        ),
        ("agent_budget", json!({"percent": 90}), "percent"),
        (
            "agent_lifecycle",
            json!({"max_spawn_depth": -1}),
            "max_spawn_depth",
        ),
        (
            "agent_lifecycle",
            json!({"max_delegate_depth": null}),
            "max_delegate_depth",
        ),
        ("agent_lifecycle", json!({"max_depth": 1}), "max_depth"),
        ("agent_plan", json!({"max_steps": 0}), "max_steps"),
        ("agent_plan", json!({"max_steps": "50"}), "max_steps"),
        ("agent_plan", json!({"blocked_tools": "x"}), "blocked_tools"),
        (
            "agent_plan",
            json!({"blocked_tools": [""]}),
            "blocked_tools[0]",
        ),
        (
            "data_classification",
            json!({"restricted_scope": ""}),
            "restricted_scope",
        ),
        (
            "data_classification",
            json!({"confidential_max_depth": 0.5}),
            "confidential_max_depth",
        ),
        ("delegation", json!({"max_depth": true}), "max_depth"),
        ("delegation", json!({"children": []}), "children"),
        ("delegation", json!({"children": {"x": {}}}), "children.x"),
        (
            "delegation",
            json!({"children": {"x": {"blocked_from_depth": 0}}}),
            "children.x.blocked_from_depth",
        ),
        (
            "delegation",
            json!({"children": {"x": {"max": {"amount": -1}}}}),
            "children.x.max.amount",
        ),
        (
            "delegation",
            json!({"children": {"x": {"max": {"amount": "5"}}}}),
            "children.x.max.amount",
        ),
        (
            "delegation",
            json!({"children": {"x": {"min": {"amount": 5}}}}),
            "children.x.min",
        ),
    ] {
        let error = with(json!({"kitelogik": {"limits": {section: data}}})).unwrap_err();
        assert!(matches!(error, PolicyError::Limit { .. }), "{error}");
        let full = format!("`data.kitelogik.limits.{section}.{path}`");
        assert!(error.to_string().contains(&full), "{error}");
    }
}

#[test]
fn data_can_grant_nothing() {
    for data in [
        json!({"kitelogik": {"userpolicy": {"allow": true}}}),
        json!({"kitelogik": {"main": {"allow": true}}}),
        json!({"kitelogik": {"security": {"deny": []}}}),
        json!({"kitelogik": {"lookalikes": {}}}),
        json!({"kitelogik": true}),
    ] {
        let error = with(data).unwrap_err();
        assert!(
            error.to_string().contains("data must grant nothing"),
            "{error}"
        );
    }
}

#[test]
fn data_at_the_path_of_a_rule_is_a_conflict() {
    for data in [json!({"acme": {"vip": true}}), json!({"acme": 1})] {
        let error = Policy::builder()
            .rego("user.rego", USER)
            .rego("acme.rego", "package acme\n\nvip if input.args.vip\n")
            .data(data)
            .build()
            .unwrap_err();
        assert!(matches!(error, PolicyError::Conflict { .. }), "{error}");
    }
}

#[test]
fn data_of_a_bundle_that_stands_alone_grants_nothing_either() {
    let error = Policy::builder()
        .rego(
            "main.rego",
            "package kitelogik.main\n\nallow if data.kitelogik.userpolicy.allow\n",
        )
        .without_builtin_bundle()
        .data(json!({"kitelogik": {"userpolicy": {"allow": true}}}))
        .build()
        .unwrap_err();
    assert!(
        error.to_string().contains("data must grant nothing"),
        "{error}"
    );
}

#[test]
fn documents_that_disagree_are_a_conflict_that_names_both() {
    let error = Policy::builder()
        .rego("user.rego", USER)
        .data(json!({"refunds": {"limit": 100}}))
        .data(json!({"refunds": {"limit": 200}}))
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`data.refunds.limit` is given by data document 1 and by data document 2: remove it from one of them"
    );
}

#[test]
fn a_duplicate_key_is_an_error_at_every_depth() {
    for text in [r#"{"a": 1, "a": 2}"#, r#"{"x": {"y": [{"a": 1, "a": 1}]}}"#] {
        let error = Policy::builder()
            .rego("u.rego", USER)
            .data_json(text)
            .build()
            .unwrap_err();
        assert!(error.to_string().contains("`a` is given twice"), "{error}");
        let error = Policy::builder()
            .rego("u.rego", USER)
            .data_yaml(text)
            .build()
            .unwrap_err();
        assert!(matches!(error, PolicyError::Data { .. }), "{error}");
    }
}

#[test]
fn data_is_an_object_of_what_json_can_hold() {
    for text in [
        "[1]",
        "1",
        "a: .nan",
        "a: .inf",
        "a: 1\n---\nb: 2",
        "a: [",
        "? [1]\n: 2",
    ] {
        let result = Policy::builder()
            .rego("u.rego", USER)
            .data_yaml(text)
            .build();
        assert!(matches!(result, Err(PolicyError::Data { .. })), "{text}");
    }
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100), "]".repeat(100));
    assert!(matches!(
        Policy::builder()
            .rego("u.rego", USER)
            .data_json(deep)
            .build(),
        Err(PolicyError::Data { .. })
    ));
}
