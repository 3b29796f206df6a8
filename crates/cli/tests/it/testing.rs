//! `kitelogik test`.

use crate::shell::{REFUNDS, Shell};

const TABLE: &str = "\
version: 1
input: {action: approve_refund, context: {user_role: support_agent}}
tests:
  - name: a small refund is allowed
    input: {args: {amount: 42}}
    verdict: allow
  - name: a large one is denied
    input: {args: {amount: 5000}}
    verdict: deny
    rule: block_large_refunds
";

fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("policies/refunds.rego", REFUNDS);
    shell.write("policies/refunds_test.yaml", TABLE);
    shell.write(
        "policies/refunds_test.rego",
        "package refunds_test\n\ntest_denied if data.kitelogik.userpolicy.deny with input as {\"action\": \"approve_refund\", \"args\": {\"amount\": 300}}\n",
    );
    shell
}

#[test]
fn tests_that_pass_close_as_opas_do() {
    let shell = shell();
    assert_eq!(shell.run(&["test"]).code(0).stdout, "PASS: 3/3\n");
    let verbose = shell.run(&["test", "policies", "-v"]).code(0).stdout;
    assert!(
        verbose.contains("test_denied") && verbose.contains("a large one is denied"),
        "{verbose}"
    );
    assert!(verbose.ends_with("PASS: 3/3\n"), "{verbose}");
    assert_eq!(
        shell.run(&["test", "--run", "large one"]).code(0).stdout,
        "PASS: 1/1\n"
    );
    shell
        .run(&["test", "--run", "no such"])
        .code(0)
        .tells("no test was run");
}

#[test]
fn a_policy_that_is_refused_is_told_of_as_that_with_its_place_and_what_to_do() {
    let shell = shell();
    shell.write(
        "policies/other.rego",
        "package kitelogik.userpolicy\n\nallow if {\n\tinput.action == \"x\"\n\tnot input.args.tags[_] == \"urgent\"\n}\n",
    );
    let refused = shell.run(&["test"]).code(1);
    insta::assert_snapshot!("refused_policy", refused.stderr);
    assert_eq!(refused.stdout, "");
}

#[test]
fn a_test_that_fails_ends_with_2_and_an_error_with_1() {
    let shell = shell();
    shell.write(
        "policies/refunds_test.yaml",
        TABLE.replace("verdict: deny", "verdict: allow"),
    );
    let failed = shell.run(&["test"]).code(2);
    assert!(
        failed.stdout.contains("PASS: 2/3\nFAIL: 1/3\n"),
        "{failed:?}"
    );
    assert!(
        failed.stdout.contains("a large one is denied"),
        "{failed:?}"
    );
    shell.write(
        "policies/refunds_test.yaml",
        TABLE.replace("verdict: deny", "verdict: maybe"),
    );
    let ended = shell.run(&["test"]).code(1);
    assert!(
        ended
            .stderr
            .starts_with("error: policies/refunds_test.yaml:9:"),
        "{ended:?}"
    );
    shell.run(&["test", "--run", "["]).code(1);
    shell.run(&["test", "nowhere"]).code(1);
}

#[test]
fn coverage_json_and_junit_are_there() {
    let shell = shell();
    let told = shell
        .run(&["test", "--coverage", "--junit", "results.xml"])
        .code(0)
        .stdout;
    assert!(
        told.starts_with("COVERAGE: 100.0% of lines") && told.ends_with("PASS: 3/3\n"),
        "{told}"
    );
    let xml = shell.read("results.xml");
    assert!(
        xml.contains("<testsuite") && xml.contains("tests=\"3\""),
        "{xml}"
    );
    let report = shell.run(&["test", "--coverage", "--json"]).code(0).json();
    assert_eq!(report["passed"], 3);
    assert_eq!(
        report["coverage"]["files"][0]["file"],
        "policies/refunds.rego"
    );
}
