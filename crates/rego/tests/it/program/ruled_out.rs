//! Rules that the index rules out beside an error that stands before what rules them out.

use kitelogik_core::{
    BudgetUsage, FailClosed, GovernanceEvent, PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_opa_process::opa_or_skip;
use kitelogik_rego::{Answer, Interpreter};
use serde_json::json;

use super::opa::Opa;
use super::{LIMITS, code};

#[test]
fn only_an_equality_with_what_is_written_there_spares_an_event_the_error_before_it() {
    let data = json!({"table": {"action": "pay"}});
    let failing = "to_number(input.args.text) > 5";
    let failed = Err(FailClosed::EvaluationError);
    let none = Ok(json!({"deny": []}));
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    for (conditions, expected) in [
        (format!("{failing}; input.action == \"pay\""), &none),
        (format!("{failing}; \"pay\" = input.action"), &none),
        (
            format!("{failing}; input.action == data.table.action"),
            &failed,
        ),
        (
            format!("{failing}; data.table.action = input.action"),
            &failed,
        ),
        (format!("{failing}; input.action == action"), &failed),
        (
            format!("{failing}; input.action == \"pay\"; input.action in {{\"read\", \"other\"}}"),
            &failed,
        ),
        (
            format!("{failing}; input.action == \"pay\"; startswith(input.action, \"r\")"),
            &failed,
        ),
        (
            format!("{failing}; input.action == \"pay\"; input.action == \"read\""),
            &failed,
        ),
        (
            format!("{failing}; input.action == \"pay\"; input.tool_name in {{\"read\"}}"),
            &none,
        ),
        (
            format!("input.action == data.table.action; {failing}"),
            &none,
        ),
        (format!("input.action == action; {failing}"), &none),
    ] {
        let text = format!(
            "package kitelogik.main\n\nimport data.table.action\n\ndeny contains \"x\" if {{ {conditions} }}\n"
        );
        let interpreter =
            Interpreter::compile([("main.rego", text.as_str())], &data, "data.kitelogik.main");
        let program = interpreter.unwrap().program().unwrap();
        let arguments = json!({"text": "no number"}).as_object().unwrap().clone();
        let event = GovernanceEvent::ToolCall(ToolCallInput::new("read", arguments));
        let context = SessionContext::default();
        let input = PolicyInput::new(&event, &context, BudgetUsage::default());
        let Answer::Decided(decided) = program.run(&input, LIMITS) else {
            panic!("left to the interpreter: {text}");
        };
        assert_eq!(&decided.map_err(code), expected, "{text}");
        if let Some(opa) = &mut opa {
            assert!(opa.load(&[("main.rego".to_owned(), text.clone())], &data));
            let asked = opa.ask(&serde_json::to_value(input).unwrap());
            assert_eq!(asked.as_ref(), Some(expected), "OPA: {text}");
        }
    }
}
