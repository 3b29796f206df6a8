//! Rego tests: what passes, what fails and where, what was reached.

use std::time::Duration;

use kitelogik_rego::{Interpreter, MAX_DEPTH, Outcome, Suite, TestRun, read};
use serde_json::json;

const POLICY: &str = r#"package team

default allow := false

allow if {
	input.amount <= data.limit
	not blocked
}

blocked if input.user == "mallory"

level := "high" if {
	input.amount > 100
} else := "low" if {
	input.amount > 0
} else := "none"

nothing := set() if input.amount < 0

fees := {"é": 1, "b": 2,}

deny contains "too much" if input.amount > 1000

double(x) := x * 2
"#;

fn suite(tests: &str) -> Suite {
    let tests = format!("package team_test\n\nimport data.team\n\n{tests}");
    Suite::compile(
        [("team.rego", POLICY)],
        [("team_test.rego", tests.as_str())],
        &json!({ "limit": 50 }),
        "data.team",
        true,
    )
    .unwrap()
}

fn run(tests: &str) -> Vec<(String, TestRun)> {
    let mut suite = suite(tests);
    suite
        .tests()
        .iter()
        .map(|test| (test.name.clone(), suite.run(test, Duration::from_secs(5))))
        .collect()
}

fn only(tests: &str) -> TestRun {
    run(tests).pop().unwrap().1
}

#[test]
fn a_test_passes_where_its_rule_is_true_and_fails_where_it_is_anything_else() {
    assert_eq!(
        only("test_a if team.allow with input as {\"amount\": 5}").outcome,
        Outcome::Pass
    );
    assert_eq!(only("test_a := true").outcome, Outcome::Pass);
    for failing in [
        "test_a if team.allow with input as {\"amount\": 51}",
        "test_a := false",
        "test_a := 7",
        "test_a contains 1",
    ] {
        let outcome = only(failing).outcome;
        assert!(
            matches!(outcome, Outcome::Fail(_)),
            "{failing}: {outcome:?}"
        );
    }
}

#[test]
fn a_failure_names_the_statement_it_stopped_at_and_what_its_sides_are() {
    let Outcome::Fail(Some(failure)) = only(
        "test_a if {\n\tteam.allow with input as {\"amount\": 5}\n\tdoubled := team.double(4)\n\tdoubled == 9\n\tteam.allow\n}",
    )
    .outcome
    else {
        panic!("no failure")
    };
    assert_eq!((failure.file.as_str(), failure.line), ("team_test.rego", 8));
    assert_eq!(failure.expression, "doubled == 9");
    assert_eq!(failure.values, ["8", "9"]);

    let Outcome::Fail(Some(failure)) =
        only("test_a if \"low\" == team.level with input as {\"amount\": 101}").outcome
    else {
        panic!("no failure")
    };
    assert_eq!(
        failure.expression,
        "\"low\" == team.level with input as {\"amount\": 101}"
    );
    assert_eq!(failure.values, ["\"low\"", "\"high\""]);

    let Outcome::Fail(Some(failure)) = only("test_a if data.nothing == data.limit").outcome else {
        panic!("no failure")
    };
    assert_eq!(failure.values, ["undefined", "50"]);
}

#[test]
fn a_test_that_is_yet_to_be_written_is_skipped() {
    assert_eq!(only("todo_test_a if false").outcome, Outcome::Skip);
}

#[test]
fn an_error_is_no_failure() {
    for erring in [
        "test_a if to_number(\"x\") == 1",
        "test_a if not to_number(\"x\") == 1",
        "test_a if team.conflict\n\ntest_b if conflict == 1\n\nconflict := 1\n\nconflict := 2",
    ] {
        let outcome = only(erring).outcome;
        let Outcome::Error(detail) = &outcome else {
            panic!("{erring}: {outcome:?}")
        };
        assert!(detail.starts_with("team_test.rego:"), "{detail}");
    }
}

