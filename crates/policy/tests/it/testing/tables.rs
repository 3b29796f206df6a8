//! Tables of decisions, and what is told of one that is wrong.

use std::path::Path;

use kitelogik_policy::testing::{TestError, TestOutcome, TestReport, TestRunner, json_schema};
use serde_json::Value;

use super::{refunds, result};
use crate::rules::same_as;

fn table(text: &str) -> TestReport {
    TestRunner::new(refunds().yaml("refunds_test.yaml", text))
        .unwrap()
        .run()
        .unwrap()
}

fn problems(text: &str) -> Vec<String> {
    let runner = TestRunner::new(refunds().yaml("refunds_test.yaml", text)).unwrap();
    let TestError::Tables(problems) = runner.run().unwrap_err() else {
        panic!("no problem in a table")
    };
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_decision_table_passes_where_every_decision_is_as_wanted() {
    let report = table(
        "
version: 1
input: {action: approve_refund, context: {user_role: support_agent}}
tests:
  - name: small
    input: {args: {amount: 42}}
    verdict: allow
    rule: allow_small_refunds
    risk_tier: TRANSACTIONAL_LOW
  - name: mid
    input: {args: {amount: 420}}
    verdict: hitl
    reason: Refunds over 50 need a person
  - name: large
    input: {args: {amount: 4200}}
    verdict: deny
    reason: [Refunds over 500 go through the finance team]
    rule: [block_large_refunds]
  - name: other
    input: {action: delete_customer}
    verdict: refuse
",
    );
    assert_eq!(report.summary(), "PASS: 4/4\n", "{}", report.text(true));
}

#[test]
fn a_decision_that_is_not_as_wanted_tells_each_difference() {
    let report = table(
        "
version: 1
tests:
  - name: small
    input: {action: approve_refund, args: {amount: 42}}
    verdict: deny
    reason: too much
    rule: block_large_refunds
    risk_tier: DESTRUCTIVE
",
    );
    assert_eq!(report.exit_code(), 2);
    let result = result(&report, "small");
    assert_eq!((result.outcome, result.line), (TestOutcome::Fail, 4));
    assert_eq!(
        result.messages,
        [
            "the verdict is `allow`, not `deny`: allowed by policy",
            "the reason is `allowed by policy`, not `too much`",
            "the rule `block_large_refunds` did not fire, but `allow_small_refunds`",
            "the risk tier is `TRANSACTIONAL_LOW`, not `DESTRUCTIVE`",
        ]
    );
}

#[test]
fn a_denial_for_an_error_is_not_the_denial_that_a_table_wants() {
    let policy = refunds()
        .rego(
            "broken.rego",
            "package kitelogik.userpolicy\n\ndeny contains \"no\" if to_number(input.args.amount) > 5\n",
        )
        .yaml(
            "broken_test.yaml",
            "version: 1\ntests: [{name: a, input: {action: b, args: {amount: x}}, verdict: deny}]\n",
        );
    let report = TestRunner::new(policy).unwrap().run().unwrap();
    assert_eq!(report.summary(), "ERROR: 1/1\n");
    let message = &result(&report, "a").messages[0];
    assert!(
        message.starts_with("the policy could not decide: broken.rego:3:"),
        "{message}"
    );
}

#[test]
fn everything_wrong_in_a_table_is_told_in_one_run_with_its_place() {
    let text = "
version: 2
inputs: {}
tests:
  - name: a
    input: {action: approve_refund, contxt: {}}
    verdict: alow
  - name: a
    input: {action: approve_refund, args: 5}
    verdict: allow
    risk_tier: HIGH
  - input: {action: approve_refund}
    verdict: [allow]
    reasons: x
  - name: b
    verdict: deny
";
    assert_eq!(
        problems(text),
        [
            "refunds_test.yaml:2:10: the version of this format is `1`",
            "refunds_test.yaml:3:1: unknown key `inputs`; did you mean `input`?",
            "refunds_test.yaml:6:37: in the input: unknown key `contxt`; known here: `event_type`, `data_classification`, `action`, `tool_name`, `args`, `resource_path`, `context`",
            "refunds_test.yaml:7:14: unknown verdict `alow`; did you mean `allow`?",
            "refunds_test.yaml:8:5: a test named `a` is in line 5 already",
            "refunds_test.yaml:9:37: in the input: `args` must be an object",
            "refunds_test.yaml:11:16: unknown risk tier `HIGH`; one of `INFORMATIONAL`, `OPERATIONAL`, `TRANSACTIONAL_LOW`, `TRANSACTIONAL_HIGH`, `DESTRUCTIVE`, `SECURITY_CRITICAL`",
            "refunds_test.yaml:12:5: a test has a `name`",
            "refunds_test.yaml:13:14: `verdict` takes text, and this is a list",
            "refunds_test.yaml:14:5: unknown key `reasons`; did you mean `reason`?",
            "refunds_test.yaml:15:5: a test has an `input`: the event that is judged",
        ]
    );
    assert_eq!(
        problems(" \n"),
        [
            "refunds_test.yaml:1:1: there is nothing here: a decision table has `version: 1` and `tests`"
        ]
    );
}

#[test]
fn the_schema_of_tables_is_current_and_says_what_the_reader_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/tests.schema.json");
    let text = serde_json::to_string_pretty(&json_schema()).unwrap();
    same_as(&path, &format!("{text}\n"));

    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for (test, valid) in [
        ("{name: a, input: {action: x}, verdict: refuse}", true),
        (
            "{name: a, input: {action: x, context: {user_role: y, budget_used_tokens: 5}}, verdict: hitl}",
            true,
        ),
        (
            "{name: a, input: {action: x}, verdict: refuse, reason: [b, c], rule: d, risk_tier: DESTRUCTIVE}",
            true,
        ),
        (
            "{name: a, input: {event_type: agent.spawn, requested_capabilities: [x]}, verdict: deny}",
            true,
        ),
        (
            "{name: a, input: {action: x, contxt: {}}, verdict: refuse}",
            false,
        ),
        (
            "{name: a, input: {action: x, context: {role: y}}, verdict: refuse}",
            false,
        ),
        ("{name: a, input: {action: x}}", false),
        ("{name: '', input: {action: x}, verdict: refuse}", false),
        ("{name: a, input: {action: x}, verdict: maybe}", false),
        (
            "{name: a, input: {action: x}, verdict: refuse, risk_tier: HIGH}",
            false,
        ),
        (
            "{name: a, input: {action: x}, verdict: refuse, reason: []}",
            false,
        ),
        (
            "{name: a, input: {action: x}, verdict: refuse, because: b}",
            false,
        ),
    ] {
        let text = format!("version: 1\ntests: [{test}]\n");
        let document: Value = yaml_serde::from_str(&text).unwrap();
        assert_eq!(validator.is_valid(&document), valid, "schema: {test}");
        let read = TestRunner::new(refunds().yaml("a_test.yaml", text))
            .unwrap()
            .run();
        assert_eq!(read.is_ok(), valid, "reader: {test}");
    }
}
