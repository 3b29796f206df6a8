//! `kitelogik explain`.

use insta::assert_snapshot;
use serde_json::Value;

use crate::shell::{REFUNDS, Shell};

const YAML: &str = "\
version: 1
otherwise: hitl
rules:
  - name: small_refunds
    when:
      action: approve_refund
      role: [support_agent, manager]
      scope: process_refunds
      args:
        amount: {gte: 0, lte: 100}
        customer.country: {not_in: [IR, KP]}
    then: allow

  - name: large_refunds
    when:
      action: approve_refund
      args: {amount: {gt: 500}}
    then: deny
    reason: Refunds over 500 go through the finance team

  - name: by_night
    when:
      action: approve_refund
      any:
        - args: {hour: {gte: 22}}
        - not: {args: {customer.email: {ends_with: '@example.com'}}}
    then: hitl
    reason: a person looks at it
";

const GOOD: &str =
    r#"{"amount": 42, "hour": 9, "customer": {"country": "DE", "email": "ann@example.com"}}"#;

fn shell(rules: &str) -> Shell {
    let shell = Shell::new();
    let name = if rules.starts_with("version") {
        "policies/refunds.yaml"
    } else {
        "policies/refunds.rego"
    };
    shell.write(name, rules);
    shell
}

/// A refund by a support agent with these arguments, explained.
fn refund(shell: &Shell, args: &str, more: &[&str]) -> (i32, String) {
    let mut command = vec![
        "explain",
        "--action",
        "approve_refund",
        "--role",
        "support_agent",
        "--scope",
        "process_refunds",
        "--args",
        args,
    ];
    command.extend(more);
    let ended = shell.run(&command);
    assert!(!ended.stderr.contains("error"), "{ended:#?}");
    (ended.code, ended.stdout)
}

