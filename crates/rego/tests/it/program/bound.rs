//! Variables that have a value when they are unified or looked up by.

use kitelogik_opa_process::opa_or_skip;
use kitelogik_rego::Interpreter;
use serde_json::json;

use super::opa::Opa;
use super::outcomes;

const RULES: &str = r#"package kitelogik.main

plain if input.action == "read"

fits(step) if [step, 1] = [2, 1]

fits([step]) if { every _ in [1] { step = [2, 3][_] } }

every_one if { every step in [1, 2] { step = 1 } }

"#;

/// Leaves what is asked for to the interpreter.
const WITH: &str = "granted := 0 if { plain with input.args as 1; input.args.level == 1 }\n\n";

/// Bodies of one more rule; each is equal to OPA.
const BODIES: &[&str] = &[
    "every step in [1, 2] { [step, 1] = [1, 1] }",
    "every step in [1, 2] { [[step], _] = [[[1], 2],[[3],4]][_] }",
    "every step in [1, 2] { step = [1, 3][_] }",
    "every step in [1, 2] { step = 1 }",
    "every step in [1, 2] { 1 = step }",
    "every step in [1, 2] { x = step; x == 1 }",
    "every step in [1, 2] { x := step; x == 1 }",
    "every step in [1, 2] { x := 1; x = step }",
    "every step in [1, 2] { x := 1; step = x }",
    "every step in [1, 2] { count([1 | step = 1]) == 1 }",
    "every step in [1, 2] { count([1 | [step] = [1]]) == 1 }",
    "every step in [1, 2] { count([1 | some x in [1]; step = x]) == 1 }",
    "every step in [1, 2] { every other in [1, 2] { other = step } }",
    "every step in [[1], [2]] { [1] = step }",
    "every step in [[1], [2]] { step = [1] }",
    "every step in [[1], [2]] { step = [x]; x == 1 }",
    "every step in [\"a\", \"b\"] { {\"a\": 1}[step] == 1 }",
    "every step in [\"a\", \"b\"] { {\"a\": 1}[step] }",
    "every step in [\"level\", \"b\"] { input.args[step] }",
    "every step in [\"level\", \"b\"] { input.args[step] = [2, \"two\"] }",
    "every step in [\"level\", \"b\"] { [2, \"two\"] = input.args[step] }",
    "every step in [\"level\", \"b\"] { x = input.args[step]; x[0] == 2 }",
    "every step in [\"level\", \"b\"] { some x in input.args[step]; x == 2 }",
    "every step in [\"level\", \"b\"] { {\"k\": input.args[step]} = {\"k\": x} ; x != 1 }",
    "every step in [\"level\", \"b\"] { {\"k\": step} = {\"k\": \"level\"} }",
    "every k, v in {\"level\": 1, \"b\": 2} { {\"k\": k, \"v\": v} = {\"k\": \"level\", \"v\": 1} }",
    "every k, v in {\"level\": 1, \"b\": 2} { k = \"level\"; v = 1 }",
    "every k, v in {\"level\": 1, \"b\": 2} { [\"level\", 1] = [k, v] }",
    "every k, v in {\"level\": 1, \"b\": 2} { [\"level\", x] = [k, v]; x == 1 }",
    "some step in [2]; count([1 | step = 1]) == 1",
    "some step in [2]; [1 | [step, 1] = [1, 1]] == [1]",
    "some step in [2]; [step, 1] = [1, 1]",
    "step := 2; [step, 1] = [1, 1]",
    "step := 2; [1 | [step, 1] = [1, 1]] == [1]",
    "step := 2; [1 | [[step, _]] = [[[1, 1]][_]]] == [1]",
    "every plain in [1, 2] { plain = 1 }",
    "every count in [1, 2] { count = 1 }",
    "every step in [1, 1] { step = 1 }",
    "every step in [[1], [2]] { every other in step { other = 1 } }",
    "every step in [1, 2] { not step == 2 }",
    "every step in [1, 2] { some other in [3]; other != step }",
    "every step in [1, 2] { other := step + 1; other > 1 }",
    "every step in [1, 2] { walk({\"a\": 1}, [[step], _]) }",
    "every step in [\"a\", \"a\"] { walk({\"a\": 1}, [[step], _]) }",
    "every step in [1, 2] { input.args.level[step] }",
    "every step in [0, 1] { input.args.level[step] }",
    "every _, step in [1, 2] { step = 1 }",
    "every step, _ in [1, 2] { step = 0 }",
    "every step in [1, 2] { true with input as step }",
    "every step in [1, 2] { plain with input.action as step }",
    "every step in [\"read\"] { plain with input.action as step }",
    "step := 2; every _ in [1] { [step, 1] = [1, 1] }",
    "step := 2; every _ in [1] { step = [1, 3][_] }",
    "every step in [1, 2] {\n\t\t# one\n\t\tstep = [1, # two\n\t\t\t2][_]\n\t}",
    "every\n\t\tkey,\n\t\tstep in [0, 1] {\n\t\tkey = step\n\t}",
    "fits(2)",
    "fits([1])",
    "every step in [2, [2]] { fits(step) }",
    "not every_one",
    "every step in [1, 1] { count({other | some other in [1, 2]; other = step}) == 1 }",
];

