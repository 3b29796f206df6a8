//! What values are to each other.

use std::collections::BTreeMap;

use regorus::Value;
use regorus::unstable::BoolOp;

use super::evaluate::{Evaluated, error};
use super::node::Place;
use super::value::{Kind, Val};
use crate::operators;

/// Puts an entry into an object that may have it already, with the same value.
pub(super) fn put(
    object: &mut BTreeMap<Value, Value>,
    key: &Val<'_>,
    value: &Val<'_>,
    place: &Place,
) -> Evaluated<()> {
    let value = value.to_value();
    match object.get(&key.to_value()) {
        Some(before) if *before != value => error(place, "two values for one key of an object"),
        Some(_) => Ok(()),
        None => {
            object.insert(key.to_value(), value);
            Ok(())
        }
    }
}

pub(super) fn compare(operation: &BoolOp, left: &Val<'_>, right: &Val<'_>) -> bool {
    match operation {
        BoolOp::Eq => left.same(right),
        BoolOp::Ne => !left.same(right),
        BoolOp::Lt => left.order(right).is_lt(),
        BoolOp::Le => left.order(right).is_le(),
        BoolOp::Gt => left.order(right).is_gt(),
        BoolOp::Ge => left.order(right).is_ge(),
    }
}

pub(super) fn is_member(key: Option<&Val<'_>>, value: &Val<'_>, collection: &Val<'_>) -> bool {
    match (key, collection) {
        (None, Val::Texts(texts)) => value
            .text()
            .is_some_and(|value| texts.iter().any(|text| text == value)),
        (None, Val::Known(Value::Array(items))) if value.text().is_some() => {
            let text = value.text();
            items.iter().any(|item| Val::Known(item).text() == text)
        }
        (None, Val::List(items)) => items.iter().any(|item| Val::json(item).same(value)),
        (None, Val::Map(map)) => map.values().any(|item| Val::json(item).same(value)),
        _ => collection.with(|collection| match (collection, key) {
            // The key of a member of a set is the member.
            (Value::Set(items), Some(key)) => {
                key.same(value) && value.with(|value| items.contains(value))
            }
            (Value::Array(_) | Value::Object(_), Some(key)) => {
                key.with(|key| value.with(|value| collection[key] == *value))
            }
            (Value::Set(items), None) => value.with(|value| items.contains(value)),
            (Value::Array(items), None) => value.with(|value| items.contains(value)),
            (Value::Object(items), None) => {
                value.with(|value| items.values().any(|item| item == value))
            }
            _ => false,
        }),
    }
}

/// Whether an object has the text of a number.
pub(super) fn has_text_of(of: &Val<'_>, number: &Val<'_>) -> bool {
    // With all digits it may be spelled in more ways than are known here.
    matches!(number, Val::Exact(_))
        || of.with(|object| number.with(|number| operators::has_text_of(object, number)))
}

/// Whether data may have `key` as a text, which it is looked up by as well.
pub(super) fn is_numbered(of: &Val<'_>, key: &Val<'_>) -> bool {
    of.kind() == Kind::Object && key.kind() == Kind::Number
}