#[test]
fn rego_is_explained_in_its_authors_words() {
    let shell = shell(REFUNDS);
    for (name, code, args) in [
        ("rego_allow", 0, r#"{"amount": 42}"#),
        ("rego_approval", 1, r#"{"amount": 150}"#),
        ("rego_deny", 1, r#"{"amount": 5000}"#),
        ("rego_without_the_argument", 1, "{}"),
    ] {
        let (ended, text) = refund(&shell, args, &[]);
        assert_eq!(ended, code, "{text}");
        assert_snapshot!(name, text);
    }
}

#[test]
fn yaml_is_explained_as_yaml() {
    let shell = shell(YAML);
    for (name, args) in [
        ("yaml_allow", GOOD.to_owned()),
        ("yaml_refuse", GOOD.replace("42", "150")),
        ("yaml_deny", GOOD.replace("42", "501")),
        ("yaml_approval", GOOD.replace("9,", "23,")),
        ("yaml_unknown", GOOD.replace("42", "\"42\"")),
    ] {
        let (_, text) = refund(&shell, &args, &[]);
        assert!(!text.contains("yaml_"), "{text}");
        assert_snapshot!(name, text);
    }
    let otherwise = shell.run(&["explain", "--action", "tip"]).code(1).stdout;
    assert_snapshot!("yaml_otherwise", otherwise);
}

#[test]
fn a_role_or_scope_that_is_missing_is_suggested() {
    let shell = shell(YAML);
    for (name, role, scopes) in [
        ("role", "intern", &["--scope", "process_refunds"][..]),
        ("scope", "manager", &[]),
    ] {
        let mut command = vec![
            "explain",
            "--action",
            "approve_refund",
            "--args",
            GOOD,
            "--role",
            role,
        ];
        command.extend(scopes);
        assert_snapshot!(name, shell.run(&command).code(1).stdout);
    }
}

#[test]
fn the_built_in_bundle_says_which_of_its_rules_fired() {
    let shell = shell(REFUNDS);
    let (_, text) = refund(
        &shell,
        r#"{"amount": 42, "file": "/home/ann/.ssh/id_rsa"}"#,
        &[],
    );
    assert_snapshot!("builtin_deny", text);
    let (_, all) = refund(&shell, r#"{"amount": 42}"#, &["--all"]);
    assert!(all.contains("data.kitelogik.main.allow"), "{all}");
}

#[test]
fn a_fault_is_shown_where_it_happened() {
    let fault = |rule: &str| {
        let policy = format!(
            "package kitelogik.userpolicy\n\nallow if input.action == \"approve_refund\"\n\n{rule}\n"
        );
        let (code, text) = refund(&shell(&policy), r#"{"amount": "x"}"#, &[]);
        assert_eq!(code, 2, "{text}");
        text
    };
    assert_snapshot!(
        "fault_of_a_builtin",
        fault("deny contains \"much\" if to_number(input.args.amount) > 5")
    );
    assert_snapshot!(
        "fault_of_a_limit",
        fault("deny contains \"many\" if count(numbers.range(1, 20000000)) > 5")
    );
    let shell = Shell::new();
    shell.write(
        "decide.rego",
        "package own\n\ndecision := {\"allow\": true} if input.args.amount < 5\n",
    );
    let undefined = shell.run(&[
        "explain",
        "-p",
        "decide.rego",
        "--no-builtin",
        "--entry-point",
        "data.own.decision",
        "--action",
        "approve_refund",
        "--arg",
        "amount=7",
    ]);
    assert_snapshot!("fault_of_an_undefined_decision", undefined.code(2).stdout);
}

#[test]
fn what_the_interpreter_decides_is_explained_as_all_else() {
    let policy = r#"package kitelogik.userpolicy

allow if {
	input.args.amount < 50
	small with input.args.amount as input.args.amount * 2
	not blocked
}

small if input.args.amount < 5

blocked if {
	walk(input.args, [_, value])
	value == "KP"
}

deny contains sprintf("%v is cut off", [place]) if {
	some place in graph.reachable(input.args.roads, {"here"})
	input.args.closed[_] == place
}
"#;
    let shell = shell(policy);
    for (name, args) in [
        ("interpreted_allow", r#"{"amount": 2}"#),
        ("interpreted_refuse", r#"{"amount": 7}"#),
        ("interpreted_before", r#"{"amount": 70}"#),
        ("interpreted_helper", r#"{"amount": 2, "to": ["KP"]}"#),
        (
            "interpreted_deny",
            r#"{"amount": 2, "roads": {"here": ["there"], "there": []}, "closed": ["there"]}"#,
        ),
        (
            "interpreted_fault",
            r#"{"amount": 2, "roads": {"here": ["there"], "there": []}, "closed": {"a": "b"}, "to": 5}"#,
        ),
    ] {
        assert_snapshot!(name, refund(&shell, args, &[]).1);
    }
    let (_, text) = refund(&shell, r#"{"amount": 7}"#, &["--json"]);
    let explanation: Value = serde_json::from_str(&text).unwrap();
    let allow = &explanation["rules"][0];
    assert_eq!(allow["interpreted"], "`with`");
    assert_eq!(allow["result"], "not_fired");
    let condition = &allow["conditions"][0];
    assert_eq!(condition["line"], 5);
    assert_eq!(condition["file"], "policies/refunds.rego");
    assert!(
        !explanation["rules"]
            .as_array()
            .unwrap()
            .iter()
            .any(|rule| rule["result"] == "interpreted"),
        "{text}"
    );
}

#[test]
fn the_steps_of_a_plan_are_explained_one_by_one() {
    let shell = shell(REFUNDS);
    let plan = shell.run(&[
        "explain",
        "--event",
        "agent.plan",
        "--depth",
        "0",
        "--role",
        "support_agent",
        "--step",
        r#"{"action": "approve_refund", "args": {"amount": 42}}"#,
        "--step",
        r#"{"action": "approve_refund", "args": {"amount": 4200}}"#,
    ]);
    assert_snapshot!("plan", plan.code(1).stdout);
}

#[test]
fn what_is_masked_is_nowhere_in_the_output() {
    let policy = r#"package kitelogik.userpolicy

card := input.args.card.number

last := substring(card, 12, 4)

allow if {
	last == "1111"
	input.args.mail != "ann@example.com"
}

deny contains sprintf("the card %v is blocked", [card]) if startswith(lower(card), "4000")
"#;
    let shell = shell(policy);
    let args = r#"{"card": {"number": "4000123412349876"}, "mail": "ann@example.com"}"#;
    let mask = [
        "--mask",
        "args.card",
        "--mask-pattern",
        r"[\w.]+@[\w.]+",
        "--all",
    ];
    let (_, text) = refund(&shell, args, &mask[..4]);
    assert_snapshot!("masked", text);
    for more in [&mask[..], &[&mask[..], &["--json"]].concat()] {
        let (_, output) = refund(&shell, args, more);
        for secret in ["4000123412349876", "9876\"", "ann@example.com\\\""] {
            assert!(!output.contains(secret), "{secret} in {output}");
        }
    }
}

#[test]
fn json_is_the_whole_explanation() {
    let shell = shell(YAML);
    let ended = shell
        .run(&["explain", "--action", "approve_refund", "--json"])
        .code(1);
    let explanation = ended.json();
    assert_eq!(explanation["decision"]["verdict"], "deny");
    assert_eq!(explanation["input"]["action"], "approve_refund");
    let rules = explanation["rules"].as_array().unwrap();
    let small = &rules[0];
    assert_eq!(small["name"], "small_refunds");
    assert_eq!(small["file"], "policies/refunds.yaml");
    assert_eq!(small["line"], 4);
    assert_eq!(small["result"], "not_fired");
    assert_eq!(
        small["conditions"][0]["text"],
        "role: [support_agent, manager]"
    );
    assert_eq!(small["conditions"][0]["met"][0]["value"], "");
    assert!(rules.iter().any(|rule| rule["builtin"] == true));
}

#[test]
fn the_exit_code_is_that_of_eval() {
    let shell = shell(REFUNDS);
    shell.write(
        "events.jsonl",
        "{\"action\": \"approve_refund\", \"args\": {\"amount\": 42}, \"context\": {\"user_role\": \"support_agent\"}}\n{\"action\": \"other\"}\n",
    );
    let explained = shell
        .run(&["explain", "-i", "events.jsonl", "--json"])
        .code(1)
        .json_lines();
    let decided = shell
        .run(&["eval", "-i", "events.jsonl", "--json"])
        .code(1)
        .json_lines();
    let verdict = |line: &Value| line["verdict"].clone();
    assert_eq!(
        explained
            .iter()
            .map(|line| verdict(&line["decision"]))
            .collect::<Vec<_>>(),
        decided.iter().map(verdict).collect::<Vec<_>>()
    );
    let wrong = shell.run(&["explain", "--action", "x", "--mask-pattern", "("]);
    assert!(wrong.code(2).stderr.contains("regular expression"));
}

#[test]
fn colour_is_for_terminals() {
    let shell = shell(REFUNDS);
    assert!(!refund(&shell, "{}", &[]).1.contains('\u{1b}'));
    assert!(
        refund(&shell, "{}", &["--color", "always"])
            .1
            .contains('\u{1b}')
    );
}
