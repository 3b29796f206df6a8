//! Explanations say what is decided, and suggest only what is allowed.

mod interpreted;
mod masked;

use std::sync::LazyLock;

use kitelogik_core::{
    Arguments, FailClosed, GovernanceEvent, Masking, PolicyDecision, PolicyEngine, PolicyInput,
    SessionContext, ToolCallInput,
};
use kitelogik_opa::{Embedded, Explanation, SuggestedChange, Suggestion};
use kitelogik_policy::{Policy, starters};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};
use tokio::runtime::Builder;

const REGO: &str = r#"package kitelogik.userpolicy

limits := {"support_agent": 100, "manager": 500}

limit := limits[input.context.user_role]

allow if {
	input.action == "approve_refund"
	"process_refunds" in input.context.session_scopes
	input.args.amount <= limit
	not blocked(input.args.country)
}

blocked(country) if country in {"IR", "KP"}

allow if {
	input.action in {"send", "approve_refund"}
	input.context.user_role == "manager"
	some tag in input.args.tags
	tag == "checked"
}

deny contains msg if {
	input.args.amount > 500
	msg := sprintf("%v is too much for %v", [input.args.amount, input.args.card])
}

hitl contains "a person looks at it" if {
	every tag in input.args.tags { tag != "urgent" }
	input.args.amount > 200
}

deny contains "no number" if to_number(input.args.amount) < 0
"#;

const YAML: &str = "
version: 1
otherwise: deny
rules:
  - name: small
    when:
      action: [approve_refund, send]
      scope: process_refunds
      any:
        - role: manager
        - args: {amount: {gte: 0, lte: 100}}
      args: {country: {not_in: [IR, KP]}}
    then: allow
  - name: tags
    when: {action: send, not: {args: {tags: {contains: checked}}}}
    then: hitl
  - name: large
    when: {args: {amount: {gt: 500}}}
    then: deny
";

static ENGINES: LazyLock<[Embedded; 2]> =
    LazyLock::new(|| [rego(REGO), engine(Policy::from_yaml(YAML).unwrap())]);

fn engine(policy: Policy) -> Embedded {
    Embedded::new(policy).unwrap()
}

fn rego(text: &str) -> Embedded {
    engine(Policy::builder().rego("rules.rego", text).build().unwrap())
}

fn decide(engine: &Embedded, event: &GovernanceEvent, context: &SessionContext) -> PolicyDecision {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let input = PolicyInput::new(event, context, context.into());
    runtime
        .block_on(engine.decide(&input))
        .unwrap_or_else(|error| PolicyDecision::fail_closed(&error))
}

fn call(action: &str, args: &Value) -> GovernanceEvent {
    GovernanceEvent::ToolCall(ToolCallInput::new(
        action,
        args.as_object().unwrap().clone(),
    ))
}

fn explain(engine: &Embedded, event: &GovernanceEvent, context: &SessionContext) -> Explanation {
    engine.explain(event, context, &Masking::none()).unwrap()
}

/// The event and session with what is suggested.
fn applied(
    suggestion: &Suggestion,
    event: &GovernanceEvent,
    context: &SessionContext,
) -> (GovernanceEvent, SessionContext) {
    let (mut event, mut context) = (event.clone(), context.clone());
    match (suggestion.at.as_str(), &suggestion.change) {
        ("role", SuggestedChange::Set { to, .. }) => {
            context.user_role = to.as_str().unwrap().to_owned();
        }
        ("scope", SuggestedChange::Add { value }) => {
            context
                .session_scopes
                .push(value.as_str().unwrap().to_owned());
        }
        (at, change) => {
            let GovernanceEvent::ToolCall(call) = &mut event else {
                panic!("only calls have arguments");
            };
            let mut args = call.args.object().clone();
            let path: Vec<&str> = at.split('.').skip(1).collect();
            let (last, above) = path.split_last().unwrap();
            let object = above.iter().fold(&mut args, |object, key| {
                object
                    .entry(*key)
                    .or_insert_with(|| Value::Object(Map::new()))
                    .as_object_mut()
                    .unwrap()
            });
            match change {
                SuggestedChange::Set { to, .. } => {
                    object.insert((*last).to_owned(), to.clone());
                }
                SuggestedChange::Add { value } => {
                    object[*last].as_array_mut().unwrap().push(value.clone());
                }
                SuggestedChange::Remove { .. } => {
                    object.remove(*last).unwrap();
                }
                other => panic!("{other:?}"),
            }
            call.args = Arguments::from(args);
        }
    }
    (event, context)
}

