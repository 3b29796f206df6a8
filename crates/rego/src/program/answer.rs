//! What rules came to, as the result document.

use std::collections::BTreeMap;

use kitelogik_core::{ResultKind, ResultValue};
use regorus::Value;
use serde_json::Value as Json;

use crate::{Fault, document};

/// How deep a document may nest that is taken as it lies.
const MAX_DEPTH: usize = 16;

/// What a program answers, where it lies: [`to_json`](Self::to_json) writes it down.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a>(Held<'a>);

/// The first two are small and flat, and have texts for keys.
#[derive(Clone, Copy, Debug)]
enum Held<'a> {
    Plain(&'a Value),
    /// What the rules of a package say, by their names.
    Rules(&'a [(&'a Value, Value)]),
    Written(&'a Json),
}

/// Hands what `value` is as JSON, of up to `max_bytes`, to `read`.
pub(super) fn read<R>(
    value: &Value,
    max_bytes: usize,
    read: impl FnOnce(Document<'_>) -> R,
) -> Result<R, Fault> {
    let mut room = max_bytes;
    if is_plain(value, &mut room, 0).is_some() {
        return Ok(read(Document(Held::Plain(value))));
    }
    // Large, deep, or with keys that are no texts: the long way tells whether it may be so.
    let json = document::write(value, max_bytes)?;
    Ok(read(Document(Held::Written(&json))))
}

/// As [`read`](fn@read), of the object that has these keys.
pub(super) fn read_rules<R>(
    rules: &[(&Value, Value)],
    max_bytes: usize,
    read: impl FnOnce(Document<'_>) -> R,
) -> Result<R, Fault> {
    let mut room = max_bytes.saturating_sub(3);
    let plain = rules
        .iter()
        .try_for_each(|(key, value)| are_plain(key, value, &mut room, 0));
    if plain.is_some() {
        return Ok(read(Document(Held::Rules(rules))));
    }
    let object: BTreeMap<Value, Value> = rules
        .iter()
        .map(|(key, value)| ((*key).clone(), value.clone()))
        .collect();
    let json = document::write(&Value::from(object), max_bytes)?;
    Ok(read(Document(Held::Written(&json))))
}

/// None where it cannot be told at once that the document is small and JSON.
fn is_plain(value: &Value, room: &mut usize, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut take = |bytes: usize| {
        *room = room.checked_sub(bytes)?;
        Some(())
    };
    match value {
        Value::Null | Value::Bool(_) => take(6),
        Value::String(string) => take(length(string)),
        Value::Array(items) => {
            take(3)?;
            items
                .iter()
                .try_for_each(|item| is_plain(item, room, depth + 1))
        }
        Value::Set(items) => {
            take(3)?;
            items
                .iter()
                .try_for_each(|item| is_plain(item, room, depth + 1))
        }
        Value::Object(entries) => {
            take(3)?;
            entries
                .iter()
                .try_for_each(|(key, value)| are_plain(key, value, room, depth))
        }
        Value::Number(_) | Value::Undefined => None,
    }
}

fn are_plain(key: &Value, value: &Value, room: &mut usize, depth: usize) -> Option<()> {
    *room = room.checked_sub(length(text(key)?))?;
    is_plain(value, room, depth + 1)
}

/// A character takes six bytes at most, and each value a comma.
fn length(text: &str) -> usize {
    text.len().saturating_mul(6).saturating_add(4)
}

impl Document<'_> {
    /// The document as JSON.
    pub fn to_json(self) -> Json {
        match self.0 {
            Held::Plain(value) => json(value),
            Held::Rules(rules) => object(rules.iter().map(|(key, value)| (*key, value))),
            Held::Written(json) => json.clone(),
        }
    }
}

fn json(value: &Value) -> Json {
    match value {
        // No plain document holds the last two.
        Value::Null | Value::Number(_) | Value::Undefined => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::String(string) => Json::String((**string).to_owned()),
        Value::Array(items) => Json::Array(items.iter().map(json).collect()),
        Value::Set(items) => Json::Array(items.iter_sorted().map(json).collect()),
        Value::Object(entries) => object(entries.iter_sorted()),
    }
}

fn object<'a>(entries: impl Iterator<Item = (&'a Value, &'a Value)>) -> Json {
    let entries = entries.filter_map(|(key, value)| Some((text(key)?.to_owned(), json(value))));
    Json::Object(entries.collect())
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

impl<'a> ResultValue<'a> for Document<'a> {
    fn kind(self) -> ResultKind<'a> {
        match self.0 {
            Held::Written(json) => json.kind(),
            Held::Rules(_) => ResultKind::Object,
            Held::Plain(value) => match value {
                Value::Null | Value::Undefined => ResultKind::Null,
                Value::Bool(value) => ResultKind::Boolean(*value),
                Value::Number(_) => ResultKind::Number,
                Value::String(text) => ResultKind::Text(text),
                Value::Array(_) | Value::Set(_) => ResultKind::Array,
                Value::Object(_) => ResultKind::Object,
            },
        }
    }

    fn at(self, key: &str) -> Option<Self> {
        match self.0 {
            Held::Written(json) => json.at(key).map(Held::Written),
            Held::Rules(rules) => rules
                .iter()
                .find(|(name, _)| text(name) == Some(key))
                .map(|(_, value)| Held::Plain(value)),
            Held::Plain(Value::Object(entries)) => entries
                .iter()
                .find(|(name, _)| text(name) == Some(key))
                .map(|(_, value)| Held::Plain(value)),
            Held::Plain(_) => None,
        }
        .map(Self)
    }

    fn items<E>(self, mut then: impl FnMut(Self) -> Result<(), E>) -> Result<(), E> {
        let mut then = |item: Held<'a>| then(Self(item));
        match self.0 {
            Held::Written(json) => json.items(|item| then(Held::Written(item))),
            Held::Plain(Value::Array(items)) => {
                items.iter().try_for_each(|item| then(Held::Plain(item)))
            }
            Held::Plain(Value::Set(items)) => {
                items.iter().try_for_each(|item| then(Held::Plain(item)))
            }
            Held::Plain(_) | Held::Rules(_) => Ok(()),
        }
    }

    fn entries<E>(self, mut then: impl FnMut(&'a str, Self) -> Result<(), E>) -> Result<(), E> {
        match self.0 {
            Held::Written(json) => json.entries(|key, value| then(key, Self(Held::Written(value)))),
            Held::Rules(rules) => rules
                .iter()
                .filter_map(|(key, value)| Some((text(key)?, value)))
                .try_for_each(|(key, value)| then(key, Self(Held::Plain(value)))),
            Held::Plain(Value::Object(entries)) => entries
                .iter()
                .filter_map(|(key, value)| Some((text(key)?, value)))
                .try_for_each(|(key, value)| then(key, Self(Held::Plain(value)))),
            Held::Plain(_) => Ok(()),
        }
    }
}
