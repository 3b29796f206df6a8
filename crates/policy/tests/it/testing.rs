//! Tests of a policy: what passes, what fails and why, as `opa test` would have it.

mod tables;

use std::fs;
use std::path::Path;

use kitelogik_policy::testing::{TestError, TestReport, TestResult, TestRunner};
use kitelogik_policy::{Policy, PolicyBuilder};
use serde_json::Value;

use crate::engine::opa;

const REFUNDS: &str = r#"
version: 1
rules:
  - name: allow_small_refunds
    when: {action: approve_refund, args: {amount: {gte: 0, lte: 50}}}
    then: allow
    risk_tier: TRANSACTIONAL_LOW
  - name: review_mid_refunds
    when: {action: approve_refund, args: {amount: {gt: 50, lte: 500}}}
    then: hitl
    reason: Refunds over 50 need a person
  - name: block_large_refunds
    when: {action: approve_refund, args: {amount: {gt: 500}}}
    reason: Refunds over 500 go through the finance team
"#;

fn refunds() -> PolicyBuilder {
    Policy::builder().yaml("refunds.yaml", REFUNDS)
}

fn result<'a>(report: &'a TestReport, name: &str) -> &'a TestResult {
    let result = report.results.iter().find(|result| result.name == name);
    result.unwrap_or_else(|| panic!("no test `{name}`"))
}

#[test]
fn no_test_is_part_of_a_policy() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("user.rego"),
        "package kitelogik.userpolicy\n\nallow if input.action == \"a\"\n",
    )
    .unwrap();
    let before = Policy::load(directory.path()).unwrap();
    fs::write(
        directory.path().join("user_test.rego"),
        "package kitelogik.userpolicy\n\nallow if true\n\ntest_a if allow\n",
    )
    .unwrap();
    fs::write(
        directory.path().join("user_test.yaml"),
        "version: 1\ntests: [{name: a, input: {action: b}, verdict: refuse}]\n",
    )
    .unwrap();
    let after = Policy::load(directory.path()).unwrap();
    assert_eq!(before.revision(), after.revision());
    let runner = TestRunner::load(directory.path()).unwrap();
    assert_eq!(runner.policy().revision(), before.revision());
    assert_eq!(runner.run().unwrap().results.len(), 2);
}

#[test]
fn outcomes_counts_and_exit_codes_are_those_of_opa_test() {
    let cases = [
        ("test_a if 1 == 1", 0),
        ("test_a if 1 == 2\n\ntest_b if true", 2),
        ("todo_test_a if true\n\ntest_b if true", 2),
        ("test_a := 1\n\ntest_b := false\n\ntest_c contains 1", 2),
        ("test_a if false\n\ntest_a if true", 2),
        ("test_a if f == 1\n\nf := 1\n\nf := 2", 2),
        (
            "test_a[name] if {\n\tsome name, n in {\"one\": 1, \"two\": 2, \"three\": 3}\n\tn < 3\n}\n\ntest_b if true",
            2,
        ),
        ("helper if true", 0),
    ];
    for (tests, exit) in cases {
        let directory = tempfile::tempdir().unwrap();
        fs::write(
            directory.path().join("main.rego"),
            "package kitelogik.main\n\nallow := true\n",
        )
        .unwrap();
        fs::write(
            directory.path().join("a_test.rego"),
            format!("package a_test\n\n{tests}\n"),
        )
        .unwrap();
        let policy = Policy::builder()
            .without_builtin_bundle()
            .directory(directory.path());
        let report = TestRunner::new(policy).unwrap().run().unwrap();
        assert_eq!(report.exit_code(), exit, "{tests}");
        let Some(output) = opa(&["test", &directory.path().display().to_string()]) else {
            continue;
        };
        assert_eq!(output.status.code(), Some(i32::from(exit)), "{tests}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.ends_with(&report.summary()),
            "{tests}\n--- opa\n{said}\n--- here\n{}",
            report.summary()
        );
    }
}

#[test]
fn the_built_in_bundles_tests_pass_and_are_as_many_as_opa_has() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rego");
    let mut policy = Policy::builder();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with("_test.rego") {
            policy = policy.file(path);
        }
    }
    let report = TestRunner::new(policy).unwrap().coverage().run().unwrap();
    assert!(report.passed(), "{}", report.text(false));
    assert!(report.counts.passed > 20, "{}", report.summary());
    let Some(output) = opa(&["test", &folder.display().to_string()]) else {
        return;
    };
    assert_eq!(String::from_utf8(output.stdout).unwrap(), report.summary());

    // Rules that did not fire here did not fire there.
    let output = opa(&["test", "--coverage", &folder.display().to_string()]).unwrap();
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
    for ours in report.coverage.unwrap().files {
        let name = ours.file.strip_prefix("kitelogik/").unwrap();
        let path = folder.join(name).display().to_string();
        let ranges = theirs["files"][&path]["not_covered"].as_array().cloned();
        for rule in ours.rules.iter().filter(|rule| !rule.fired) {
            let known = ranges.iter().flatten().any(|range| {
                let row = |end: &str| range[end]["row"].as_u64().unwrap();
                (row("start")..=row("end")).contains(&u64::from(rule.line))
            });
            assert!(known, "{name}:{} fired in OPA", rule.line);
        }
    }
}

