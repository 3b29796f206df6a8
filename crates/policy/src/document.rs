//! Data documents: read strictly, and merged without guessing.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::PolicyError;

/// Deeper documents are refused: nothing a policy looks up is nested like that, and every reader recurses.
const MAX_DEPTH: usize = 64;

/// A data document and what it is called in messages.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) origin: String,
    pub(crate) value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
}

/// Reads `text` into an object, refusing duplicate keys and numbers that JSON cannot hold.
pub(crate) fn parse(origin: &str, text: &str, format: Format) -> Result<Document, PolicyError> {
    let value = match format {
        Format::Json => {
            let mut reader = serde_json::Deserializer::from_str(text);
            Strict(0)
                .deserialize(&mut reader)
                .and_then(|value| reader.end().map(|()| value))
                .map_err(|error| error.to_string())
        }
        Format::Yaml => Strict(0)
            .deserialize(yaml_serde::Deserializer::from_str(text))
            .map_err(|error| error.to_string()),
    };
    let value = value.map_err(|problem| PolicyError::Data {
        origin: origin.to_owned(),
        problem,
    })?;
    checked(origin, value)
}

/// `value` as a document, if it is an object.
pub(crate) fn checked(origin: &str, value: Value) -> Result<Document, PolicyError> {
    if !value.is_object() {
        return Err(PolicyError::Data {
            origin: origin.to_owned(),
            problem: "a data document must be an object, for its keys are the paths under `data`"
                .to_owned(),
        });
    }
    Ok(Document {
        origin: origin.to_owned(),
        value,
    })
}

/// All documents as one. Objects are merged; anything else that two documents give is a conflict, equal or not:
/// whoever edits one of them must not find that the other still holds.
pub(crate) fn merge(documents: &[Document]) -> Result<Map<String, Value>, PolicyError> {
    let mut merged = Map::new();
    for (index, document) in documents.iter().enumerate() {
        let Value::Object(object) = &document.value else {
            continue;
        };
        let mut path = vec!["data".to_owned()];
        if let Some(path) = insert(&mut merged, object, &mut path) {
            let first = documents
                .iter()
                .take(index)
                .find(|earlier| overlaps(&earlier.value, &path))
                .map_or("an earlier document", |earlier| earlier.origin.as_str());
            return Err(PolicyError::Conflict {
                path: path.join("."),
                first: first.to_owned(),
                second: document.origin.clone(),
            });
        }
    }
    Ok(merged)
}

/// Adds `from` to `into`; the path of the first conflict, if there is one.
fn insert(
    into: &mut Map<String, Value>,
    from: &Map<String, Value>,
    path: &mut Vec<String>,
) -> Option<Vec<String>> {
    for (key, value) in from {
        path.push(key.clone());
        match (into.get_mut(key), value) {
            (None, value) => {
                into.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(known)), Value::Object(more)) => {
                if let Some(conflict) = insert(known, more, path) {
                    return Some(conflict);
                }
            }
            (Some(_), _) => return Some(path.clone()),
        }
        path.pop();
    }
    None
}

fn overlaps(value: &Value, path: &[String]) -> bool {
    let mut value = value;
    for key in path.iter().skip(1) {
        match value {
            Value::Object(object) => match object.get(key) {
                Some(inner) => value = inner,
                None => return false,
            },
            _ => return true,
        }
    }
    true
}

/// A value at this depth, with every object's keys distinct.
struct Strict(usize);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0 > MAX_DEPTH {
            return Err(D::Error::custom(format_args!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format_args!("`{value}` is no number that JSON can hold")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict(self.0 + 1))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key `{key}` is given twice: keep one of them"
                )));
            }
            let value = access.next_value_seed(Strict(self.0 + 1))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
