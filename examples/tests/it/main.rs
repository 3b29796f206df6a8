//! What the examples print. `cargo test` builds them beside this program.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::env;
use std::fs;
use std::process::{Command, Output};

use kitelogik::Policy;
use kitelogik::policy::check::check;
use kitelogik_opa_process::opa_or_skip;
use serde_json::Value;

fn run(example: &str, arguments: &[&str]) -> Output {
    let program = env::current_exe()
        .unwrap()
        .parent()
        .and_then(|deps| deps.parent())
        .expect("tests lie two folders below the build")
        .join("examples")
        .join(example);
    Command::new(&program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("`{}`: {error}", program.display()))
}

const FIRST: &str = "\
Refunded $42.00 to cust_001
BLOCKED: Governance denied tool call: Refunds over $200 require manager approval
  risk_tier   = OPERATIONAL
  rule_matched = data.kitelogik.main.deny[_]
";

#[test]
fn the_first_governed_tool_prints_its_four_lines() {
    let output = run("first_governed_tool", &[]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), FIRST);
}

#[test]
fn the_first_governed_tool_prints_the_same_before_an_opa_server() {
    let Some(opa) = opa_or_skip!() else { return };
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("policy");
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    Policy::load(policies).unwrap().write_to(&written).unwrap();
    let server = opa
        .server()
        .policy(&written)
        .queries_only(["kitelogik/main"])
        .start()
        .unwrap();
    let output = run("first_governed_tool", &["--opa", &server.url()]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), FIRST);
}

#[test]
fn a_wrong_argument_ends_with_the_usage_and_code_two() {
    for (example, arguments) in [
        ("first_governed_tool", ["--nonsense"].as_slice()),
        ("tool_schemas", &["--format", "openai"]),
    ] {
        let output = run(example, arguments);
        assert_eq!(output.status.code(), Some(2), "{example}");
        assert!(output.stdout.is_empty(), "{example}");
        assert!(
            String::from_utf8(output.stderr)
                .unwrap()
                .contains("usage: ")
        );
    }
}

#[test]
fn the_tools_are_printed_as_each_api_defines_them() {
    for format in [
        "openai-chat",
        "openai-responses",
        "anthropic",
        "mcp",
        "kitelogik",
    ] {
        let output = run("tool_schemas", &["--format", format]);
        assert!(output.status.success(), "{format}");
        let definitions: Value = serde_json::from_slice(&output.stdout).unwrap();
        let snapshot = format!(
            "{}/tests/snapshots/{format}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&snapshot, format!("{definitions:#}\n")).unwrap();
        }
        let snapshot: Value = serde_json::from_str(&fs::read_to_string(snapshot).unwrap()).unwrap();
        assert_eq!(
            definitions, snapshot,
            "run with UPDATE_SNAPSHOTS=1 and read the difference"
        );
    }
}

#[test]
fn the_examples_print_what_the_tutorial_speaks_of() {
    for example in [
        "four_verdicts",
        "sync_and_renamed",
        "toolbox",
        "layered_policy",
    ] {
        let output = run(example, &[]);
        assert!(output.status.success(), "{example}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let snapshot = format!(
            "{}/tests/snapshots/{example}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&snapshot, &printed).unwrap();
        }
        assert_eq!(
            printed,
            fs::read_to_string(snapshot).unwrap(),
            "{example}: run with UPDATE_SNAPSHOTS=1 and read the difference"
        );
    }
}

#[test]
fn a_check_finds_nothing_in_the_policies_of_the_examples() {
    for folder in ["policies", "layers/organisation", "layers/team"] {
        let builder = Policy::builder().path(format!("{}/{folder}", env!("CARGO_MANIFEST_DIR")));
        let report = check(builder);
        assert!(report.passed(), "{folder}: {}", report.text());
    }
}