#[test]
fn a_test_that_does_not_end_is_an_error() {
    let mut suite = suite(
        "test_a if { some x in numbers.range(1, 90000); some y in numbers.range(1, 90000); x + y < 0 }",
    );
    let test = suite.tests().pop().unwrap();
    let outcome = suite.run(&test, Duration::from_millis(20)).outcome;
    assert_eq!(
        outcome,
        Outcome::Error("it took longer than 20ms".to_owned())
    );
}

#[test]
fn tests_of_one_name_are_told_apart() {
    let runs = run("test_a if false\n\ntest_a if true\n\ntest_a if false");
    let names: Vec<&str> = runs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["test_a", "test_a#01", "test_a#02"]);
    assert!(matches!(runs[0].1.outcome, Outcome::Fail(_)));
    assert_eq!(runs[1].1.outcome, Outcome::Pass);
    assert!(matches!(runs[2].1.outcome, Outcome::Fail(_)));
}

#[test]
fn each_key_of_a_test_with_cases_is_one_case() {
    let outcome = only(
        r#"test_level[case.note] if {
	some case in [
		{"note": "low", "amount": 1, "want": "low"},
		{"note": "wrong", "amount": 1, "want": "high"},
		{"note": "high", "amount": 101, "want": "high"},
	]
	got := team.level with input as {"amount": case.amount}
	got == case.want
}"#,
    )
    .outcome;
    assert_eq!(
        outcome,
        Outcome::Cases(vec![
            ("high".to_owned(), true),
            ("low".to_owned(), true),
            ("wrong".to_owned(), false),
        ])
    );
}

#[test]
fn what_a_test_prints_comes_with_it() {
    let run = only("test_a if { print(\"amount\", 5); true }");
    assert_eq!(run.printed.len(), 1);
    assert!(run.printed[0].contains("amount 5"), "{:?}", run.printed);
}

#[test]
fn coverage_tells_lines_that_were_evaluated_and_rules_that_fired() {
    let mut suite = suite("test_a if team.level == \"low\" with input as {\"amount\": 5}");
    for test in suite.tests() {
        suite.run(&test, Duration::from_secs(5));
    }
    let input = read(&json!({ "amount": 5 }), 1024, MAX_DEPTH).unwrap();
    let (answer, _) = suite.ask(&input, Duration::from_secs(1), 1024);
    assert_eq!(answer.unwrap()["allow"], true);

    let coverage = suite.coverage();
    let team = &coverage[0];
    assert_eq!(team.file, "team.rego");
    let fired: Vec<(&str, u32, bool)> = team
        .rules
        .iter()
        .map(|rule| (rule.rule.as_str(), rule.line, rule.fired))
        .collect();
    assert_eq!(
        fired,
        [
            ("data.team.allow", 5, true),
            ("data.team.blocked", 10, false),
            ("data.team.level", 12, true),
            ("data.team.nothing", 18, false),
            ("data.team.fees", 20, true),
            ("data.team.deny", 22, false),
            ("data.team.double", 24, false),
        ]
    );
    for line in [5, 6, 7, 13, 15] {
        assert!(team.covered.contains(&line), "{line}: {team:?}");
    }
    for line in [10, 18, 22, 24] {
        assert!(team.not_covered.contains(&line), "{line}: {team:?}");
    }
}

#[test]
fn a_policy_that_the_gate_refuses_has_no_suite() {
    let data = json!({});
    for rules in [
        "allow if not input.roles[x] == \"blocked\"",
        "allow if not {input.a; input.b}\n\nimport future.keywords.not",
        "allow if count([x | x := walk(input)]) > 0",
        "allow if double(1) == 2 with double as 2\n\ndouble(x) := x",
        "allow if yaml.is_valid(input.text)",
        "limits[role].amount := 5 if some role in input.roles",
        "limit.a := 1\n\nlimit.a.b := 2",
        "limit := 5 if { input.a } { input.b }",
        "limit(x) := 5 if { x > 1 } { x < 0 }",
        "loops(x) := loops(x)",
    ] {
        let module = format!("package team\n\n{rules}\n");
        let policy = [("team.rego", module.as_str())];
        let tests = [("team_test.rego", "package team_test\n\ntest_a if true")];
        let gate = Interpreter::compile(policy, &data, "data.team")
            .expect_err(rules)
            .to_string();
        let suite = Suite::compile(policy, tests, &data, "data.team", false)
            .expect_err(rules)
            .to_string();
        assert_eq!(suite, gate);
    }
}

