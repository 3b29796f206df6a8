use std::process::{Command, Output};
use std::{env, fs};

use kitelogik_opa_process::{REQUIRE_ALL, SKIP_LOG};

/// A test of this binary that needs OPA, run again where there is none.
const TEST: &str = "process::a_dropped_server_is_gone";

#[test]
fn without_opa_a_test_is_skipped_loudly_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("skipped.txt");
    let output = without_opa(|command| command.env(SKIP_LOG, &log));
    let line = "kitelogik-opa-process it::process::a_dropped_server_is_gone: needs OPA 1.22.2; run `cargo xtask opa provide`\n";
    assert!(output.status.success());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains(&format!("SKIPPED {line}"))
    );
    assert_eq!(fs::read_to_string(log).unwrap(), line);
}

#[test]
fn a_skip_is_a_failure_where_all_tests_are_required() {
    let output = without_opa(|command| command.env(REQUIRE_ALL, "1"));
    assert!(!output.status.success());
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("may not be skipped")
    );
}

#[test]
fn a_skip_that_cannot_be_counted_is_a_failure() {
    let output = without_opa(|command| command.env(SKIP_LOG, "/nowhere/skipped.txt"));
    assert!(!output.status.success());
}

#[test]
fn an_opa_bin_that_does_not_fit_is_a_failure_and_not_a_skip() {
    let output = without_opa(|command| command.env("OPA_BIN", "/nowhere/opa"));
    assert!(!output.status.success());
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("`/nowhere/opa` cannot be run")
    );
}

fn without_opa(change: impl Fn(&mut Command) -> &mut Command) -> Output {
    let nothing = tempfile::tempdir().unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", TEST])
        .env_remove("OPA_BIN")
        .env_remove(SKIP_LOG)
        .env_remove(REQUIRE_ALL)
        .env("PATH", nothing.path())
        .env("XDG_CACHE_HOME", nothing.path());
    change(&mut command).output().unwrap()
}
