//! What became of each rule, of random policies, beside what OPA finds.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use kitelogik_core::{GovernanceEvent, PolicyInput, SessionContext};
use kitelogik_opa::{ExplainedRule, RuleResult};
use kitelogik_opa_process::{OpaProcess, opa_or_skip};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::super::call;
use super::{HELPERS, patient, rules};

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