#[test]
fn a_test_may_replace_functions_and_data() {
    let run = only(
        "test_a if {\n\tteam.allow with input as {\"amount\": 60} with data.limit as 70\n\tdata.team.double(1) == 7 with data.team.double as 7\n}",
    );
    assert_eq!(run.outcome, Outcome::Pass);
}

#[test]
fn a_test_may_replace_by_what_a_rule_says_and_by_a_function() {
    for body in [
        "team.level == \"low\" with input.amount as largest",
        "not team.blocked with input.user as data.team.level with input.amount as 5",
        "team.deny == {\"too much\"} with input as {\"amount\": largest * 20}",
        "team.allow with input.amount as largest with data.limit as data.team_test.largest",
        "team.double(1) == 10 with team.double as ten",
        "team.double(1) == 10 with data.team.double as data.team_test.ten",
        "team.double(1) == 60 with team.double as largest",
        "team.fees == 60 with team.fees as largest",
        "count([1]) == 10 with count as ten",
    ] {
        let run = only(&format!(
            "largest := 60\n\nten(x) := 10\n\ntest_a if {body}"
        ));
        assert_eq!(run.outcome, Outcome::Pass, "{body}");
    }
}

#[test]
fn a_suite_asks_the_policy_that_the_gate_asks() {
    let policy = [(
        "team.rego",
        r#"package team

deny contains x.reason if some x in input.found

limit(x) := x.limit if x.known else := "none"

limits contains limit(x) if some x in input.found
"#,
    )];
    let data = json!({});
    let found = json!({ "found": [
        {"reason": "a"}, {"known": true}, {"reason": "b", "known": true, "limit": 5},
    ] });
    let input = read(&found, 1024, MAX_DEPTH).unwrap();
    let time = Duration::from_secs(5);
    let want = json!({ "deny": ["a", "b"], "limits": [5, "none"] });
    let interpreter = Interpreter::compile(policy, &data, "data.team").unwrap();
    assert_eq!(interpreter.run(&input, time, 1024), Ok(want.clone()));
    for coverage in [false, true] {
        let mut suite = Suite::compile(policy, [], &data, "data.team", coverage).unwrap();
        assert_eq!(suite.ask(&input, time, 1024).0, Ok(want.clone()));
    }
}

#[test]
fn lines_stay_where_they_are_below_a_value_of_several_lines() {
    let text = r#"package team

deny contains sprintf("%v", [
	input.user,
]) if {
	input.amount > 1
	input.amount > 2
}

size(x) := sprintf("%v", [
	x.missing,
]) if {
	x.amount > 1
} else := 2
"#;
    let tests = "package team_test\n\ntest_a if {\n\tcount(data.team.deny) == 0 with input as {\"amount\": 2}\n\tdata.team.size({\"amount\": 2}) == 2\n}";
    let mut suite = Suite::compile(
        [("team.rego", text)],
        [("team_test.rego", tests)],
        &json!({}),
        "data.team",
        true,
    )
    .unwrap();
    let test = suite.tests().pop().unwrap();
    assert_eq!(
        suite.run(&test, Duration::from_secs(5)).outcome,
        Outcome::Pass
    );
    let team = &suite.coverage()[0];
    for line in [6, 7, 13] {
        assert!(team.covered.contains(&line), "{line}: {team:?}");
    }
    for line in [4, 5, 8, 9, 11, 15] {
        assert!(!team.covered.contains(&line), "{line}: {team:?}");
    }
}
