//! How OPA orders values: an object comes before a set, where the interpreter has it after.

use std::cmp::Ordering;

use regorus::Value;

/// How `one` is ordered to `other`.
pub(crate) fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Object(_), Value::Set(_)) => Ordering::Less,
        (Value::Set(_), Value::Object(_)) => Ordering::Greater,
        (Value::Array(one), Value::Array(other)) => each(one.iter(), other.iter()),
        (Value::Set(one), Value::Set(other)) => each(
            sorted(one.iter()).into_iter(),
            sorted(other.iter()).into_iter(),
        ),
        (Value::Object(one), Value::Object(other)) => {
            let entries = |object: &'_ regorus::value::Object| {
                let mut entries: Vec<(Value, Value)> = object
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                entries.sort_by(|(one, _), (other, _)| compare(one, other));
                entries
            };
            let (one, other) = (entries(one), entries(other));
            let pairs = one.iter().zip(&other);
            let differ = pairs
                .map(|((key, value), (other_key, other))| {
                    compare(key, other_key).then_with(|| compare(value, other))
                })
                .find(|order| order.is_ne());
            differ.unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        _ => one.cmp(other),
    }
}

fn each<'v>(
    mut one: impl Iterator<Item = &'v Value>,
    mut other: impl Iterator<Item = &'v Value>,
) -> Ordering {
    loop {
        match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => {
                let order = compare(one, other);
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

fn sorted<'v>(items: impl Iterator<Item = &'v Value>) -> Vec<&'v Value> {
    let mut items: Vec<&Value> = items.collect();
    items.sort_by(|one, other| compare(one, other));
    items
}
