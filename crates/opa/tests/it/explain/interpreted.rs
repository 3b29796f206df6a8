//! Rules that are left to the interpreter are explained as it and OPA find them.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use kitelogik_core::{FailClosed, GovernanceEvent, MASKED, Masking, PolicyInput, SessionContext};
use kitelogik_opa::{Embedded, ExplainedRule, RuleResult};
use kitelogik_opa_process::{OpaProcess, opa_or_skip};
use kitelogik_policy::Policy;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
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

/// Statements that each may stand alone; `$` is a number.
const STATEMENTS: [&str; 20] = [
    "input.args.a > $",
    "input.args.a > $ with input.args.a as 3",
    "data.kitelogik.userpolicy.small",
    "not data.kitelogik.userpolicy.small",
    "data.kitelogik.userpolicy.small with input.args.a as $",
    "not data.kitelogik.userpolicy.small with input.args.a as $",
    "walk(input.args.tree, [_, value])\n\tvalue == $",
    "walk(input.args.tree, [path, \"x\"])\n\tcount(path) > $",
    "\"c\" in graph.reachable(input.args.roads, {\"a\"})",
    "not \"c\" in graph.reachable(input.args.roads, {\"b\"})",
    "data.kitelogik.userpolicy.far",
    "\"x\" in data.kitelogik.userpolicy.marked",
    "data.kitelogik.userpolicy.level == $",
    "data.kitelogik.userpolicy.near > $",
    "some tag in input.args.tags\n\ttag == \"x\"",
    "every tag in input.args.tags { data.kitelogik.userpolicy.small with input.args.a as tag }",
    "to_number(input.args.b) > $",
    "input.args.tags[_] == \"y\"",
    "\"x\" in [value | walk(input.args.tree, [_, value])]",
    "number := input.args.a + 1\n\tnumber > $",
];

/// Bodies of rules, a line for each statement.
fn bodies() -> impl Strategy<Value = Vec<Vec<String>>> {
    let statement = (select(&STATEMENTS[..]), 0..6_u8)
        .prop_map(|(text, number)| text.replace('$', &number.to_string()));
    prop::collection::vec(prop::collection::vec(statement, 1..4), 1..5).prop_map(|bodies| {
        let body = |statements: Vec<String>| {
            let statements = statements.into_iter().enumerate();
            // Each statement has variables of its own.
            let named = statements.flat_map(|(number, text)| {
                let mut text = text;
                for name in ["value", "path", "tag", "number"] {
                    let own = format!("{name}_{number}");
                    for (before, after) in [
                        (format!("{name} "), format!("{own} ")),
                        (format!("{name}]"), format!("{own}]")),
                        (format!("[{name},"), format!("[{own},")),
                        (format!("count({name})"), format!("count({own})")),
                    ] {
                        text = text.replace(&before, &after);
                    }
                }
                text.split("\n\t").map(str::to_owned).collect::<Vec<_>>()
            });
            named.collect::<Vec<String>>()
        };
        bodies.into_iter().map(body).collect()
    })
}

fn event() -> impl Strategy<Value = GovernanceEvent> {
    let roads = select(vec![
        json!({"a": ["b"], "b": ["c"], "c": []}),
        json!({"a": [], "b": ["c"], "c": []}),
        json!({}),
        json!(null),
        json!("a"),
    ]);
    let tree = select(vec![json!(["x", [3]]), json!({"k": {"k": "x"}}), json!(4)]);
    let tags = select(vec![
        json!([]),
        json!(["x", "y"]),
        json!([1, 2]),
        json!([9, "y"]),
    ]);
    let b = select(vec![json!("3"), json!(2), json!("no")]);
    (0..8_i64, roads, tree, tags, b).prop_map(|(a, roads, tree, tags, b)| {
        let mut args = json!({"a": a, "tree": tree, "tags": tags, "b": b});
        if !roads.is_null() {
            args["roads"] = roads;
        }
        call("go", &args)
    })
}

/// `deny` with the number of the rule, and the line of each statement.
fn denying(bodies: &[Vec<String>]) -> (String, Vec<Vec<u32>>) {
    let mut text = HELPERS.to_owned();
    let mut lines = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        let first = text.lines().count() + 3;
        write!(
            text,
            "\ndeny contains \"r{number}\" if {{\n\t{}\n}}\n",
            body.join("\n\t")
        )
        .unwrap();
        let body = (0..body.len()).map(|line| u32::try_from(first + line).unwrap());
        lines.push(body.collect());
    }
    (text, lines)
}

