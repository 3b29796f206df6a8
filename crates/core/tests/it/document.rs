//! Input documents read back strictly.

use kitelogik_core::{EventDocument, GovernanceEvent};
use serde_json::{Value, json};

const GOLDEN: [&str; 6] = [
    include_str!("../golden/tool_call.json"),
    include_str!("../golden/tool_call_minimal.json"),
    include_str!("../golden/agent_spawn.json"),
    include_str!("../golden/agent_delegate.json"),
    include_str!("../golden/agent_plan.json"),
    include_str!("../golden/agent_budget.json"),
];

#[track_caller]
fn input(document: &Value) -> Value {
    let read = EventDocument::parse(&document.to_string()).unwrap();
    serde_json::to_value(read.input()).unwrap()
}

#[track_caller]
fn problems(document: &Value) -> Vec<String> {
    EventDocument::parse(&document.to_string())
        .unwrap_err()
        .problems()
        .to_vec()
}

#[test]
fn every_golden_document_reads_back_as_itself() {
    for golden in GOLDEN {
        let golden: Value = serde_json::from_str(golden).unwrap();
        assert_eq!(input(&golden), golden);
    }
}

#[test]
fn what_a_tool_call_leaves_out_takes_the_default() {
    let minimal: Value = serde_json::from_str(GOLDEN[1]).unwrap();
    let given = json!({"action": "ping", "context": {"session_id": "example_01"}});
    assert_eq!(input(&given), minimal);
    let given = json!({"tool_name": "ping", "data_classification": null, "context": {"session_id": "example_01", "delegation_depth": null}});
    assert_eq!(input(&given), minimal);
}

#[test]
fn the_depth_of_an_agent_event_is_never_filled_in() {
    for kind in [
        "agent.spawn",
        "agent.delegate",
        "agent.plan",
        "agent.budget",
    ] {
        for depth in [
            json!(null),
            json!("0"),
            json!(-1),
            json!(0.5),
            json!([0]),
            json!(false),
        ] {
            let given = json!({"event_type": kind, "context": {"delegation_depth": depth}});
            assert_eq!(
                input(&given)["context"]["delegation_depth"],
                Value::Null,
                "{given}"
            );
        }
        assert_eq!(
            input(&json!({"event_type": kind}))["context"]["delegation_depth"],
            Value::Null
        );
        let given = json!({"event_type": kind, "context": {"delegation_depth": 2.0}});
        assert_eq!(input(&given)["context"]["delegation_depth"], json!(2));
    }
}

#[test]
fn a_depth_that_is_no_number_is_an_error_in_a_tool_call() {
    for depth in [json!("0"), json!(-1), json!(0.5), json!(4_294_967_296_u64)] {
        assert_eq!(
            problems(&json!({"action": "a", "context": {"delegation_depth": depth}})),
            ["`context.delegation_depth` must be a whole number, 0 or more"]
        );
    }
}

#[test]
fn whoever_is_delegated_from_an_unknown_depth_is_of_unknown_depth() {
    let parent = EventDocument::parse(r#"{"event_type": "agent.spawn"}"#).unwrap();
    let child = kitelogik_core::SessionContext::new("child").delegated_from(&parent.context);
    assert_eq!(child.delegation_depth, None);
}

#[test]
fn unknown_keys_are_errors_that_name_them_and_all_come_in_one_run() {
    let found = problems(&json!({
        "action": "a",
        "arguments": {},
        "context": {"role": "x", "user_role": 7},
    }));
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found
            .iter()
            .any(|problem| problem
                .starts_with("unknown key `arguments`; known here: `event_type`, "))
    );
    assert!(found.iter().any(|problem| {
        problem.starts_with("unknown key `context.role`; known under `context`: `session_id`, ")
    }));
    assert!(found.contains(&"`context.user_role` must be text".to_owned()));
}

#[test]
fn duplicate_keys_are_refused_at_every_depth() {
    for text in [
        r#"{"action": "a", "action": "b"}"#,
        r#"{"action": "a", "args": {"x": 1, "x": 2}}"#,
    ] {
        let error = EventDocument::parse(text).unwrap_err().to_string();
        assert!(error.contains("duplicate key"), "{error}");
    }
}

#[test]
fn what_an_event_has_no_place_for_is_not_dropped_in_silence() {
    assert!(
        problems(&json!({"event_type": "agent.budget", "args": {"x": 1}}))[0]
            .contains("`args` says something")
    );
    assert!(
        problems(&json!({"event_type": "agent.plan", "delegation_target": "b"}))[0]
            .contains("`delegation_target`")
    );
    assert!(
        problems(&json!({"event_type": "agent.spawn", "steps": [{"action": "a"}]}))[0]
            .contains("`steps`")
    );
    assert!(problems(&json!({"action": "a", "steps": []}))[0].starts_with("unknown key `steps`"));
    assert!(
        problems(
            &json!({"event_type": "agent.spawn", "session_id": "a", "context": {"session_id": "b"}})
        )[0]
        .contains("differ")
    );
}

#[test]
fn wrong_types_and_names_are_errors() {
    for (document, want) in [
        (json!([]), "an event is a JSON object"),
        (json!({}), "`action` is missing"),
        (
            json!({"event_type": "agent.fly"}),
            "`event_type` is `agent.fly`; one of `tool_call`",
        ),
        (
            json!({"action": "a", "args": []}),
            "`args` must be an object",
        ),
        (
            json!({"action": "a", "data_classification": "secret"}),
            "`data_classification` is `secret`",
        ),
        (
            json!({"action": "a", "context": {"session_scopes": "x"}}),
            "`context.session_scopes` must be a list",
        ),
        (
            json!({"action": "a", "context": {"session_scopes": [1]}}),
            "`context.session_scopes` must be a list of texts",
        ),
        (
            json!({"action": "a", "context": {"sandbox_verified": "yes"}}),
            "must be true or false",
        ),
        (
            json!({"action": "a", "context": {"budget_used_tokens": 1.5}}),
            "must be a whole number",
        ),
        (
            json!({"event_type": "agent.plan", "steps": [{"args": {}}]}),
            "`steps[0].action` is missing",
        ),
        (
            json!({"event_type": "agent.plan", "steps": [{"action": "a", "tool": "b"}]}),
            "unknown key `steps[0].tool`",
        ),
    ] {
        let found = problems(&document);
        assert!(found[0].contains(want), "{document}: {found:?}");
    }
}

#[test]
fn the_kind_of_event_is_kept() {
    let read = EventDocument::parse(r#"{"event_type": "agent.plan", "steps": [{"action": "a"}]}"#);
    assert!(
        matches!(read.unwrap().event, GovernanceEvent::AgentPlan(plan) if plan.steps.len() == 1)
    );
}
