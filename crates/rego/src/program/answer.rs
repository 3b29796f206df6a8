//! What rules came to, as the result document.

use regorus::Value;
use serde_json::{Map, Value as Json};

use crate::{Fault, document};

/// How deep a document may nest that is written the short way.
const MAX_DEPTH: usize = 16;

/// `value` as JSON, of up to `max_bytes`.
pub(super) fn written(value: &Value, max_bytes: usize) -> Result<Json, Fault> {
    let mut room = max_bytes;
    match plain(value, &mut room, 0) {
        Some(json) => Ok(json),
        // Large, deep, or with keys that are no texts: the long way tells whether it may be so.
        None => document::write(value, max_bytes),
    }
}

/// None where it cannot be told at once that the document is small and JSON.
fn plain(value: &Value, room: &mut usize, depth: usize) -> Option<Json> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut take = |bytes: usize| {
        *room = room.checked_sub(bytes)?;
        Some(())
    };
    // A character takes six bytes at most; a number 25; and each value a comma.
    let text = |text: &str| text.len().saturating_mul(6).saturating_add(4);
    Some(match value {
        Value::Null => {
            take(5)?;
            Json::Null
        }
        Value::Bool(value) => {
            take(6)?;
            Json::Bool(*value)
        }
        Value::String(string) => {
            take(text(string))?;
            Json::String((**string).to_owned())
        }
        Value::Number(_) => return None,
        Value::Array(items) => {
            take(3)?;
            let items: Option<Vec<Json>> = items
                .iter()
                .map(|item| plain(item, room, depth + 1))
                .collect();
            Json::Array(items?)
        }
        Value::Set(items) => {
            take(3)?;
            let items: Option<Vec<Json>> = items
                .iter_sorted()
                .map(|item| plain(item, room, depth + 1))
                .collect();
            Json::Array(items?)
        }
        Value::Object(entries) => {
            take(3)?;
            let mut object = Map::new();
            for (key, value) in entries.iter_sorted() {
                let Value::String(key) = key else {
                    return None;
                };
                *room = room.checked_sub(text(key))?;
                object.insert((**key).to_owned(), plain(value, room, depth + 1)?);
            }
            Json::Object(object)
        }
        Value::Undefined => return None,
    })
}