fn event() -> impl Strategy<Value = GovernanceEvent> {
    let amount = prop_oneof![
        (-5_i64..800).prop_map(Value::from),
        select(vec![json!("42"), json!(null), json!(99.5), json!("x")]),
    ];
    let tags = subsequence(vec!["checked", "urgent", "other"], 0..=3).prop_map(Value::from);
    let country = select(vec![json!("IR"), json!("DE"), json!(3)]);
    let args = (
        prop::option::weighted(0.9, amount),
        prop::option::of(tags),
        prop::option::of(country),
    );
    let action = select(vec!["approve_refund", "send", "other", "delete_record"]);
    (action, args).prop_map(|(action, (amount, tags, country))| {
        let mut args = Map::new();
        args.insert("card".to_owned(), json!("4000123412349876"));
        for (key, value) in [("amount", amount), ("tags", tags), ("country", country)] {
            args.extend(value.map(|value| (key.to_owned(), value)));
        }
        call(action, &Value::Object(args))
    })
}

fn context() -> impl Strategy<Value = SessionContext> {
    let role = select(vec!["support_agent", "manager", "intern"]);
    let scopes = subsequence(vec!["process_refunds", "send", "read"], 0..=3);
    (role, scopes).prop_map(|(role, scopes)| SessionContext::new("s1").role(role).scopes(scopes))
}

