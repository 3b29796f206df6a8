//! Which rules came and went between two versions of a policy.

use kitelogik_policy::rules::Then;
use kitelogik_policy::{Policy, RuleChanges};

fn rego(text: &str) -> Policy {
    let module = format!("package kitelogik.userpolicy\n\n{text}");
    Policy::builder().rego("user.rego", module).build().unwrap()
}

fn between(old: &str, new: &str) -> RuleChanges {
    RuleChanges::between(&rego(old), &rego(new))
}

#[test]
fn a_rule_that_moved_or_was_laid_out_anew_neither_came_nor_went() {
    let changes = between(
        "allow if input.action == \"a\"\n\ndeny contains \"no\" if input.args.amount > 1",
        "deny contains \"no\" if {\n\tinput.args.amount > 1\n}\n\nallow if input.action == \"a\"",
    );
    assert_eq!(changes.to_string(), "~deny `no`");
    assert!(changes.came.is_empty() && changes.went.is_empty());
    let moved = Policy::builder()
        .rego(
            "other.rego",
            "package kitelogik.userpolicy\n\n\nallow if   input.action == \"a\"",
        )
        .build()
        .unwrap();
    assert!(RuleChanges::between(&rego("allow if input.action == \"a\""), &moved).is_empty());
}

#[test]
fn a_reason_is_the_name_wherever_it_is_written() {
    let rules = rego(
        r#"
deny contains "constant" if input.action == "a"
deny contains msg if { input.action == "b"; msg := "assigned" }
deny contains msg if { input.action == "c"; msg := sprintf("format %v", [input.action]) }
deny contains sprintf("direct %v", [input.action]) if input.action == "d"
deny["old style"] if input.action == "e"
hitl contains "look" if input.action == "f"
"#,
    )
    .decision_rules();
    let names: Vec<(Then, &str)> = rules
        .iter()
        .filter(|rule| rule.file == "user.rego")
        .map(|rule| (rule.kind, rule.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (Then::Deny, "constant"),
            (Then::Deny, "assigned"),
            (Then::Deny, "format %v"),
            (Then::Deny, "direct %v"),
            (Then::Deny, "old style"),
            (Then::Hitl, "look"),
        ]
    );
}

#[test]
fn one_of_two_rules_of_one_name_that_goes_is_told() {
    let both = "deny contains \"no\" if input.action == \"a\"\n\ndeny contains \"no\" if input.action == \"b\"";
    let one = "deny contains \"no\" if input.action == \"b\"";
    let changes = between(both, one);
    assert_eq!(changes.to_string(), "-deny `no`");
    assert_eq!(changes.guards_gone().count(), 1);
    assert_eq!(between(one, both).to_string(), "+deny `no`");
}

#[test]
fn a_deny_whose_reason_is_computed_is_another_when_its_text_is() {
    let changes = between(
        "deny contains msg if { some msg in input.args.reasons }",
        "deny contains msg if { some msg in input.args.reasons; false }",
    );
    assert_eq!((changes.came.len(), changes.went.len()), (1, 1));
    assert_eq!(changes.guards_gone().count(), 1);
}

#[test]
fn an_allow_that_goes_is_no_guard_that_goes() {
    let changes = between(
        "allow if input.action == \"a\"\n\nallow if input.action == \"b\"",
        "allow if input.action == \"a\"",
    );
    assert_eq!(changes.went.len(), 1);
    assert_eq!(changes.guards_gone().count(), 0);
    assert_eq!(
        changes.to_string(),
        "-allow `allow if input.action == \"b\"`"
    );
}

#[test]
fn rules_in_yaml_go_by_their_names() {
    let yaml = |rules: &str| Policy::from_yaml(format!("version: 1\nrules:\n{rules}")).unwrap();
    let old = yaml(
        "  - {name: small, when: {action: a, args: {n: {lte: 5}}}, then: allow}\n  - {name: large, when: {action: a, args: {n: {gt: 9}}}, then: deny, reason: too much}\n",
    );
    let new = yaml(
        "  - {name: small, when: {action: a, args: {n: {lte: 7}}}, then: allow}\n  - {name: huge, when: {action: a, args: {n: {gt: 9}}}, then: hitl}\n",
    );
    let changes = RuleChanges::between(&old, &new);
    assert_eq!(
        changes.to_string(),
        "+hitl `huge`, -deny `large`, ~allow `small`"
    );
}

#[test]
fn a_whole_bundle_in_place_of_the_builtin_one_shows_what_it_lacks() {
    let old = rego("allow if input.action == \"a\"");
    let new = Policy::builder()
        .rego(
            "main.rego",
            "package kitelogik.main\n\ndefault allow := false\n\nallow if input.action == \"a\"",
        )
        .rego("security.rego", "package kitelogik.security\n\nx := 1")
        .build()
        .unwrap();
    let changes = RuleChanges::between(&old, &new);
    assert!(changes.guards_gone().count() > 3, "{changes}");
    assert!(
        changes
            .guards_gone()
            .all(|rule| rule.package.starts_with("kitelogik."))
    );
    let names: Vec<&str> = changes.came.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["allow if input.action == \"a\""]);
}
