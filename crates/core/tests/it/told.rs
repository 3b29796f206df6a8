//! What tells of an event does not tell what is masked in it.

use kitelogik_core::{
    AgentPlan, EngineError, FailClosed, GovernanceEvent, MASKED, Masking, PlanStep, PolicyDecision,
    ToolCallInput,
};
use serde_json::{Value, json};

fn paying(args: &Value) -> GovernanceEvent {
    let args = args.as_object().cloned().unwrap();
    GovernanceEvent::ToolCall(ToolCallInput::new("pay", args))
}

#[test]
fn what_tells_of_an_event_does_not_tell_what_is_masked_in_it() {
    let event = GovernanceEvent::ToolCall(ToolCallInput {
        resource_path: Some("/home/ann".into()),
        ..ToolCallInput::new(
            "pay",
            json!({"card": {"number": 4111_2222, "holder": "Ann \"A\"\nDoe"}, "note": "by card", "n": 2})
                .as_object()
                .cloned()
                .unwrap(),
        )
    });
    let detail = "main.rego:2: `Ann \"A\" Doe` of /home/ann (\"Ann \\\"A\\\"\\nDoe\"): 41112222 is 2 by card";
    let told = |rules: &Masking| rules.told("detail", detail, &event);
    let card = Masking::builder().path("args.card").unwrap().build();
    assert_eq!(
        told(&card),
        "main.rego:2: `[masked]` of /home/ann (\"[masked]\"): [masked] is 2 by card"
    );
    assert_eq!(
        told(&Masking::of_everything()),
        "main.rego:2: `[masked]` of [masked] (\"[masked]\"): [masked] is 2 [masked]"
    );
    let pattern = Masking::builder().pattern("[0-9]{4,}").unwrap().build();
    assert!(told(&pattern).contains(": [masked] is 2 by card"));
    assert_eq!(
        told(&Masking::builder().path("detail").unwrap().build()),
        MASKED
    );
    assert_eq!(told(&Masking::none()), detail);

    let plan = GovernanceEvent::AgentPlan(AgentPlan {
        steps: vec![PlanStep::new(
            "pay",
            json!({"pin": "4711"}).as_object().cloned().unwrap(),
        )],
        ..AgentPlan::default()
    });
    assert_eq!(
        Masking::of_everything().told("detail", "no pin 4711", &plan),
        "no [masked] [masked]"
    );
}

#[test]
fn a_quoted_part_is_masked_however_much_of_it_is_told() {
    let told =
        |args: &Value, detail: &str| Masking::of_everything().told("detail", detail, &paying(args));
    let note = json!({"note": "error: token=abc\r\n --> deep.rego:1\n it's \u{200b}me "});
    for detail in [
        "is no number: token=abc",
        "is no number: error: token=abc   --> deep.rego:1  it's \u{200b}me",
        "is no number:  --> deep.rego:1",
        r"is no number: it's \u{200b}me",
        r"is no number: error: token=abc\r\n --> deep.rego:1\n it's",
    ] {
        let told = told(&note, detail);
        assert!(told.starts_with("is no number:"), "{told}");
        for secret in ["token", "deep", "me"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
    let keys = json!({"accounts": {"DE4711": {"DE 4712": 5}}});
    assert_eq!(
        told(&keys, "no object: DE4711, DE 4712"),
        "no object: [masked], [masked]"
    );
    let parts_of_it = json!({"a": "mask", "b": "[masked]", "c": "ask", "d": "secret"});
    assert_eq!(
        told(&parts_of_it, "secret is no mask"),
        "[masked] is no [masked]"
    );
    let overlapping = json!({"a": "abcd", "b": "cdef"});
    assert_eq!(told(&overlapping, "no abcdef"), "no [masked]");
    let rules = Masking::builder().path("args.pin").unwrap();
    let rules = rules.pattern("[0-9]{16}").unwrap().build();
    assert_eq!(
        rules.told(
            "detail",
            "no 4111222233334444",
            &paying(&json!({"pin": 4111}))
        ),
        "no [masked]"
    );
}

#[test]
fn what_is_too_large_to_be_looked_through_or_was_cut_is_masked_whole() {
    let everything = Masking::of_everything();
    let pin = Masking::builder().path("args.pin").unwrap().build();
    let digits = Masking::builder().pattern("[0-9]{16}").unwrap().build();
    let little = paying(&json!({"note": "secret"}));
    let leaves: Vec<String> = (0..80_000).map(|leaf| format!("leaf {leaf}")).collect();
    let much = paying(&json!({ "leaves": leaves }));
    let long = "no secret ".repeat(40_000);
    assert_eq!(everything.told("detail", "no number", &much), MASKED);
    assert_eq!(everything.told("detail", &long, &much), MASKED);
    assert_eq!(everything.told("detail", &long, &little), MASKED);
    assert_eq!(pin.told("detail", &long, &much), long);
    assert_eq!(digits.told("detail", &long, &little), long);

    let error = EngineError::new(FailClosed::EvaluationError, long.as_str());
    let cut = error.detail();
    assert!(cut.starts_with("no secret no"), "{cut}");
    assert!(cut.ends_with("… [cut from 400000 bytes]"), "{cut}");
    assert!(cut.len() < 4200);
    let decision = PolicyDecision::fail_closed(&error);
    assert_eq!(decision.detail.as_deref(), Some(cut));
    assert_eq!(everything.told("detail", cut, &little), MASKED);
    assert_eq!(digits.told("detail", cut, &little), MASKED);
    assert_eq!(pin.told("detail", cut, &little), cut);
}