fn agrees(
    engine: &Embedded,
    event: &GovernanceEvent,
    context: &SessionContext,
) -> Result<(), TestCaseError> {
    let explanation = explain(engine, event, context);
    let mut decision = decide(engine, event, context);
    decision
        .decision_id
        .clone_from(&explanation.decision.decision_id);
    decision.revision.clone_from(&explanation.decision.revision);
    decision.engine.clone_from(&explanation.decision.engine);
    prop_assert_eq!(&explanation.decision, &decision);
    prop_assert!(!explanation.incomplete);
    if decision.allowed() {
        prop_assert!(explanation.suggestions.is_empty());
        prop_assert!(explanation.rules.iter().any(|rule| rule.fired()));
    }
    for suggestion in &explanation.suggestions {
        let (event, context) = applied(suggestion, event, context);
        let then = decide(engine, &event, &context);
        prop_assert!(then.allowed(), "{} gives {:?}", suggestion, then);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn it_says_what_is_decided_and_suggests_what_is_allowed(event in event(), context in context()) {
        for engine in ENGINES.iter() {
            agrees(engine, &event, &context)?;
        }
    }

    #[test]
    fn what_is_masked_is_not_in_it(event in event(), context in context()) {
        let masking = Masking::builder().path("args.card").unwrap().build();
        let explanation = ENGINES[0].explain(&event, &context, &masking).unwrap();
        let text = serde_json::to_string(&explanation).unwrap();
        prop_assert!(!text.contains("4000123412349876"), "{}", text);
    }
}

#[test]
fn the_starter_policies_are_explained_as_they_decide() {
    for starter in starters() {
        let mut builder = Policy::builder();
        for (name, text) in starter.files {
            if name.ends_with(".rego") && !name.ends_with("_test.rego") {
                builder = builder.rego(*name, *text);
            }
        }
        let Ok(policy) = builder.build() else {
            continue;
        };
        let engine = engine(policy);
        for amount in [1, 150, 100_000] {
            let event = call("approve_refund", &json!({ "amount": amount }));
            agrees(&engine, &event, &SessionContext::new("s1")).unwrap();
        }
    }
}

#[test]
fn the_interpreter_is_explained_as_the_program_is() {
    let policy = || Policy::builder().rego("rules.rego", REGO).build().unwrap();
    let interpreted = Embedded::builder(policy()).interpreted().build().unwrap();
    let event = call("approve_refund", &json!({ "amount": 150, "country": "DE" }));
    let context = SessionContext::new("s1").role("support_agent");
    assert_eq!(
        explain(&interpreted, &event, &context).rules,
        explain(&engine(policy()), &event, &context).rules
    );
}

#[test]
fn a_token_is_never_shown() {
    let engine = rego("package kitelogik.userpolicy\n\nallow if input.context.token_id == \"t\"\n");
    let context = SessionContext::new("s1").token("secret-token");
    let explanation = explain(&engine, &call("x", &json!({})), &context);
    let text = serde_json::to_string(&explanation).unwrap();
    assert!(!text.contains("secret-token"), "{text}");
}

#[test]
fn an_event_that_is_too_large_is_a_denial_that_says_so() {
    let policy = Policy::builder().rego("rules.rego", REGO).build().unwrap();
    let engine = Embedded::builder(policy)
        .max_input_bytes(4096)
        .build()
        .unwrap();
    let event = call("approve_refund", &json!({ "note": "x".repeat(8192) }));
    let explanation = explain(&engine, &event, &SessionContext::new("s1"));
    assert_eq!(
        explanation.decision.fail_closed,
        Some(FailClosed::LimitExceeded)
    );
    assert!(explanation.incomplete);
}

#[test]
fn null_is_suggested_only_where_the_policy_asks_for_it() {
    let shown = |text: &str, args: Value| {
        let explanation = explain(&rego(text), &call("x", &args), &SessionContext::new("s1"));
        assert!(!explanation.decision.allowed());
        let suggestions = explanation.suggestions.iter();
        suggestions.map(ToString::to_string).collect::<Vec<_>>()
    };
    let denied = |condition: &str| {
        format!(
            "package kitelogik.userpolicy\n\nallow if \"code\" in object.keys(input.args)\n\nallow if not input.args.code\n\ndeny contains \"no\" if {condition}\n"
        )
    };
    let code = json!({"code": "5"});
    assert_eq!(
        shown(&denied("input.args.code != null"), code.clone()),
        ["no args.code (it is \"5\")"]
    );
    assert_eq!(
        shown(
            &denied("object.get(input.args, \"code\", null) != null"),
            code.clone()
        ),
        ["no args.code (it is \"5\")"]
    );
    assert_eq!(
        shown(
            "package kitelogik.userpolicy\n\nallow if input.args.code == null\n",
            code
        ),
        ["args.code = null instead of \"5\""]
    );
}

#[test]
fn a_rule_after_a_call_that_names_its_result_is_explained_with_its_own_lines() {
    let engine = rego(
        "package kitelogik.userpolicy\n\nallow if count(input.args.tags, 2)\n\nallow if {\n\tinput.args.a == 1\n}\n",
    );
    let event = call("x", &json!({"tags": [], "a": 2}));
    let explanation = explain(&engine, &event, &SessionContext::new("s1"));
    let results: Vec<String> = explanation.rules[..2]
        .iter()
        .map(|rule| format!("{}: {}", rule.line, rule.result))
        .collect();
    assert!(
        results[0].starts_with("3: did not fire: rules.rego:3: `count(input.args.tags, 2)`"),
        "{results:?}"
    );
    assert_eq!(
        results[1],
        "5: did not fire: rules.rego:6: `input.args.a == 1` met input.args.a = 2"
    );
}
