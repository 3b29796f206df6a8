//! Random policies of two packages: one is asked for, and asks the other, whose rules are about one action each.

use std::fmt::Write;

use serde_json::json;

use super::super::event::{ACTIONS, Random};
use super::Policy;

/// Where `{A}` and `{B}` stand, an action.
const RULES: [&str; 23] = [
    "allowed if input.action == \"{A}\"",
    "allowed if {\n\tinput.args.x == 1\n\tinput.tool_name == \"{A}\"\n}",
    "limit := 1 if input.action == \"{A}\"",
    "limit := count(data.table.names) if input.action == \"{A}\"",
    "names contains \"{A}\" if input.action == \"{A}\"",
    "names contains name if {\n\tsome name in input.args.list\n\tinput.action == \"{A}\"\n}",
    "names contains upper(input.args.x) if {\n\tinput.action in {\"{A}\", \"{B}\"}\n}",
    "deny[\"{A}\"] if {\n\tinput.tool_name == \"{A}\"\n}",
    "by_name[name] := input.args.x if {\n\tinput.action == \"{A}\"\n\tsome name in data.table.names\n}",
    "choice := \"spawn\" if {\n\tinput.event_type == \"agent.spawn\"\n\tcount(names) == 0\n}\n\nelse := limit if input.action == \"{A}\"\n\nelse := \"none\"",
    "choice := \"first\" if {\n\tnot input.args.x\n\tinput.action == \"{A}\"\n}\n\nelse := [allowed, deny] if input.action != \"{B}\"",
    "is_a if input.action == \"{A}\"",
    "helped if {\n\tis_a\n\tinput.args.x\n}",
    "helped if {\n\tnot is_a\n\tinput.action == \"{B}\"\n}",
    "failing contains to_number(input.args.x) if {\n\tto_number(input.args.x) > 0\n\tinput.action == \"{A}\"\n}",
    "failing contains 1 if {\n\tinput.action == \"{A}\"\n\tcount(input.args.y) > 1\n}",
    "again if {\n\tinput.action == \"{A}\"\n\tlimit == 1 with input.action as \"{B}\"\n}",
    "again if {\n\tinput.action == \"{A}\"\n\tallowed with input.args as {\"x\": 1}\n}",
    "again if {\n\tinput.tool_name == \"{A}\"\n\tnames[\"a\"] with input as {\"action\": \"{B}\"}\n}",
    "again if {\n\tinput.action == \"{A}\"\n\tlimit == 1 with data.table.names as [input.args.x]\n}",
    "walked contains path if {\n\tinput.action == \"{A}\"\n\twalk(input.args, [path, value])\n\tvalue == 1 with input.args.y as 2\n}",
    "reached contains name if {\n\tinput.action == \"{A}\"\n\tsome name in graph.reachable({\"a\": [\"b\"], \"b\": []}, {input.args.x})\n}",
    "inner.value := limit if input.action == \"{A}\"",
];

/// What the package has in any case.
const ALWAYS: &str = r#"package side

default flag := false

flag if input.action == "write"

judge(x) := limit if input.action == "read"

else := x if input.action == "pay"

else := "other"

default limit := 0

is_a if input.event_type == "agent.delegate"

names contains "delegate" if input.event_type == "agent.delegate"

deny["delegate"] if input.event_type == "agent.delegate"

allowed if input.event_type == "agent.delegate"
"#;

/// What rules elsewhere say of it; `{}` is a value.
const STATEMENTS: [&str; 18] = [
    "data.side.allowed",
    "not data.side.allowed",
    "side.limit == 1",
    "count(data.side.names) > 0",
    "not data.side.names.pay",
    "data.side.deny.pay",
    "data.side.by_name.a == {}",
    "data.side.choice == {}",
    "side.helped",
    "count(data.side.failing) == 0",
    "data.side.again",
    "data.side.again with input.args.y as {}",
    "data.side.walked",
    "count(side.reached) == 1",
    "data.side.judge({}) == 1",
    "data.side.inner.value == {}",
    "data.side[{}]",
    "count(data.side) > 1",
];

/// A policy of little else than rules about actions, which ask for each other across packages: most of its answers are documents.
pub(in super::super) fn policy(seed: u64) -> Policy {
    let mut random = Random::new(seed);
    let mut text = String::from("package kitelogik.main\n\nimport data.side\n\n");
    let heads = [
        "allow if",
        "default limit := 0\n\nlimit := 1 if",
        "deny contains \"no\" if",
        "deny contains input.args.x if",
        "rules[input.action] := 1 if",
        "helper if",
        "spawned := data.side.choice if input.event_type == \"agent.spawn\"\n\nelse := 1 if",
    ];
    for head in heads {
        for number in 0..random.below(4) {
            let head = match number {
                0 => head,
                _ => head.rsplit("\n\n").next().unwrap(),
            };
            if head.starts_with("else") {
                continue;
            }
            writeln!(text, "{head} {{").unwrap();
            if random.chance(60) {
                let action = random.pick(&ACTIONS);
                let field = random.pick(&["action", "action", "tool_name"]);
                writeln!(text, "\tinput.{field} == \"{action}\"").unwrap();
            }
            for _ in 0..=random.below(2) {
                let value = random.pick(&["1", "\"a\"", "input.args.x", "\"names\""]);
                let statement = random.pick(&STATEMENTS).replace("{}", value);
                writeln!(text, "\t{statement}").unwrap();
            }
            text.push_str("}\n\n");
        }
    }
    text.push_str("helped := \"yes\" if helper\n\nhelper if input.action == \"write\"\n");
    Policy {
        modules: vec![
            ("main.rego".to_owned(), text),
            ("side.rego".to_owned(), module(&mut random)),
        ],
        data: json!({"table": {"names": ["a", "b", "pay"]}}),
    }
}

fn module(random: &mut Random) -> String {
    let mut text = ALWAYS.to_owned();
    for rule in RULES {
        for _ in 0..random.below(3) {
            let (one, other) = (random.pick(&ACTIONS), random.pick(&ACTIONS));
            let rule = rule.replace("{A}", one).replace("{B}", other);
            writeln!(text, "\n{rule}").unwrap();
        }
    }
    text
}