#[test]
fn a_failed_test_tells_its_statement_and_what_its_sides_are() {
    let policy = refunds().rego(
        "refunds_test.rego",
        "package refunds_test\n\nimport data.kitelogik.main\n\ntest_small if {\n\tmain.allow with input as call(40)\n\tmain.allow == false with input as call(41)\n}\n\ncall(amount) := {\"action\": \"approve_refund\", \"args\": {\"amount\": amount}, \"context\": {}}\n",
    );
    let report = TestRunner::new(policy).unwrap().run().unwrap();
    let text = report.text(false);
    let wanted = [
        "refunds_test.rego:5:\ndata.refunds_test.test_small: FAIL (",
        "  line 7: main.allow == false with input as call(41)\n    left:  true\n    right: false\n",
        "FAIL: 1/1\n",
    ];
    for part in wanted {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_pattern_chooses_tests_by_their_full_names() {
    let policy = || {
        refunds()
            .rego(
                "a_test.rego",
                "package a_test\n\ntest_one if true\n\ntest_two if true\n",
            )
            .yaml(
                "b_test.yaml",
                "version: 1\ntests: [{name: one, input: {action: x}, verdict: refuse}]\n",
            )
    };
    for (pattern, count) in [
        ("one", 2),
        ("^data\\.a_test", 2),
        ("b_test.yaml: one$", 1),
        ("nope", 0),
    ] {
        let runner = TestRunner::new(policy())
            .unwrap()
            .matching(pattern)
            .unwrap();
        assert_eq!(runner.run().unwrap().results.len(), count, "{pattern}");
    }
    let error = TestRunner::new(policy())
        .unwrap()
        .matching("a(")
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a(` is no regular expression: unclosed group"
    );
}

#[test]
fn coverage_tells_which_rules_fired_in_yaml_and_in_rego() {
    let policy = refunds()
        .rego(
            "more.rego",
            "package kitelogik.userpolicy\n\ndeny contains \"nobody\" if {\n\tinput.context.user_role == \"nobody\"\n\tinput.action == \"approve_refund\"\n}\n",
        )
        .yaml(
            "refunds_test.yaml",
            "version: 1\ntests: [{name: a, input: {action: approve_refund, args: {amount: 5}}, verdict: allow}]\n",
        );
    let report = TestRunner::new(policy).unwrap().coverage().run().unwrap();
    let text = report.coverage.unwrap().text();
    assert_eq!(
        text,
        "more.rego:
  line 3: `data.kitelogik.userpolicy.deny` never fired
  not evaluated: 3, 5
refunds.yaml:
  line 8: `review_mid_refunds` never fired
  line 12: `block_large_refunds` never fired
  not evaluated: 8, 12
COVERAGE: 33.3% of lines (2/6), 25.0% of rules (1/4)
"
    );
}

#[test]
fn a_report_is_json_and_junit_xml() {
    let policy = refunds()
        .rego(
            "a_test.rego",
            "package a_test\n\ntest_one if { print(\"<5>\\u0007\"); 1 == 2 }\n\ntodo_test_two if true\n",
        )
        .yaml(
            "b_test.yaml",
            "version: 1\ntests: [{name: \"one & two\", input: {action: x}, verdict: refuse}]\n",
        );
    let report = TestRunner::new(policy).unwrap().run().unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["failed"], 1);
    assert_eq!(json["results"][0]["outcome"], "fail");
    assert_eq!(json["results"][0]["package"], "data.a_test");
    assert_eq!(json["results"][0]["stopped_at"]["expression"], "1 == 2");
    assert_eq!(json["results"][1]["outcome"], "skip");
    assert_eq!(json["results"][2]["package"], Value::Null);

    let xml = report.junit();
    let times = regex::Regex::new("time=\"[0-9.]+\"").unwrap();
    assert_eq!(
        times.replace_all(&xml, "time=\"0\""),
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="kitelogik" tests="3" failures="1" errors="0" skipped="1" time="0">
  <testsuite name="a_test.rego" tests="2" failures="1" errors="0" skipped="1">
    <testcase classname="data.a_test" name="test_one" file="a_test.rego" line="3" time="0">
      <failure message="a_test.rego:3: 1 == 2">a_test.rego:3: 1 == 2&#10;is: 1&#10;is: 2</failure>
      <system-out>a_test.rego:3: &lt;5&gt;\u{7}</system-out>
    </testcase>
    <testcase classname="data.a_test" name="todo_test_two" file="a_test.rego" line="5" time="0">
      <skipped/>
    </testcase>
  </testsuite>
  <testsuite name="b_test.yaml" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="b_test.yaml" name="one &amp; two" file="b_test.yaml" line="2" time="0"/>
  </testsuite>
</testsuites>
"#
    );
}

#[test]
fn tests_that_do_not_compile_are_an_error_with_its_place() {
    let policy = refunds().rego("a_test.rego", "package a_test\n\ntest_a if nothing(1)\n");
    let error = TestRunner::new(policy).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("a_test.rego:3:11: unknown function `nothing`"),
        "{error}"
    );
}

#[test]
fn a_policy_that_the_engine_refuses_has_no_tests_that_pass() {
    let module =
        "package kitelogik.userpolicy\n\nlimits[role].amount := 5 if some role in [\"a\"]\n";
    let policy = refunds()
        .rego("user.rego", module)
        .rego("a_test.rego", "package a_test\n\ntest_a if true\n");
    let error = TestRunner::new(policy).unwrap().run().unwrap_err();
    let want = "the policy is refused, and no test was run: user.rego:3:8: only the last part of a rule's name may be computed";
    assert!(error.to_string().starts_with(want), "{error}");
    assert!(matches!(error, TestError::Refused(_)), "{error:?}");
}

#[test]
fn tests_that_the_engine_does_not_take_are_not_told_of_the_policy() {
    let tests = "package a_test\n\nf(x) := g(x)\n\ng(x) := f(x)\n\ntest_a if f(1)\n";
    let policy = refunds().rego("a_test.rego", tests);
    let error = TestRunner::new(policy).unwrap().run().unwrap_err();
    assert!(matches!(error, TestError::Compile(_)), "{error:?}");
    assert!(
        error.to_string().starts_with("the tests do not compile: "),
        "{error}"
    );
}
