//! Rules that are left to the interpreter are explained as it and OPA find them.

mod opa;

use std::fmt::Write as _;
use std::time::Duration;

use kitelogik_core::{FailClosed, GovernanceEvent, MASKED, Masking, SessionContext};
use kitelogik_opa::{Embedded, ExplainedRule, RuleResult};
use kitelogik_policy::Policy;
use serde_json::{Value, json};

use super::{call, explain, rego};
/// Helpers, some of them left to the interpreter as well.
const HELPERS: &str = r#"package kitelogik.userpolicy

allow if input.action == "go"

small if input.args.a < 5

far if "c" in graph.reachable(input.args.roads, {"a"})

marked contains value if {
	walk(input.args.tree, [_, value])
	value == "x"
}

level := 2 if {
	small with input.args.a as 1
	input.args.a > 3
} else := 1

near := count(marked)
"#;

/// It has all the time that a busy machine needs.
fn patient(text: &str) -> Embedded {
    let policy = Policy::builder().rego("rules.rego", text).build().unwrap();
    let engine = Embedded::builder(policy).evaluation_time(Duration::from_secs(20));
    engine.build().unwrap()
}

/// What became of the rules that deny, by their numbers.
fn rules(
    engine: &Embedded,
    event: &GovernanceEvent,
    context: &SessionContext,
) -> (Option<FailClosed>, Vec<ExplainedRule>) {
    let explanation = explain(engine, event, context);
    assert!(!explanation.incomplete);
    let mut rules = explanation.rules;
    rules.retain(|rule| rule.name == "data.kitelogik.userpolicy.deny");
    rules.sort_by_key(|rule| rule.line);
    (explanation.decision.fail_closed, rules)
}