/// For each rule and each length of a beginning, whether it holds, for OPA.
fn beginnings(bodies: &[Vec<String>]) -> String {
    let mut text = "package beginnings\n".to_owned();
    for (number, body) in bodies.iter().enumerate() {
        for length in 1..=body.len() {
            let beginning = body[..length].join("\n\t");
            write!(
                text,
                "\nheld contains \"{number} {length}\" if {{\n\t{beginning}\n}}\n"
            )
            .unwrap();
        }
    }
    text
}

/// It has all the time that a busy machine needs.
fn patient(text: &str) -> Embedded {
    let policy = Policy::builder().rego("rules.rego", text).build().unwrap();
    let engine = Embedded::builder(policy).evaluation_time(Duration::from_secs(20));
    engine.build().unwrap()
}

struct Opa(OpaProcess);

impl Opa {
    fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0.port().unwrap())).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = answer.split_whitespace().nth(1).unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    /// The members of a set; none where there is an error.
    fn set(&self, path: &str, input: &Value) -> Option<Vec<String>> {
        let body = json!({ "input": input }).to_string();
        let path = format!("/v1/data/{path}?strict-builtin-errors=true");
        let (status, answer) = self.send("POST", &path, &body);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        (status == 200)
            .then(|| serde_json::from_value(answer["result"].clone()).unwrap_or_default())
    }
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

#[test]
fn what_became_of_each_rule_is_what_opa_finds() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = Opa(opa.server().start().unwrap());
    let counts = [const { Cell::new(0_usize) }; 4];
    let [fired, failed, faults, left] = &counts;
    let more = |count: &Cell<usize>| count.set(count.get() + 1);
    let mut runner = TestRunner::new(Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    });
    let cases = (bodies(), prop::collection::vec(event(), 3));
    let result = runner.run(&cases, |(bodies, events)| {
        let (text, lines) = denying(&bodies);
        let engine = patient(&text);
        for (name, module) in [("rules.rego", &text), ("held.rego", &beginnings(&bodies))] {
            let (status, answer) = opa.send("PUT", &format!("/v1/policies/{name}"), module);
            prop_assert_eq!(status, 200, "{}\n{}", answer, module);
        }
        let context = SessionContext::new("s1");
        for event in events {
            let input = PolicyInput::new(&event, &context, (&context).into());
            let input = serde_json::to_value(input).unwrap();
            let (fail_closed, rules) = rules(&engine, &event, &context);
            prop_assert_eq!(rules.len(), bodies.len(), "{}", text);
            let shown = format!("{rules:#?}\n{input}\n{text}");
            for rule in &rules {
                prop_assert!(
                    !matches!(rule.result, RuleResult::Interpreted { .. }),
                    "{shown}"
                );
                left.set(left.get() + usize::from(rule.interpreted.is_some()));
            }
            let stopped = |rule: &ExplainedRule| matches!(rule.result, RuleResult::Stopped { .. });
            let said = opa.set("kitelogik/userpolicy/deny", &input);
            let held = opa.set("beginnings/held", &input);
            // The interpreter may meet an error where OPA, and a program, do not look any more.
            if rules.iter().any(stopped) {
                prop_assert!(fail_closed.is_some(), "{}", shown);
                more(faults);
            }
            let Some(held) = held else {
                continue;
            };
            for (number, (rule, lines)) in rules.iter().zip(&lines).enumerate() {
                let holds = |length: &usize| held.contains(&format!("{number} {length}"));
                let first = (1..=lines.len()).find(|length| !holds(length));
                match (&rule.result, first) {
                    (RuleResult::Fired { says }, None) => {
                        prop_assert_eq!(says, &[json!(format!("r{number}"))], "{}", shown);
                        if let Some(said) = &said {
                            prop_assert!(said.contains(&format!("r{number}")), "{}", shown);
                        }
                        more(fired);
                    }
                    (RuleResult::NotFired { conditions }, Some(first)) => {
                        prop_assert_eq!(conditions.len(), 1, "{}", shown);
                        let at = conditions[0].line;
                        prop_assert_eq!(at, lines[first - 1], "rule {}\n{}", number, shown);
                        let written = bodies[number][first - 1].split_whitespace();
                        let written: Vec<&str> = written.collect();
                        prop_assert_eq!(&conditions[0].text, &written.join(" "));
                        more(failed);
                    }
                    (RuleResult::Stopped { .. }, _) => {}
                    _ => prop_assert!(false, "rule {number}, {first:?}\n{shown}"),
                }
            }
        }
        Ok(())
    });
    result.unwrap();
    let [fired, failed, faults, left] = counts.map(|count| count.get());
    println!("{fired} fired, {failed} did not, {faults} events with a fault; {left} left");
    assert!(fired > 30 && failed > 100 && faults > 3 && left > 50);
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
