//! What must not be written down is not.

use kitelogik_core::{
    AgentPlan, GovernanceEvent, MASKED, Masking, PlanStep, SessionContext, ToolCallInput,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn masked(paths: &[&str], patterns: &[&str], args: &Value) -> Value {
    let mut rules = Masking::builder();
    for path in paths {
        rules = rules.path(path).unwrap();
    }
    for pattern in patterns {
        rules = rules.pattern(pattern).unwrap();
    }
    rules.build().value("args", args)
}

#[test]
fn paths_lead_to_what_is_masked() {
    let args = json!({
        "card": {"number": 4111, "holder": {"name": "ann"}},
        "items": [{"token": "a", "id": 1}, {"token": null, "id": 2}],
    });
    let same = |path: &str| masked(&[path], &[], &args) == args;
    assert_eq!(
        masked(&["args.card.number"], &[], &args)["card"],
        json!({"number": MASKED, "holder": {"name": "ann"}})
    );
    assert_eq!(masked(&["args.card"], &[], &args)["card"], MASKED);
    assert_eq!(masked(&["args"], &[], &args), MASKED);
    assert_eq!(
        masked(&["args.items.*.token"], &[], &args)["items"],
        json!([{"token": MASKED, "id": 1}, {"token": MASKED, "id": 2}])
    );
    assert_eq!(masked(&["args.items.1"], &[], &args)["items"][1], MASKED);
    assert_eq!(
        masked(&["args.**.name"], &[], &args)["card"]["holder"]["name"],
        MASKED
    );
    assert_eq!(masked(&["**.id"], &[], &args)["items"][0]["id"], MASKED);
    assert_eq!(masked(&["args.**"], &[], &args), MASKED);
    assert_eq!(
        masked(&["args.*"], &[], &args),
        json!({"card": MASKED, "items": MASKED})
    );
    assert!(same("args.card.missing") && same("card.number") && same("resource"));
}

#[test]
fn patterns_are_masked_in_texts_keys_and_digits() {
    let mail = r"[a-z]+@[a-z.]+";
    assert_eq!(
        masked(
            &[],
            &[mail, r"\d{4}"],
            &json!({"a@b.c": 1, "d@e.f": "x@y.z is 12345", "n": 411_111, "m": 12}),
        ),
        json!({
            MASKED: 1,
            "[masked] (2)": "[masked] is [masked]5",
            "n": MASKED,
            "m": 12,
        })
    );
    // What stands for it is text, not a replacement that could name groups.
    assert_eq!(masked(&[], &["(?P<a>x)"], &json!("x")), MASKED);
}

#[test]
fn what_lies_below_what_is_masked_is_masked_however_it_is_asked_for() {
    let rules = Masking::builder().path("args.card").unwrap().build();
    assert_eq!(rules.value("args.card.number", &json!(4111)), MASKED);
    assert_eq!(rules.text("args.card.holder.name", "ann"), MASKED);
    assert_eq!(rules.text("args.cards", "two"), "two");
}

/// A caller who chooses the keys must not choose how long it takes: one step each, not one for each that came before.
#[test]
fn any_number_of_keys_may_look_the_same() {
    let mut keys: Map<String, Value> = (0..30_000)
        .map(|number| (format!("a{number}@b"), json!(number)))
        .collect();
    keys.insert("[masked] (7)".to_owned(), json!("its own"));
    let left = masked(&[], &[r"a\d+@b"], &Value::Object(keys));
    assert_eq!(size(&left), 30_001);
}

#[test]
fn an_event_is_masked_in_arguments_steps_and_resource_and_a_context_loses_its_tokens() {
    let args = || json!({"pin": 1, "n": 2}).as_object().cloned().unwrap();
    let rules = Masking::builder()
        .path("args.pin")
        .and_then(|rules| rules.path("resource"))
        .unwrap()
        .build();
    let call = GovernanceEvent::ToolCall(ToolCallInput {
        resource_path: Some("/home/ann".into()),
        ..ToolCallInput::new("pay", args())
    });
    let GovernanceEvent::ToolCall(call) = rules.event(&call) else {
        panic!("another event");
    };
    assert_eq!(call.args.text(), r#"{"n":2,"pin":"[masked]"}"#);
    assert_eq!(call.resource_path.as_deref(), Some(MASKED));

    let plan = GovernanceEvent::AgentPlan(AgentPlan {
        steps: vec![PlanStep::new("pay", args())],
        ..AgentPlan::default()
    });
    let GovernanceEvent::AgentPlan(plan) = rules.event(&plan) else {
        panic!("another event");
    };
    assert_eq!(plan.steps[0].args["pin"], MASKED);

    let whole = Masking::builder().path("args").unwrap().build();
    let GovernanceEvent::ToolCall(call) = whole.event(&GovernanceEvent::ToolCall(
        ToolCallInput::new("pay", args()),
    )) else {
        panic!("another event");
    };
    assert_eq!(call.args.text(), r#"{"[masked]":"[masked]"}"#);

    let context = SessionContext::new("s").token("secret");
    let child = SessionContext::new("t").delegated_from(&context);
    assert_eq!(Masking::none().context(&context).token_id, MASKED);
    assert_eq!(Masking::none().context(&context).parent_token_id, "");
    assert_eq!(Masking::none().context(&child).parent_token_id, MASKED);
}

#[test]
fn rules_that_cannot_hold_are_refused() {
    for path in [
        "",
        "args.",
        ".args",
        "args..pin",
        "args[0]",
        "args[]",
        "args[pin]",
        r#"args["pin"#,
        r#"args["pin""#,
        r#"args["pin"]pin"#,
        r#"args.["pin"]"#,
        r#"args["pin"].["pin"]"#,
        r#"args["\x"]"#,
        r#"args["pin", "n"]"#,
        r#"args."pin""#,
        "args.pin]",
    ] {
        let error = Masking::builder().path(path).unwrap_err().to_string();
        assert!(error.contains(&format!("`{path}`")), "{error}");
    }
    for pattern in ["(", "(a{1000}){1000}"] {
        let error = Masking::builder().pattern(pattern).unwrap_err().to_string();
        assert!(error.contains(&format!("`{pattern}`")), "{error}");
    }
}

#[test]
fn a_name_in_brackets_may_have_anything_in_it() {
    let args = json!({
        "card.number": 4111,
        "card": {"number": 42},
        "*": {"**": 1, "a": 2},
        "a\"b]": [{"c d": 3}],
        " e ": 4,
        "": 5,
    });
    let only = |path: &str, key: &str, whole: Value| {
        let left = masked(&[path], &[], &args);
        let mut wanted = args.clone();
        wanted[key] = whole;
        assert_eq!(left, wanted, "{path}");
    };
    only(r#"args["card.number"]"#, "card.number", json!(MASKED));
    only("args.card.number", "card", json!({"number": MASKED}));
    only(r#"args["card"].number"#, "card", json!({"number": MASKED}));
    only(
        r#"args["card"]["number"]"#,
        "card",
        json!({"number": MASKED}),
    );
    only(r#"args["*"]["**"]"#, "*", json!({"**": MASKED, "a": 2}));
    only(r#"args["*"].*"#, "*", json!({"**": MASKED, "a": MASKED}));
    only(
        r#"args["a\"b]"].0[ "c d" ]"#,
        "a\"b]",
        json!([{"c d": MASKED}]),
    );
    only(r#"args.**["c d"]"#, "a\"b]", json!([{"c d": MASKED}]));
    only(r#"args[" e "]"#, " e ", json!(MASKED));
    only(r#"args[""]"#, "", json!(MASKED));
}

#[test]
fn a_place_is_named_as_a_rule_is_and_one_that_is_no_path_is_masked() {
    let rules = Masking::builder().path(r#"args["a.b"]"#).unwrap().build();
    assert_eq!(rules.text(r#"args["a.b"]"#, "x"), MASKED);
    assert_eq!(rules.text("args.a.b", "x"), "x");
    assert_eq!(rules.value(r#"args["a.b"].c"#, &json!(1)), MASKED);
    let at = |path: &[&str]| {
        let path: Vec<String> = path.iter().map(ToString::to_string).collect();
        rules.value_at(&path, &json!(1))
    };
    assert_eq!(at(&["args", "a.b", "c"]), MASKED);
    assert_eq!(at(&["args", "a", "b"]), 1);
    assert_eq!(rules.text("args..a", "x"), MASKED);
    assert_eq!(rules.value("", &json!("x")), MASKED);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,4}(hidden)?[a-z]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c](hidden)?", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_key_can_be_named_by_its_json_text(key in ".{0,6}", other in ".{0,6}") {
        prop_assume!(key != other);
        let args = json!({(&key): "secret", (&other): {(&key): "open"}});
        let path = format!("args[{}]", json!(key));
        prop_assert_eq!(
            masked(&[&path], &[], &args),
            json!({(&key): MASKED, (&other): {(&key): "open"}})
        );
        let path = format!("args[{}][{}]", json!(other), json!(key));
        prop_assert_eq!(
            masked(&[&path], &[], &args),
            json!({(&key): "secret", (&other): {(&key): MASKED}})
        );
    }

    #[test]
    fn a_name_without_brackets_is_that_name_or_no_path(name in "[a-c.*\"\\[\\] ]{0,6}") {
        let args = json!({(&name): "secret"});
        let path = format!("args.{name}");
        if let Ok(rules) = Masking::builder().path(&path) {
            let plain = !name.contains(['.', '[', '*', ' ']);
            if plain {
                prop_assert_eq!(rules.build().value("args", &args), json!({(&name): MASKED}));
            }
        } else {
            prop_assert!(name.is_empty() || name.contains(['.', '[', ']', '"', ' ']), "{}", path);
        }
    }

    #[test]
    fn nothing_that_a_pattern_finds_is_left(value in any_json()) {
        let left = masked(&[], &["hidden"], &value);
        prop_assert!(!left.to_string().contains("hidden"));
        prop_assert_eq!(size(&left), size(&value));
    }

    #[test]
    fn nothing_under_a_masked_key_is_left_at_any_depth(value in any_json()) {
        fn holds(value: &Value) -> bool {
            match value {
                Value::Object(members) => members
                    .iter()
                    .all(|(key, value)| if key == "a" { value == MASKED } else { holds(value) }),
                Value::Array(elements) => elements.iter().all(holds),
                _ => true,
            }
        }
        prop_assert!(holds(&masked(&["args.**.a"], &[], &value)));
    }
}

/// How many members and elements a value has, at every depth.
fn size(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(|value| 1 + size(value)).sum(),
        Value::Array(elements) => elements.iter().map(|value| 1 + size(value)).sum(),
        _ => 0,
    }
}
