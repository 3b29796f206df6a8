//! `kitelogik check`.

use serde_json::json;

use crate::shell::Shell;

fn shell() -> Shell {
    let shell = Shell::new();
    shell.run(&["init", "clean"]).code(0);
    shell.write(
        "slip/refunds.rego",
        "package kitelogik.userpolicy\n\nallow if {\n\tinput.action == \"approve_refund\"\n\tinput.args.amount <= 50\n}\n\ndenied contains \"no\" if input.action == \"delete_customer\"\n",
    );
    shell
}

#[test]
fn findings_end_with_1_and_name_their_place() {
    let shell = shell();
    let clean = shell.run(&["check", "clean/policies"]);
    assert_eq!(clean.code, 0, "{clean:?}");
    let found = shell.run(&["check", "slip"]).code(1).stdout;
    assert!(
        found.contains("slip/refunds.rego:8:1: error: ") && found.contains("[slip]"),
        "{found}"
    );
    shell.run(&["check"]).code(2).tells("`./policies`");
}

#[test]
fn a_policy_that_cannot_be_loaded_is_a_finding() {
    let shell = shell();
    shell.write("broken/a.rego", "package a\n\nallow if {\n");
    let found = shell.run(&["check", "broken"]).code(1);
    assert!(
        found.stdout.contains("broken/a.rego:") && found.stdout.contains("[syntax]"),
        "{found:?}"
    );
}

#[test]
fn each_format_says_the_same() {
    let shell = shell();
    let json = shell.run(&["check", "slip", "--json"]).code(1).json();
    let codes: Vec<_> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].clone())
        .collect();
    assert!(codes.contains(&json!("slip")), "{json}");
    let sarif = shell
        .run(&["check", "slip", "--format", "sarif"])
        .code(1)
        .json();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(
        sarif["runs"][0]["results"].as_array().unwrap().len(),
        codes.len()
    );
    let github = shell
        .run(&["check", "slip", "--format", "github"])
        .code(1)
        .stdout;
    assert_eq!(
        github.lines().filter(|line| line.starts_with("::")).count(),
        codes.len(),
        "{github}"
    );
}

#[test]
fn rules_are_held_against_the_tools() {
    let shell = shell();
    shell.write(
        "tools.json",
        json!([{"name": "approve_refund", "action": "approve_refund", "description": "", "parameters": {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}}]).to_string(),
    );
    let found = shell
        .run(&["check", "slip", "--tools", "tools.json"])
        .code(1)
        .stdout;
    assert!(found.contains("[unknown-argument]"), "{found}");
    shell.write("tools.json", "[{}]");
    shell
        .run(&["check", "slip", "--tools", "tools.json"])
        .code(2);
}
