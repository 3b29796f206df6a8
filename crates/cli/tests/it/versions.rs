//! `kitelogik diff` and `kitelogik compare`: two policies over the same events.

use kitelogik_opa_process::opa_or_skip;
use serde_json::json;

use crate::shell::{REFUNDS, Shell};

/// Refunds of 50, 90, 150, 180 and 300, and another action.
fn events() -> String {
    let mut lines = String::new();
    for amount in [50, 90, 150, 180, 300] {
        let event = json!({"action": "approve_refund", "args": {"amount": amount}, "context": {"user_role": "support_agent"}});
        lines.push_str(&format!("{event}\n"));
    }
    lines.push_str("{\"action\": \"other\"}\n");
    lines
}

fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("old/refunds.rego", REFUNDS);
    shell.write(
        "new/refunds.rego",
        REFUNDS.replace("amount > 200", "amount > 160"),
    );
    shell.write("events.jsonl", events());
    shell
}

#[test]
fn flips_are_grouped_by_the_rule_that_brought_them_about() {
    let shell = shell();
    shell.write(
        "new/more.rego",
        "package kitelogik.userpolicy\ndeny contains \"closed\" if input.args.amount < 60\n",
    );
    let ended = shell
        .run(&["diff", "old", "new", "-i", "events.jsonl"])
        .code(1);
    insta::assert_snapshot!(ended.stdout, @r"
    +block_large_refunds: 1
      require_approval -> deny: 1
        event 4 approve_refund: Refunds over $200 require manager approval
    data.kitelogik.main.allow -> data.kitelogik.main.deny[_]: 1
      allow -> deny: 1
        event 1 approve_refund: closed
    2 of 6 decisions flip
    ");
    let report = shell
        .run(&["diff", "old", "new", "-i", "events.jsonl", "--json"])
        .code(1)
        .json();
    assert_eq!(report["events"], 6);
    assert_eq!(report["groups"][0]["rule"], "+block_large_refunds");
    assert_eq!(report["groups"][0]["flips"][0]["event"], 4);
    assert_eq!(
        report["groups"][0]["flips"][0]["old"]["verdict"],
        "require_approval"
    );
    assert_eq!(report["groups"][0]["flips"][0]["new"]["verdict"], "deny");
}

#[test]
fn equal_policies_flip_nothing() {
    let ended = shell()
        .run_with(&["diff", "old", "old", "-i", "-"], events().as_bytes())
        .code(0);
    assert_eq!(ended.stdout, "0 of 6 decisions flip\n");
}

#[test]
fn where_the_two_policies_lie_flips_nothing() {
    let shell = shell();
    shell.write(
        "old/all.rego",
        "package kitelogik.userpolicy\nallow if input.action == \"read_file\"\n",
    );
    shell.write("new/refunds.rego", REFUNDS);
    shell.write("new/all.rego", shell.read("old/all.rego"));
    let event = r#"{"action": "read_file", "resource_path": "old/refunds.rego"}"#;
    shell
        .run_with(&["diff", "old", "new", "-i", "-"], event.as_bytes())
        .code(0);
    // The gate itself protects them.
    shell
        .run_with(&["eval", "-p", "old", "-i", "-"], event.as_bytes())
        .code(1);
    shell
        .run_with(&["eval", "-p", "new", "-i", "-"], event.as_bytes())
        .code(0);
}

#[test]
fn a_policy_that_fails_is_told_from_one_that_denies() {
    let shell = shell();
    shell.write(
        "new/refunds.rego",
        "package kitelogik.userpolicy\ndeny contains \"no\" if input.args.amount / 0 > 1\n",
    );
    shell.write(
        "old/refunds.rego",
        "package kitelogik.userpolicy\ndeny contains \"no\" if input.args.amount > 0\n",
    );
    let ended = shell
        .run(&["diff", "old", "new", "-i", "events.jsonl"])
        .code(1);
    assert!(
        ended
            .stdout
            .starts_with("the new policy fails: evaluation_error: 5\n  deny -> deny: 5\n"),
        "{ended:?}"
    );
}

#[test]
fn the_same_policy_in_both_engines_has_no_difference() {
    let Some(opa) = opa_or_skip!() else { return };
    let shell = shell();
    let policy = kitelogik_policy::Policy::load(shell.path("old")).unwrap();
    let mut server = opa.server();
    for (index, module) in policy.modules().iter().enumerate() {
        server = server.module(format!("{index}.rego"), module.text());
    }
    let server = server.data(policy.data().to_string()).start().unwrap();
    let url = server.url();
    let compare = |policy: &str, more: &[&str]| {
        let mut arguments = vec!["compare", "-p", policy, "-i", "events.jsonl", "--url", &url];
        arguments.extend_from_slice(more);
        shell.run(&arguments)
    };
    assert_eq!(compare("old", &[]).code(0).stdout, "0 of 6 events differ\n");
    let ended = compare("new", &[]).code(1);
    insta::assert_snapshot!(ended.stdout, @r#"
    event 4: approve_refund
      verdict
        embedded deny
        opa      require_approval
      reason
        embedded Refunds over $200 require manager approval
        opa      a person looks at refunds over $100
      rule_matched
        embedded data.kitelogik.main.deny[_]
        opa      data.kitelogik.main.requires_hitl
      rules
        embedded ["block_large_refunds"]
        opa      []
    1 of 6 events differ
    "#);
    let report = compare("new", &["--json"]).code(1).json();
    assert_eq!(report["events"], 6);
    assert_eq!(report["differences"][0]["event"], 4);
    assert_eq!(
        report["differences"][0]["fields"]["verdict"],
        json!({"embedded": "deny", "opa": "require_approval"})
    );
}

#[test]
fn a_server_that_cannot_be_asked_is_no_difference_but_an_error() {
    let shell = shell();
    let ended = shell
        .run(&[
            "compare",
            "-p",
            "old",
            "-i",
            "events.jsonl",
            "--url",
            "http://127.0.0.1:9",
        ])
        .code(2);
    assert!(
        ended
            .stderr
            .starts_with("error: event 1: OPA at http://127.0.0.1:9"),
        "{ended:?}"
    );
}
