//! Whether a choice of exactly one form (`oneOf`) is a choice of any (`anyOf`): whether no value
//! fits two of its forms.

use serde_json::{Map, Value};

/// Whether it is plain to see that no value fits two of `forms`.
pub(super) fn all_disjoint(forms: &[Value]) -> bool {
    forms.iter().enumerate().all(|(position, form)| {
        forms
            .iter()
            .skip(position + 1)
            .all(|other| disjoint(form, other))
    })
}

fn disjoint(left: &Value, right: &Value) -> bool {
    let (Some(left), Some(right)) = (left.as_object(), right.as_object()) else {
        return false;
    };
    if let (Some(left), Some(right)) = (values(left), values(right)) {
        return left.iter().all(|value| !right.contains(value));
    }
    if let (Some(left), Some(right)) = (types(left), types(right))
        && left.iter().all(|kind| {
            right
                .iter()
                .all(|other| kind != other && !both_numbers(kind, other))
        })
    {
        return true;
    }
    object_only(left) && object_only(right) && (told_apart(left, right) || told_apart(right, left))
}

/// The only values that a schema allows.
fn values(schema: &Map<String, Value>) -> Option<Vec<&Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => Some(vec![value]),
        (None, Some(Value::Array(values))) => Some(values.iter().collect()),
        _ => None,
    }
}

fn types(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(kind) => Some(vec![kind]),
        Value::Array(kinds) => Some(kinds.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn both_numbers(left: &str, right: &str) -> bool {
    let number = |kind| matches!(kind, "number" | "integer");
    number(left) && number(right)
}

fn object_only(schema: &Map<String, Value>) -> bool {
    types(schema).is_some_and(|types| types == ["object"])
}

/// Whether `left` requires a property that `right` does not have or gives another value.
fn told_apart(left: &Map<String, Value>, right: &Map<String, Value>) -> bool {
    let closed = ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|keyword| right.get(*keyword) == Some(&Value::Bool(false)));
    requires(left).any(|name| match property(right, name) {
        None => closed && !right.contains_key("patternProperties"),
        Some(other) => {
            let (Some(own), true) = (
                property(left, name),
                requires(right).any(|required| required == name),
            ) else {
                return false;
            };
            match (values(own), values(other)) {
                (Some(own), Some(other)) => own.iter().all(|value| !other.contains(value)),
                _ => false,
            }
        }
    })
}

fn property<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    schema.get("properties")?.get(name)?.as_object()
}

fn requires(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
