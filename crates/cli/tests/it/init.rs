//! `kitelogik init`.

use std::fs;
use std::path::Path;
use std::process::Command;

use kitelogik_opa_process::opa_or_skip;

use crate::shell::Shell;

#[test]
fn a_project_is_made_whole_and_its_policy_answers() {
    let shell = Shell::new();
    let made = shell.run(&["init", "deep/agent"]).code(0);
    for file in [
        "Cargo.toml",
        "src/main.rs",
        "policies/refunds.rego",
        "policies/refunds_test.rego",
        "events.jsonl",
    ] {
        assert!(shell.path("deep/agent").join(file).is_file(), "{file}");
        assert!(made.stdout.contains(file), "{made:?}");
    }
    let left: Vec<_> = fs::read_dir(shell.path("deep")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing temporary stays");
    let ended = shell
        .run(&[
            "eval",
            "-p",
            "deep/agent/policies",
            "-i",
            "deep/agent/events.jsonl",
        ])
        .code(1);
    let verdicts: Vec<&str> = ended
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        verdicts,
        ["allow", "allow", "require_approval", "deny", "refuse"]
    );
    assert_eq!(ended.stderr, "", "no warnings");
}

#[test]
fn nothing_is_overwritten_and_an_empty_directory_is_taken() {
    let shell = Shell::new();
    shell.write("mine/policies/refunds.rego", "mine");
    let ended = shell.run(&["init", "mine"]).code(2);
    assert!(
        ended.stderr.contains("it is there and not empty"),
        "{ended:?}"
    );
    assert_eq!(shell.read("mine/policies/refunds.rego"), "mine");
    assert!(!shell.path("mine/Cargo.toml").exists());
    shell.write("file", "mine");
    shell.run(&["init", "file"]).code(2);
    assert_eq!(shell.read("file"), "mine");

    fs::create_dir(shell.path("empty")).unwrap();
    shell
        .run(&["init", "empty", "--template", "financial-refunds"])
        .code(0);
    assert!(shell.path("empty/src/main.rs").is_file());
    let hidden = fs::read_dir(shell.path("empty")).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with(".kitelogik")
    });
    assert_eq!(hidden.count(), 0);
    shell.run(&["init", "x", "--template", "no-such"]).code(2);

    let empty = Shell::new();
    empty.run(&["init", "."]).code(0);
    assert!(empty.path("Cargo.toml").is_file());
}

#[test]
fn its_tests_pass() {
    let shell = Shell::new();
    shell.run(&["init", "agent"]).code(0);
    let ended = shell.run(&["test", "agent/policies"]).code(0);
    assert_eq!(ended.stdout, "PASS: 10/10\n");
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_tests_of_the_policy_pass_in_opa() {
    let Some(opa) = opa_or_skip!() else { return };
    let shell = Shell::new();
    shell.run(&["init", "agent"]).code(0);
    let output = Command::new(opa.path())
        .args(["test", "agent/policies"])
        .current_dir(shell.path("."))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("PASS: 6/6"),
        "{output:?}"
    );
}

#[test]
fn the_agent_runs_at_once() {
    let shell = Shell::new();
    shell.run(&["init", "agent"]).code(0);
    // What the workspace builds with is there; nothing is fetched.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::copy(workspace.join("Cargo.lock"), shell.path("agent/Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline"])
        .current_dir(shell.path("agent"))
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("init"),
        )
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout), @r"
    cust_001: Ada, customer since 2019
    Refunded $42.00 to cust_001
    [BLOCKED] approve_refund: Refunds between $100 and $200 need a second pair of eyes. It needs a person's approval.
    [BLOCKED] approve_refund: Refunds over $200 require manager approval. This is final; do not retry.
    ");
}
