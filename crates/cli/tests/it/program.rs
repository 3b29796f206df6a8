//! What holds for every subcommand.

use std::io::Read;
use std::process::Stdio;

use crate::shell::Shell;

#[test]
fn the_long_version_names_the_engine_and_the_opa_it_agrees_with() {
    let told = Shell::new().run(&["--version"]).code(0).stdout;
    let workspace = include_str!("../../../../Cargo.toml");
    let pinned = workspace
        .split("regorus = { version = \"=")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    assert!(
        told.contains(&format!("engine: regorus {pinned}")),
        "{told}"
    );
    let opa = kitelogik_opa_process::VERSION;
    assert!(told.contains(&format!("conformance: OPA {opa}")), "{told}");
}

#[test]
fn usage_errors_are_told_on_standard_error_and_end_with_2() {
    let shell = Shell::new();
    for arguments in [
        &["fly"][..],
        &[],
        &["eval", "--no-such-flag"],
        &["eval", "--action", "a", "-i", "events.json"],
        &["completions", "no-such-shell"],
    ] {
        let ended = shell.run(arguments).code(2);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn errors_begin_with_error_and_have_no_colour_where_nobody_sees_it() {
    let shell = Shell::new();
    let ended = shell.run(&["eval", "--action", "a"]).code(2);
    assert_eq!(
        ended.stderr,
        "error: there is no `./policies`: name a policy with `-p PATH`\n"
    );
}

#[test]
fn colour_can_be_asked_for() {
    let shell = Shell::with_refunds();
    let arguments = ["eval", "--action", "a", "--color", "always"];
    assert!(
        shell
            .run(&arguments)
            .code(1)
            .stdout
            .starts_with("\u{1b}[1m\u{1b}[33mrefuse")
    );
    let plain = shell.run(&["eval", "--action", "a"]).code(1).stdout;
    assert!(plain.starts_with("refuse a\n"), "{plain}");
}

#[test]
fn nobody_is_told_of_a_closed_pipe() {
    let shell = Shell::with_refunds();
    let event = "{\"action\": \"approve_refund\", \"args\": {\"amount\": 1}}\n";
    shell.write("events.jsonl", event.repeat(20_000));
    let mut child = shell
        .command()
        .args(["eval", "-i", "events.jsonl", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(stderr, "");
    // Nobody may take what was not told for an allow.
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn every_shell_gets_its_completions() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = shell.run(&["completions", name]).code(0).stdout;
        assert!(
            script.contains("kitelogik") && script.contains("eval"),
            "{name}"
        );
    }
}

#[test]
fn help_of_every_subcommand_has_examples() {
    let shell = Shell::new();
    let help = shell.run(&["--help"]).code(0).stdout;
    let commands: Vec<&str> = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(commands.contains(&"eval"), "{commands:?}");
    for command in commands {
        let help = shell.run(&[command, "--help"]).code(0).stdout;
        assert!(help.contains("\nExamples:\n  "), "{command}: {help}");
    }
}
