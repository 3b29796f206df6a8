//! What is masked shows neither as it is nor in what is made or told of it.

use kitelogik_core::{FailClosed, MASKED, Masking, SessionContext};
use kitelogik_opa::RuleResult;
use serde_json::json;

use super::{call, explain, rego};

#[test]
fn what_is_computed_from_a_masked_part_is_masked_and_what_is_not_is_shown() {
    let engine = rego(
        r#"package kitelogik.userpolicy

allow if {
	last := substring(input.args.card, 12, 4)
	last == "1111"
}

allow if {
	words := split(input.args.note, " ")
	count(words) > 5
}
"#,
    );
    let event = call("x", &json!({"card": "4000123412349876", "note": "a b"}));
    let masking = Masking::builder().path("args.card").unwrap().build();
    let explanation = engine
        .explain(&event, &SessionContext::new("s1"), &masking)
        .unwrap();
    let met = |index: usize| match &explanation.rules[index].result {
        RuleResult::NotFired { conditions } => conditions[0].met.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(met(0)[0].expression, "last");
    assert_eq!(met(0)[0].value, Some(json!(MASKED)));
    assert_eq!(met(1)[0].expression, "words");
    assert_eq!(met(1)[0].value, Some(json!(["a", "b"])));
}

#[test]
fn a_reason_shows_neither_what_is_computed_from_a_masked_part_nor_its_keys() {
    let engine = rego(
        r#"package kitelogik.userpolicy

deny contains msg if msg := sprintf(" not for %s", [upper(input.args.name)])

deny contains msg if {
	some iban, _ in input.args.accounts
	msg := sprintf("%s is closed", [iban])
}

deny contains "never on sundays" if input.action == "x"
"#,
    );
    let args = json!({"name": "ann smith", "accounts": {"DE4711": 5}});
    let masking = Masking::builder()
        .path("args.name")
        .and_then(|rules| rules.path("args.accounts"))
        .unwrap()
        .build();
    let explanation = engine
        .explain(&call("x", &args), &SessionContext::new("s1"), &masking)
        .unwrap();
    assert_eq!(
        explanation.decision.reason, "[masked]; [masked]; never on sundays",
        "{:#?}",
        explanation.rules
    );
    let text = serde_json::to_string(&explanation).unwrap();
    assert!(!text.contains("ANN") && !text.contains("DE4711"), "{text}");
}

#[test]
fn a_fault_quotes_an_argument_whole_and_shows_none_that_is_masked() {
    let engine = rego(
        r#"package kitelogik.userpolicy

deny contains "a" if abs(input.args.note) > 1

deny contains "b" if startswith(input.args.list, "x")
"#,
    );
    let note = "see\n--> deep.rego:7:7\nerror: token=abc\nerror: it's \"mine\"";
    let masking = Masking::of_everything();
    for args in [
        json!({ "note": note }),
        json!({"note": 1, "list": [note]}),
        json!({"note": 1, "list": {(note): 1}}),
    ] {
        let event = call("x", &args);
        let context = SessionContext::new("s1");
        let plain = explain(&engine, &event, &context).decision;
        assert_eq!(plain.fail_closed, Some(FailClosed::EvaluationError));
        let plain = plain.detail.unwrap();
        assert!(
            plain.contains(" Got `") || plain.contains(" expect"),
            "{plain}"
        );
        assert!(!plain.starts_with("deep.rego"), "{plain}");
        let shown = engine.explain(&event, &context, &masking).unwrap();
        let text = serde_json::to_string(&shown).unwrap();
        for secret in ["deep.rego", "token=abc", "mine"] {
            assert!(!text.contains(secret), "{text}");
        }
        let detail = shown.decision.detail.unwrap();
        assert!(plain.split_whitespace().next() == detail.split_whitespace().next());
    }
}