/// The conditions of the first rule that is left to the interpreter.
fn conditions(engine: &Embedded, args: &Value) -> Vec<String> {
    let explanation = explain(engine, &call("go", args), &SessionContext::new("s1"));
    let mut rules = explanation.rules.iter();
    let rule = rules.find(|rule| rule.interpreted.is_some()).unwrap();
    match &rule.result {
        RuleResult::NotFired { conditions } => conditions.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

#[test]
fn a_condition_that_means_nothing_without_those_after_it_is_shown_with_them() {
    let engine = rego(
        r#"package kitelogik.userpolicy

limit := 1

allow if {
	input.action == "go" with input.args.a as 1
	found > 3
	input.args.list[_] = found
	found < limit with input.args.a as 1
}
"#,
    );
    assert_eq!(
        conditions(&engine, &json!({"list": [1, 2], "a": 9})),
        ["rules.rego:7: `found > 3 input.args.list[_] = found`"]
    );
    assert_eq!(
        conditions(&engine, &json!({"list": [1, 5]})),
        [
            "rules.rego:9: `found < limit with input.args.a as 1` met found = 5, limit with input.args.a as 1 = 1"
        ]
    );
}

#[test]
fn each_body_of_a_rule_is_explained_and_so_is_a_value_that_is_not_there() {
    let engine = rego(
        r#"package kitelogik.userpolicy

limit := input.args.first if {
	input.args.a > 3 with input.args.a as input.args.b
} else := input.args.then if {
	count(graph.reachable(input.args.roads, {"a"})) > input.args.count
}

allow if limit == 7
"#,
    );
    let explained = |args: Value| conditions(&engine, &args).join("; else ");
    assert_eq!(explained(json!({"b": 4, "first": 7})), "fired: 7");
    assert_eq!(
        explained(json!({"b": 4, "count": 9, "roads": {"a": []}})),
        "rules.rego:3: `the value of the rule`; else rules.rego:6: \
         `count(graph.reachable(input.args.roads, {\"a\"})) > input.args.count` \
         met count(graph.reachable(input.args.roads, {\"a\"})) = 1, \
         graph.reachable(input.args.roads, {\"a\"}) = [\"a\"], input.args.count = 9"
    );
    assert_eq!(
        explained(json!({"b": 1, "count": 0, "then": 5, "roads": {"a": []}})),
        "fired: 5"
    );
    let allowed = explain(
        &engine,
        &call("go", &json!({"b": 4, "first": 7})),
        &SessionContext::new("s1"),
    );
    assert!(allowed.decision.allowed());
    let by_limit = |rule: &&ExplainedRule| rule.name.ends_with("userpolicy.allow");
    let allow = allowed.rules.iter().find(by_limit).unwrap();
    assert!(allow.fired() && allow.interpreted.is_none(), "{allow:#?}");
}

#[test]
fn a_rule_whose_first_condition_is_of_another_action_is_no_rule_of_this_one() {
    let engine = rego(
        r#"package kitelogik.userpolicy

allow if {
	input.action == "stop"
	input.args.a with input.args.a as true
}

limits[name].most := 3 if {
	input.action == "stop"
	some name in ["a"]
}
"#
        .replace("limits[name].most := 3", "limits[name] := 3")
        .as_str(),
    );
    let explanation = explain(&engine, &call("go", &json!({})), &SessionContext::new("s1"));
    let own = explanation.rules.iter().filter(|rule| !rule.builtin);
    assert_eq!(own.count(), 0, "{:#?}", explanation.rules);
}

#[test]
fn what_an_interpreted_rule_makes_of_a_masked_part_is_masked_and_nothing_else() {
    let engine = rego(
        r#"package kitelogik.userpolicy

deny contains sprintf("not for %s", [value]) if {
	name := upper(input.args.name)
	some value in graph.reachable({"x": [name], name: []}, ["x"])
	value != "x"
}

deny contains sprintf("%v is too much", [input.args.amount]) if {
	input.args.amount > 10
	input.args.other == 1 with input.args.other as 1
}

deny contains "never" if input.args.name == "nobody" with input.args.other as 1

deny contains "not this one" if {
	last := upper(substring(input.args.name, 4, -1))
	last == "JONES" with input.args.other as 1
}

hitl contains reason if some reason in deny
"#,
    );
    let args = json!({"name": "ann smith", "amount": 11});
    let masking = Masking::builder().path("args.name").unwrap().build();
    let context = SessionContext::new("s1").token("secret-token");
    let explanation = engine
        .explain(&call("go", &args), &context, &masking)
        .unwrap();
    assert_eq!(
        explanation.decision.reason,
        format!("11 is too much; {MASKED}"),
        "{:#?}",
        explanation.rules
    );
    let text = serde_json::to_string(&explanation).unwrap().to_lowercase();
    assert!(
        !text.contains("smith") && !text.contains("secret-token"),
        "{text}"
    );
    let results: Vec<String> = explanation.rules[..4]
        .iter()
        .map(|rule| rule.result.to_string())
        .collect();
    assert_eq!(results[0], format!("fired: \"{MASKED}\""));
    assert_eq!(results[1], "fired: \"11 is too much\"");
    assert!(
        results[2].contains(&format!(
            "met input.args.name with input.args.other as 1 = \"{MASKED}\""
        )),
        "{results:?}"
    );
    assert!(
        results[3].contains(&format!("met last = \"{MASKED}\"")),
        "{results:?}"
    );
}

#[test]
fn rules_of_several_files_and_packages_are_told_in_their_own_lines() {
    let policy = Policy::builder()
        .rego(
            "a.rego",
            "package kitelogik.userpolicy\n\nimport data.teams.a as team\n\nallow if team.member\n",
        )
        .rego(
            "b.rego",
            "# Of the team.\npackage teams.a\n\n# Whoever is in it.\nmember if {\n\t# Below.\n\tinput.context.user_role == \"in\" with input.context.user_role as name\n}\n\nname := \"in\" if to_number(input.args.a) > 2\n",
        )
        .build()
        .unwrap();
    let engine = Embedded::new(policy).unwrap();
    let explained = |args: Value| {
        let explanation = explain(&engine, &call("go", &args), &SessionContext::new("s1"));
        let rules = explanation.rules.iter().filter(|rule| !rule.builtin);
        let shown: Vec<String> = rules
            .map(|rule| format!("{rule} {}", rule.result))
            .collect();
        (shown, explanation.decision)
    };
    assert_eq!(
        explained(json!({"a": "3"})).0,
        [
            "data.kitelogik.userpolicy.allow (a.rego:5) fired",
            "data.teams.a.member (b.rego:5) fired",
            "data.teams.a.name (b.rego:10) fired: \"in\"",
        ]
    );
    let (rules, decision) = explained(json!({"a": "x"}));
    assert_eq!(decision.fail_closed, Some(FailClosed::EvaluationError));
    let detail = decision.detail.unwrap();
    assert!(detail.starts_with("b.rego:10:"), "{detail}");
    assert!(
        rules[1].starts_with("data.teams.a.member (b.rego:5) stopped at b.rego:7: "),
        "{rules:#?}"
    );
    assert!(rules[1].ends_with(&detail), "{rules:#?} {detail}");
}

#[test]
fn a_hundred_rules_of_one_action_are_all_known_the_first_time() {
    let mut text = HELPERS.to_owned();
    for number in 0..100 {
        writeln!(
            text,
            "\ndeny contains \"r{number}\" if {{\n\tinput.action == \"go\"\n\tinput.args.a == {number} with input.args.b as 1\n}}"
        )
        .unwrap();
    }
    let event = call("go", &json!({"a": 7}));
    let (_, rules) = rules(&patient(&text), &event, &SessionContext::new("s1"));
    assert_eq!(rules.len(), 100);
    for (number, rule) in rules.iter().enumerate() {
        assert_eq!(rule.fired(), number == 7, "{rule:#?}");
        let known = !matches!(rule.result, RuleResult::Interpreted { .. });
        assert!(known, "{rule:#?}");
    }
}

#[test]
fn what_takes_too_long_is_said_not_to_be_known() {
    let text = "package kitelogik.userpolicy\n\nallow if input.action == \"go\"\n\ndeny contains \"slow\" if {\n\tsome a in numbers.range(1, 5000)\n\tsome b in numbers.range(1, 5000)\n\ta + b == 0 with input.args.a as 1\n}\n";
    let policy = Policy::builder().rego("rules.rego", text).build().unwrap();
    let engine = Embedded::builder(policy)
        .evaluation_time(Duration::from_millis(20))
        .build()
        .unwrap();
    let explanation = explain(&engine, &call("go", &json!({})), &SessionContext::new("s1"));
    assert_eq!(
        explanation.decision.fail_closed,
        Some(FailClosed::LimitExceeded)
    );
    assert!(explanation.incomplete);
    for rule in &explanation.rules {
        if rule.name.ends_with("userpolicy.deny") {
            let known = !matches!(rule.result, RuleResult::Interpreted { .. });
            assert!(!known, "{rule:#?}");
        }
    }
}
