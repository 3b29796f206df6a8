//! What a condition says of one value, and which two cannot both hold.

use std::cmp::Ordering;

use serde_json::Value;

/// What is said of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    OneOf(Vec<Value>),
    NoneOf(Vec<Value>),
    /// More than this; or this much, too.
    Above(Value, Inclusive),
    Below(Value, Inclusive),
    Type(Vec<&'static str>),
    /// It is there, and not `false`.
    Truthy,
    /// It is missing or `false`.
    Falsy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inclusive {
    Yes,
    No,
}

impl Fact {
    /// Whether no value is as both say.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        one_way(self, other) || one_way(other, self)
    }
}

fn one_way(one: &Fact, other: &Fact) -> bool {
    match (one, other) {
        (Fact::OneOf(values), Fact::OneOf(others)) => !values
            .iter()
            .any(|value| others.iter().any(|other| same(value, other))),
        (Fact::OneOf(values), Fact::NoneOf(others)) => values
            .iter()
            .all(|value| others.iter().any(|other| same(value, other))),
        (Fact::OneOf(values), Fact::Above(limit, inclusive)) => values
            .iter()
            .all(|value| beyond(value, limit, Ordering::Less, *inclusive)),
        (Fact::OneOf(values), Fact::Below(limit, inclusive)) => values
            .iter()
            .all(|value| beyond(value, limit, Ordering::Greater, *inclusive)),
        (Fact::OneOf(values), Fact::Type(types)) => {
            !values.iter().any(|value| types.contains(&type_of(value)))
        }
        (Fact::OneOf(values), Fact::Falsy) => !values.contains(&Value::Bool(false)),
        (Fact::OneOf(values), Fact::Truthy) => *values == [Value::Bool(false)],
        (Fact::Above(low, first), Fact::Below(high, second)) => {
            let open = *first == Inclusive::No || *second == Inclusive::No;
            let inclusive = if open { Inclusive::No } else { Inclusive::Yes };
            beyond(high, low, Ordering::Less, inclusive)
        }
        (Fact::Type(types), Fact::Type(others)) => !types.iter().any(|one| others.contains(one)),
        (Fact::Truthy, Fact::Falsy) => true,
        (Fact::Type(types), Fact::Falsy) => !types.contains(&"boolean"),
        _ => false,
    }
}

/// Whether `value` lies on the `wrong` side of `limit`, or upon it where that does not count.
fn beyond(value: &Value, limit: &Value, wrong: Ordering, inclusive: Inclusive) -> bool {
    match compare(value, limit) {
        Some(Ordering::Equal) => inclusive == Inclusive::No,
        Some(ordering) => ordering == wrong,
        None => false,
    }
}

/// Numbers and texts have an order; between types nothing is said here.
fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn same(one: &Value, other: &Value) -> bool {
    one == other || compare(one, other) == Some(Ordering::Equal)
}

/// The type, as Rego's `type_name` has it.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