#[test]
fn a_variable_of_every_keeps_its_value_where_it_is_unified() {
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    let data = json!({});
    let arguments = json!({"level": [2, "two"]});
    let (mut held, mut not_held) = (0, 0);
    for (body, with) in BODIES.iter().flat_map(|body| [(body, ""), (body, WITH)]) {
        let text = format!("{RULES}{with}held if {{\n\t{body}\n}}\n");
        let asked = opa.as_mut().map(|opa| {
            let modules = [("main.rego".to_owned(), text.clone())];
            assert!(opa.load(&modules, &data), "{text}");
            opa.ask(&json!({"action": "read", "args": arguments}))
                .unwrap()
        });
        for outcome in outcomes(&text, &data, &arguments) {
            let expected = asked.clone().unwrap_or_else(|| outcome.clone());
            assert_eq!(outcome, expected, "{text}");
            match outcome.unwrap().get("held") {
                Some(_) => held += 1,
                None => not_held += 1,
            }
        }
    }
    assert!(held > 30 && not_held > 100, "{held} {not_held}");
}

#[test]
fn what_every_asks_for_has_its_value_before() {
    let loaded = |body: &str| {
        let text = format!("{RULES}held if {{\n\t{body}\n}}\n");
        Interpreter::compile(
            [("main.rego", text.as_str())],
            &json!({}),
            "data.kitelogik.main",
        )
    };
    for body in [
        "some y; every x in [2, 3] { x > y }; y = 1",
        "some y; every x in [2, 3] { x = y }; y = 2",
        "some y; every x in [2, 3] { not x < y }; [y, _] = [1, 2]",
        "some y; every x in [2, 3] { count([1 | x > y]) > 0 }; walk(1, [_, y])",
        "some y; count([1 | every x in [2, 3] { x > y }]) == 1; y = 1",
        "some y; z := [1 | every x in [2, 3] { x > y }]; y = 1; z == [1]",
        "some y; every x in [2, 3] { plain with input.args.q as y }; y = 1",
        "some y; every x in [2, 3] { every z in [x] { z > y } }; [1, 2][y] == 2",
    ] {
        let refused = loaded(body).unwrap_err().to_string();
        let told = "`y` in `every` has its value from a statement after it; write that statement before the `every`";
        assert!(refused.contains(told), "{refused}");
    }
    for body in [
        "some y; y = 1; every x in [2, 3] { x > y }",
        "every x in [[2], [3]] { some y; x[y] > 1 }; some y; [1, 2][y] == 2",
        "every x in [[2], [3]] { some y in x; y > 1 }; y := 2",
        "every x in [2, 3] { y := x; y > 1 }; some y in [1]",
        "every y in [2, 3] { y > 1 }; y := 1",
        "count([1 | every x in [[2], [3]] { some y in x }]) == 1; some y in [1]",
        "y := 1; count([1 | every x in [2, 3] { x > y }]) == 1",
        "every x in [[2], [3]] { count([y | some y in x]) == 1 }; some y in [1]",
    ] {
        loaded(body).unwrap();
    }
}

#[test]
fn nothing_else_has_the_name_of_walk() {
    for rule in [
        "walk(x, y) if x == y",
        "walk := 1",
        "walk.x := 1",
        "import data.lib.walk\n\nother := 1",
        "import data.lib as walk\n\nother := 1",
    ] {
        let text = format!("package kitelogik.main\n\n{rule}\n");
        let loaded = Interpreter::compile(
            [("main.rego", text.as_str())],
            &json!({}),
            "data.kitelogik.main",
        );
        let refused = loaded.unwrap_err().to_string();
        assert!(
            refused.contains("`walk` is the name of a built-in; give this another name"),
            "{refused}"
        );
    }
}
