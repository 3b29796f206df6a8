//! Numbers that data is asked for, whose keys are texts.

use kitelogik_core::{
    BudgetUsage, FailClosed, GovernanceEvent, PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_opa_process::opa_or_skip;
use kitelogik_rego::{Answer, Interpreter, MAX_DEPTH, read};
use serde_json::{Value, json};

use super::opa::Opa;
use super::reduction::Reductions;
use super::{BYTES, LIMITS, Outcome, TIME, code};

const ALONE: &str =
    "package kitelogik.main\n\ngranted := 1 if data.table.levels[input.args.level]\n";
const OTHER: &str = "\ngranted := 2 if input.action == \"other\"\n";

#[test]
fn a_number_that_data_has_as_a_text_is_an_error_where_opa_finds_it_or_not() {
    let data = json!({"table": {"levels": {"2": true, "two": true}}});
    let both = format!("{ALONE}{OTHER}");
    for text in [ALONE, &both] {
        let denied = Some(Err(FailClosed::EvaluationError));
        assert_eq!(compiled(text, &data, &json!(2)), denied, "{text}");
        assert_eq!(compiled(text, &data, &json!(2.0)), denied, "{text}");
        for level in [json!("2"), json!("two")] {
            let granted = Some(Ok(json!({"granted": 1})));
            assert_eq!(compiled(text, &data, &level), granted, "{text}");
        }
        for level in [json!(3), json!("3"), json!(null)] {
            assert_eq!(compiled(text, &data, &level), Some(Ok(json!({}))), "{text}");
        }
    }
    let Some(mut opa) = opa_or_skip!().map(|found| Opa::start(&found)) else {
        return;
    };
    let input = json!({"action": "read", "args": {"level": 2}});
    for (text, answer) in [(ALONE, json!({"granted": 1})), (&both, json!({}))] {
        assert!(opa.load(&[("main.rego".to_owned(), text.to_owned())], &data));
        assert_eq!(opa.ask(&input), Some(Ok(answer)), "{text}");
    }
}

/// What leaves an event to the interpreter, before anything else is looked at.
const WITH: &str = "\nplain if input.action == \"read\"\n\ngranted := 0 if { plain with input.args as 1; input.args.level == 1 }\n";

#[test]
fn a_number_that_data_has_as_a_text_is_an_error_where_the_interpreter_decides() {
    let data = json!({"table": {"levels": {"2": true, "two": true, "1000": true, "2.5": true, "1e-7": true}}});
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    for condition in [
        "data.table.levels[input.args.level]",
        "data.table.levels[level]",
        "data.table[\"levels\"][argument]",
        "table.levels[input.args.level]",
        "known[input.args.level]",
        "{ level := input.args.level; data.table.levels[level] }",
        "{\n\tlevel := input.args.level\n\tknown[level]\n}",
        "{ some number in [input.args.level]; data.table.levels[number] }",
        "data.table.levels[object.get(input.args, \"level\", 2)]",
        "{ some key; input.args[key]; data.table.levels[input.args[key]] }",
        "data.table.levels[input.args[_]]",
        "false\n\ngranted := 1 if looks_up(input.args.level)",
        "count([1 | data.table.levels[level]]) == 1",
    ] {
        let text = format!(
            "package kitelogik.main\n\nimport data.table\nimport data.table.levels as known\nimport input.args.level as argument\n\
             {WITH}{OTHER}\nlooks_up(level) if data.table.levels[level]\n\nlevel := input.args.level\n\ngranted := 1 if {condition}\n"
        );
        if let Some(opa) = &mut opa {
            assert!(opa.load(&[("main.rego".to_owned(), text.clone())], &data));
        }
        for level in [json!(2), json!(2.0), json!(1000.0), json!(2.5), json!(1e-7)] {
            for outcome in interpreted(&text, &data, &level) {
                let denied = Err(FailClosed::EvaluationError);
                assert_eq!(outcome, denied, "{level}: {text}");
            }
        }
        for level in [
            json!("2"),
            json!("two"),
            json!(3),
            json!("3"),
            json!(null),
            json!(false),
        ] {
            let input = json!({"action": "read", "args": {"level": level}});
            let asked = opa.as_mut().and_then(|opa| opa.ask(&input));
            let outcomes = interpreted(&text, &data, &level);
            for outcome in &outcomes {
                assert_eq!(Some(outcome), outcomes.first(), "{level}: {text}");
                assert!(outcome.is_ok(), "{level}: {outcome:?} {text}");
                if let Some(asked) = &asked {
                    assert_eq!(asked, outcome, "{level}: {text}");
                }
            }
        }
    }
}

#[test]
fn what_a_condition_looks_for_in_data_is_found_by_the_interpreter_as_by_opa() {
    let data = json!({"table": {"levels": {"2": true, "two": true}, "list": [5, 6]}});
    let text = format!(
        "package kitelogik.main\n{WITH}\nkeys contains key if data.table.levels[key]\n\npositions contains position if {{\n\tsome \
         position\n\tdata.table.list[position]\n}}\n\nlisted := [key | data.table.levels[key]]\n\nsecond if data.table.list[1]\n\n\
         some_level if data.table.levels[_]\n\nmembers := {{2, 3}}\n\nmember if data.kitelogik.main.members[input.args.level]\n"
    );
    let outcomes = interpreted(&text, &data, &json!(2));
    let expected = json!({
        "keys": ["2", "two"], "positions": [0, 1], "listed": ["2", "two"], "second": true, "some_level": true,
        "members": [2, 3], "member": true, "plain": true,
    });
    for outcome in outcomes {
        assert_eq!(outcome, Ok(expected.clone()));
    }
    let Some(mut opa) = opa_or_skip!().map(|found| Opa::start(&found)) else {
        return;
    };
    assert!(opa.load(&[("main.rego".to_owned(), text)], &data));
    let input = json!({"action": "read", "args": {"level": 2}});
    assert_eq!(opa.ask(&input), Some(Ok(expected)));
}

#[test]
fn data_that_an_import_names_is_found_by_a_number_as_by_opa() {
    let data = json!({"table": {"levels": {"2": 7, "two": 8, "list": [1, 7]}}});
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    for condition in [
        "table.levels[input.args.level] == 7",
        "known[input.args.level] > 6",
        "{ found := table.levels[input.args.level]; found == 7 }",
        "{ some number in [input.args.level]; known[number] == 7 }",
        "table.levels[level] == 7",
        "table[\"levels\"][level] == data.table.levels.two - 1",
        "not known[input.args.level]",
        "count([1 | known[level] == 7]) == 1",
        "known.list[1] == 7",
        "known[key] == 7",
        "{ outer := input.args.level; count([1 | known[outer] == 7]) == 1 }",
        "{ outer := input.args.level; every one in [1] { known[outer] > one } }",
        "{ some outer in [input.args.level]; [1 | data.table.levels[outer] == 7] == [1] }",
        "looks_up(input.args.level) == 7",
        "same({input.args.level: 7}, input.args.level)",
    ] {
        let key = if condition.contains("[key]") {
            "some key; "
        } else {
            ""
        };
        let text = format!(
            "package kitelogik.main\n\nimport data.table\nimport data.table.levels as known\n{WITH}\nlooks_up(level) := known[level]\n\n\
             same(known_of, level) if known_of[level] == 7\n\nlevel := input.args.level\n\ngranted := 1 if {{ {key}true; {} }}\n",
            condition
                .strip_prefix("{ ")
                .and_then(|inner| inner.strip_suffix(" }"))
                .unwrap_or(condition)
        );
        if let Some(opa) = &mut opa {
            assert!(
                opa.load(&[("main.rego".to_owned(), text.clone())], &data),
                "{text}"
            );
        }
        for level in [json!(2), json!("2"), json!("two"), json!(3)] {
            let input = json!({"action": "read", "args": {"level": level}});
            let asked = opa.as_mut().and_then(|opa| opa.ask(&input));
            for outcome in interpreted(&text, &data, &level) {
                if let Some(asked) = &asked {
                    assert_eq!(asked, &outcome, "{level}: {text}");
                }
            }
        }
    }
}

#[test]
fn a_number_by_which_every_looks_into_data_finds_there_what_opa_finds() {
    let data = json!({"table": {"levels": {"2": 7, "two": 7}}});
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    for condition in [
        "data.table.levels[number] == 7",
        "known[number] > 6",
        "[1 | known[number] == 7] == [1]",
    ] {
        let text = format!(
            "package kitelogik.main\n\nimport data.table.levels as known\n{WITH}\ngranted := 1 if {{\n\tevery number in [input.args.level] \
             {{ {condition} }}\n}}\n"
        );
        if let Some(opa) = &mut opa {
            assert!(
                opa.load(&[("main.rego".to_owned(), text.clone())], &data),
                "{text}"
            );
        }
        for level in [json!(2), json!("2"), json!("two"), json!(3), json!(null)] {
            let input = json!({"action": "read", "args": {"level": level}});
            let asked = opa.as_mut().and_then(|opa| opa.ask(&input));
            for outcome in interpreted(&text, &data, &level) {
                let granted = outcome
                    .as_ref()
                    .is_ok_and(|told| told.get("granted").is_some());
                let number = level
                    .as_u64()
                    .or(level.as_str().and_then(|text| text.parse().ok()));
                assert_eq!(
                    granted,
                    number == Some(2) || level == "two",
                    "{level}: {text}"
                );
                assert_eq!(
                    asked.clone().unwrap_or_else(|| outcome.clone()),
                    outcome,
                    "{level}: {text}"
                );
            }
        }
    }
}

#[test]
fn an_argument_may_have_the_name_of_an_import() {
    let data = json!({"table": {"levels": {"2": 7}}});
    let text = format!(
        "package kitelogik.main\n\nimport data.table\n{WITH}\ngranted := 1 if looks_up({{\"levels\": {{2: 5}}}})\n\nlooks_up(table) if table.levels[input.args.level] == 5\n"
    );
    for outcome in interpreted(&text, &data, &json!(2)) {
        assert_eq!(outcome, Ok(json!({"granted": 1, "plain": true})));
    }
}

/// What the whole interpreter says, and the one that is reduced to what the event can reach.
fn interpreted(text: &str, data: &Value, level: &Value) -> Vec<Outcome> {
    let interpreter =
        Interpreter::compile([("main.rego", text)], data, "data.kitelogik.main").unwrap();
    let program = interpreter.program().unwrap();
    let event = event(level);
    let context = SessionContext::default();
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    let left = program.run(&input, LIMITS);
    assert!(matches!(left, Answer::Interpret(_)), "{left:?}: {text}");
    let document = read(&input, BYTES, MAX_DEPTH).unwrap();
    let whole = interpreter.run(&document, TIME, BYTES).map_err(code);
    let reduced = Reductions::of(&program).run(&input, &document);
    [Some(whole), reduced].into_iter().flatten().collect()
}

fn event(level: &Value) -> GovernanceEvent {
    let arguments = json!({"level": level}).as_object().unwrap().clone();
    GovernanceEvent::ToolCall(ToolCallInput::new("read", arguments))
}

/// None where it is left to the interpreter.
fn compiled(text: &str, data: &Value, level: &Value) -> Option<Outcome> {
    let interpreter =
        Interpreter::compile([("main.rego", text)], data, "data.kitelogik.main").unwrap();
    let program = interpreter.program().unwrap();
    let event = event(level);
    let context = SessionContext::default();
    match program.run(
        &PolicyInput::new(&event, &context, BudgetUsage::default()),
        LIMITS,
    ) {
        Answer::Decided(decided) => Some(decided.map_err(code)),
        Answer::Interpret(_) => None,
    }
}

#[test]
fn what_walk_finds_is_looked_up_in_data_as_by_opa() {
    let data = json!({"table": {"levels": {"2": 7, "2.5": 8, "two": 9}, "list": [1, 7]}});
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    let mut granted = 0;
    for body in [
        "walk(input.args, [_, zz]); aa := data.table.levels[zz]",
        "walk(input.args, [_, zz]); aa = data.table.list[zz]",
        "some zz; walk(input.args, [_, zz]); aa := data.table.levels[zz]",
        "walk(input.args, both); aa := data.table.levels[both[1]]",
        "walk(input.args, [[\"level\"], aa])",
        "walk(input.args, [[first], 2]); aa := first",
        "zz := input.args.level\n\twalk(input.args, [path, zz]); aa := path",
        "aa := [path | walk(input.args, [path, _])]",
        "aa := {zz: path |\n\t\twalk(\n\t\t\tinput.args, # what for\n\t\t\t[path, zz]\n\t\t)\n\t\tdata.table.levels[zz] > 1\n\t}",
        "aa := 1; walk([count([input.args.level]) + 1], [_, zz]); data.table.levels[zz] == 7",
        "aa := input.args.level; walk({aa}, [[aa], aa])",
        "walk(input.args, [path, aa]) with input.args as {\"deep\": [2]}; path == [\"deep\", 0]",
        "walk(input.args, [path, aa]); not path == []; every step in path { walk(input.args, [[step], _]) }",
        "aa := 1; walk(input.missing, [_, _])",
    ] {
        let text = format!(
            "package kitelogik.main\n\nimport data.table\n{WITH}\nfound contains aa if {{\n\t{body}\n}}\n"
        );
        if let Some(opa) = &mut opa {
            let modules = [("main.rego".to_owned(), text.clone())];
            assert!(opa.load(&modules, &data), "{text}");
        }
        for level in [
            json!(2),
            json!(2.5),
            json!("two"),
            json!(1),
            json!([2, "two"]),
        ] {
            let input = json!({"action": "read", "args": {"level": level}});
            let asked = opa.as_mut().map(|opa| opa.ask(&input).unwrap());
            for outcome in interpreted(&text, &data, &level) {
                let expected = asked.clone().unwrap_or_else(|| outcome.clone());
                assert_eq!(outcome, expected, "{level}: {text}");
                let found = outcome.unwrap();
                granted +=
                    usize::from(found["found"].as_array().is_some_and(|all| !all.is_empty()));
            }
        }
    }
    assert!(granted > 40, "{granted}");
}
