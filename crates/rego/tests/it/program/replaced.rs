//! What `with` replaces documents by, where rules say it.

use kitelogik_opa_process::opa_or_skip;
use serde_json::json;

use super::opa::Opa;
use super::outcomes;

const RULES: &str = r#"package kitelogik.main

import data.limits.highest
import data.table as known

default allowed := false

allowed if input.args.level <= level

level := 5 if input.args.role == "admin"

level := 2 if not input.args.role == "admin"

missing if input.args.nothing

doubled(x) := x * 2

many(x) := 7

counted := count([1, 2])

asked if level == input.args.expected

kept if input.args.level == level

listed contains input.args.level

listed contains level

"#;

/// Bodies of one more rule; each is equal to OPA for every event.
const BODIES: &[&str] = &[
    "allowed with input.args.level as level",
    "allowed with input.args.level as data.kitelogik.main.level",
    "not allowed with input.args.level as level + 1",
    "not not_there with input.args.level as level",
    "kept with input.args.level as level with input.args.role as \"admin\"",
    "kept with input.args.role as \"other\" with input.args.level as level",
    "level == 2 with input as {\"args\": {\"role\": missing}}",
    "not allowed with input.args.level as missing",
    "allowed with input.args.role as missing with input.args.level as 1",
    "allowed with input.args.level as 1 with input.args.role as missing",
    "{\n\tallowed with input.args.level as {\n\t\t\"level\": level,\n\t}.level\n\tinput.args.level > 0\n}",
    "{\n\tcount(listed) == 1 with input.args.level as level\n}",
    "count([1 | allowed with input.args.level as level]) == 1",
    "count({one | some one in [1, 2]; allowed with input.args.level as level + one}) == 0",
    "{\n\tevery one in [0, 0] {\n\t\tallowed with input.args.level as level + one\n\t}\n}",
    "{\n\tsome one in [level, 9]\n\tnot allowed with input.args.level as one\n}",
    "{\n\tsome one in listed with input.args.level as level\n\tone == 2\n}",
    "{\n\tevery one in listed {\n\t\tone == level\n\t} with input.args.level as level\n}",
    "{\n\tx := level\n\tasked with input.args.expected as x\n}",
    "asked with input.args.expected as doubled(level)",
    "asked with input.args.expected as doubled(level) / 2",
    "asked with input.args.expected as [l | l := level][0]",
    "asked with input.args.expected as [1 | asked with input.args.expected as level][0] + level - 1",
    "asked with input.args as {\"expected\": level, \"role\": \"none\"}",
    "{\n\tasked with input.args as {\"expected\": level, \"role\": \"none\"}\n}",
    "{\n\tasked with input.args as { # {\n\t\t# more: {\n\n\t\t\"role\": \"{ #\", \"expected\": level,\n\t}\n}",
    "{\n\tinput.args.role != \"é{ #\"; asked with input.args as {\"é\": {\"a\": 1, \"b\": 2}, \"expected\": level}\n}",
    "{\n\tnot {\"a\": level, \"b\": 2} == {\"a\": 5, \"b\": 2} with input.args.role as input.args.other\n}",
    "allowed with input.args.level as {y |\n\t\tsome y in [1, 2, level]\n\t\ty > 1\n\t} & {2}",
    "{\n\tallowed with input.args.level as max({y |\n\t\tsome y in [1, level]\n\t\ty >= 1\n\t})\n\tinput.args.level > 0\n}",
    "asked with input.args as {(\"expected\"): level, \"role\": \"none\"}",
    "{\n\tasked with input.args as { # why (\n\t\t((concat(\"\", [\"expec\", \"ted\"]))): level, \"role\": \"none\"}\n}",
    "highest == 3 with data.limits.highest as level",
    "known == 5 with data.table as level",
    "data.table == level with data.table as level",
    "data.table.x == 2 with data.table.x as level",
    "counted == 7 with count as many",
    "counted == 7 with count as data.kitelogik.main.many",
    "counted == level with count as level",
    "{\n\tinput.args.level > 0 # more than # one\n\tallowed with input.args.level as level # a comment; `quoted`\n}",
    "allowed with input.args.role as `admin` with input.args.level as level - 1",
    "print(allowed) with input.args.level as level",
    "false\n\ngranted := 2 if allowed with input.args.level as level",
    "false\n\ngranted := 3 if {\n\tfalse\n} else := 4 if allowed with input.args.level as level",
    "allows(1)\n\nallows(x) if allowed with input.args.level as level + x - 1",
    "allowance == 1\n\nallowance := x if {\n\tx := 1\n\tallowed with input.args.level as level\n}",
];

#[test]
fn what_a_rule_says_is_what_a_document_is_replaced_by() {
    let data = json!({"limits": {"highest": 3}, "table": {"x": 1}});
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    let mut granted = 0;
    for body in BODIES {
        let text = format!("{RULES}not_there if data.not_there\n\ngranted := 1 if {body}\n");
        if let Some(opa) = &mut opa {
            let modules = [("main.rego".to_owned(), text.clone())];
            assert!(opa.load(&modules, &data), "{text}");
        }
        for arguments in [
            json!({"level": 1, "role": "admin"}),
            json!({"level": 4, "role": "admin", "expected": 5}),
            json!({"level": 2, "role": "other", "expected": 2}),
            json!({"level": 9}),
            json!({}),
        ] {
            let input = json!({"action": "read", "args": arguments});
            let asked = opa.as_mut().map(|opa| opa.ask(&input).unwrap());
            for outcome in outcomes(&text, &data, &arguments) {
                let expected = asked.clone().unwrap_or_else(|| outcome.clone());
                assert_eq!(outcome, expected, "{arguments}: {text}");
                granted += usize::from(outcome.is_ok_and(|told| told.get("granted").is_some()));
            }
        }
    }
    assert!(granted > BODIES.len(), "{granted}");
}
