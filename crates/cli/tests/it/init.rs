//! `kitelogik init`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shell::Shell;

#[test]
fn a_project_is_made_whole_and_its_policy_answers() {
    let shell = Shell::new();
    let made = shell.run(&["init", "deep/agent"]).code(0);
    for file in [
        "Cargo.toml",
        "src/main.rs",
        "policies/policy.rego",
        "policies/policy_test.rego",
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
    assert_eq!(verdicts, ["allow", "allow", "require_approval", "deny"]);
    assert_eq!(ended.stderr, "", "no warnings");
}

#[test]
fn nothing_is_overwritten_and_an_empty_directory_is_taken() {
    let shell = Shell::new();
    shell.write("mine/policies/refunds.rego", "mine");
    shell
        .run(&["init", "mine"])
        .code(2)
        .tells("it is there and not empty");
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

/// All that `--template` knows.
const TEMPLATES: [&str; 7] = [
    "code-execution",
    "financial-refunds",
    "healthcare-phi",
    "pii",
    "rate-and-cost-caps",
    "read-only",
    "tool-allowlist",
];

#[test]
fn every_template_passes_its_tests_and_checks_and_answers_its_events() {
    let shell = Shell::new();
    let help = shell.run(&["init", "--help"]).code(0).stdout;
    for name in TEMPLATES {
        assert!(help.contains(name), "{help}");
        shell.run(&["init", name, "--template", name]).code(0);
        let policies = format!("{name}/policies");
        let ended = shell.run(&["test", &policies]).code(0);
        assert!(
            ended.stdout.starts_with("PASS: ") && ended.stderr.is_empty(),
            "{ended:?}"
        );
        shell.run(&["check", &policies]).code(0);
        let events = format!("{name}/events.jsonl");
        let ended = shell.run(&["eval", "-p", &policies, "-i", &events]).code(1);
        assert!(ended.stdout.starts_with("allow "), "{name}: {ended:?}");
        assert_eq!(ended.stderr, "", "{name}");
    }
}

#[test]
fn every_agent_runs_at_once() {
    let shell = Shell::new();
    // What the workspace builds with is there; nothing is fetched.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("init");
    let mut told = String::new();
    for name in TEMPLATES {
        shell.run(&["init", name, "--template", name]).code(0);
        fs::copy(
            workspace.join("Cargo.lock"),
            shell.path(name).join("Cargo.lock"),
        )
        .unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--offline"])
            .current_dir(shell.path(name))
            .env("CARGO_TARGET_DIR", &target)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        told.push_str(&format!(
            "# {name}\n{}",
            String::from_utf8_lossy(&output.stdout)
        ));
    }
    insta::assert_snapshot!("agents", told);
}
