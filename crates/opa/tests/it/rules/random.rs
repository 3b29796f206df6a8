//! Random rules and random events, from small pools, so that they meet.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::condition::{Condition, Event};

const NAMES: [&str; 4] = ["a", "b", "ab", "ba"];
const EVENTS: [&str; 3] = ["tool_call", "agent.spawn", "agent.delegate"];
const TIERS: [&str; 3] = ["INFORMATIONAL", "TRANSACTIONAL_HIGH", "DESTRUCTIVE"];

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) when: Condition,
    pub(crate) then: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) risk_tier: Option<&'static str>,
}

pub(crate) fn rules(count: usize) -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(rule(), count)
}

fn rule() -> impl Strategy<Value = Rule> {
    (
        condition(),
        prop::sample::select(vec!["allow", "allow", "deny", "hitl"]),
        prop::option::of(prop::sample::select(vec![
            "too \"much\"".to_owned(),
            "line\nbreak".to_owned(),
        ])),
        prop::option::of(prop::sample::select(TIERS.to_vec())),
    )
        .prop_map(|(when, then, reason, risk_tier)| Rule {
            when,
            then,
            reason,
            risk_tier,
        })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned)
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(name(), 1..3)
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        1 => names().prop_map(Condition::Action),
        1 => prop::sample::select(EVENTS.to_vec()).prop_map(|kind| Condition::Event(kind.to_owned())),
        1 => names().prop_map(Condition::Role),
        1 => name().prop_map(Condition::Tenant),
        1 => names().prop_map(Condition::Scope),
        8 => field(),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
        ]
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(0),
        json!(1),
        json!(1.5),
        json!(-2),
        json!("a"),
        json!("ab"),
        json!("1"),
        json!("é\"\\"),
        json!(true),
        json!(false),
    ])
}

fn field() -> impl Strategy<Value = Condition> {
    let text = prop::sample::select(vec![json!("a"), json!("b"), json!("ab"), json!("é\"")]);
    let limit = prop::sample::select(vec![json!(0), json!(1), json!(1.5), json!("ab")]);
    let pattern =
        prop::sample::select(vec![json!("^a"), json!("[0-9]"), json!("b$"), json!("a|1")]);
    let kinds = ["string", "number", "boolean", "array", "object"];
    let kind = prop::sample::select(kinds.map(|kind| json!(kind)).to_vec());
    let test = prop_oneof![
        (
            prop::sample::select(vec!["eq", "ne", "contains", "not_contains"]),
            scalar()
        ),
        (prop::sample::select(vec!["gt", "gte", "lt", "lte"]), limit),
        (
            prop::sample::select(vec!["in", "not_in"]),
            prop::collection::vec(scalar(), 1..4).prop_map(Value::Array)
        ),
        (prop::sample::select(vec!["starts_with", "ends_with"]), text),
        (Just("matches"), pattern),
        (Just("exists"), any::<bool>().prop_map(Value::Bool)),
        (Just("type"), kind),
    ];
    let path = prop::sample::select(vec!["x", "y", "o.x", "o.p.x", "we ird"]);
    (path, test).prop_map(|(path, (operator, constant))| Condition::Field {
        path: path.split('.').map(str::to_owned).collect(),
        operator,
        constant,
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(Value::Null),
        8 => scalar(),
        2 => prop::collection::vec(prop_oneof![4 => scalar(), 1 => Just(Value::Null)], 0..3).prop_map(Value::Array),
        1 => prop::sample::select(vec![json!(1.0), json!(""), json!("bab"), json!({}), json!({"x": "a"}), json!([[1]])]),
    ]
}

/// Fields, each of them missing now and then.
fn fields(
    value: impl Strategy<Value = Value>,
    names: &'static [&'static str],
) -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::option::weighted(0.8, value), names.len()).prop_map(move |values| {
        names
            .iter()
            .zip(values)
            .filter_map(|(name, value)| Some(((*name).to_owned(), value?)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let inner = fields(value(), &["x"]);
    let middle = prop_oneof![4 => fields(prop_oneof![value(), inner], &["x", "p"]), 1 => value()];
    let args = (
        fields(value(), &["x", "y", "we ird"]),
        prop::option::of(middle),
    )
        .prop_map(|(mut args, nested)| {
            if let Some(nested) = nested {
                args["o"] = nested;
            }
            args
        });
    (
        name(),
        prop::sample::select(vec![
            "tool_call",
            "tool_call",
            "tool_call",
            "agent.spawn",
            "agent.delegate",
        ]),
        args,
        name(),
        prop::collection::vec(name(), 0..4),
        prop::option::of(name()),
    )
        .prop_map(|(action, kind, args, role, scopes, tenant)| Event {
            action,
            kind,
            args: if kind == "tool_call" { args } else { json!({}) },
            role,
            scopes,
            tenant,
        })
}
