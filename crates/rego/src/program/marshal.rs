//! `json.marshal` of what lies in the input.

use std::io::Write;

use regorus::Value;
use serde_json::{Map, Value as Json};

use super::value::Val;
use crate::json_marshal::escaped;

/// `value` as JSON text; none where it is not of the input, or holds a number that is no whole one: those have digits of
/// their own.
pub(super) fn marshalled(value: &Val<'_>) -> Option<Value> {
    let mut text = Vec::with_capacity(128);
    match value {
        Val::Map(map) => object(map, &mut text)?,
        Val::List(items) => array(items, &mut text)?,
        _ => return None,
    }
    Some(escaped(Value::from(String::from_utf8(text).ok()?)))
}

fn json(value: &Json, text: &mut Vec<u8>) -> Option<()> {
    match value {
        Json::Null => text.extend_from_slice(b"null"),
        Json::Bool(true) => text.extend_from_slice(b"true"),
        Json::Bool(false) => text.extend_from_slice(b"false"),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => write!(text, "{number}").ok()?,
            (None, Some(number)) => write!(text, "{number}").ok()?,
            (None, None) => return None,
        },
        Json::String(string) => serde_json::to_writer(text, string).ok()?,
        Json::Array(items) => array(items, text)?,
        Json::Object(map) => object(map, text)?,
    }
    Some(())
}

fn array(items: &[Json], text: &mut Vec<u8>) -> Option<()> {
    text.push(b'[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            text.push(b',');
        }
        json(item, text)?;
    }
    text.push(b']');
    Some(())
}

fn object(map: &Map<String, Json>, text: &mut Vec<u8>) -> Option<()> {
    // Another crate may have switched the map to the order of insertion.
    if map.keys().is_sorted() {
        entries(map.iter(), text)
    } else {
        let mut sorted: Vec<_> = map.iter().collect();
        sorted.sort_by_key(|(key, _)| key.as_str());
        entries(sorted.into_iter(), text)
    }
}

fn entries<'a>(
    entries: impl Iterator<Item = (&'a String, &'a Json)>,
    text: &mut Vec<u8>,
) -> Option<()> {
    text.push(b'{');
    for (number, (key, value)) in entries.enumerate() {
        if number > 0 {
            text.push(b',');
        }
        serde_json::to_writer(&mut *text, key).ok()?;
        text.push(b':');
        json(value, text)?;
    }
    text.push(b'}');
    Some(())
}
