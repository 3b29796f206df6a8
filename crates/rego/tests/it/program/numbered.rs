//! Numbers that data is asked for, whose keys are texts.

use kitelogik_core::{
    BudgetUsage, FailClosed, GovernanceEvent, PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_opa_process::opa_or_skip;
use kitelogik_rego::{Answer, Interpreter};
use serde_json::{Value, json};

use super::opa::Opa;
use super::{LIMITS, Outcome, code};

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

/// None where it is left to the interpreter.
fn compiled(text: &str, data: &Value, level: &Value) -> Option<Outcome> {
    let interpreter =
        Interpreter::compile([("main.rego", text)], data, "data.kitelogik.main").unwrap();
    let program = interpreter.program().unwrap();
    let arguments = json!({"level": level}).as_object().unwrap().clone();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("read", arguments));
    let context = SessionContext::default();
    match program.run(
        &PolicyInput::new(&event, &context, BudgetUsage::default()),
        LIMITS,
    ) {
        Answer::Decided(decided) => Some(decided.map_err(code)),
        Answer::Interpret(_) => None,
    }
}
