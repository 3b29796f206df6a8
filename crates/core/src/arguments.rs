use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::json;

/// The arguments of a call: a JSON object and its one canonical text.
///
/// The policy judges the object, the body decodes the text, and a digest is taken over the text:
/// all three are the same arguments. Immutable.
#[derive(Clone, PartialEq)]
pub struct Arguments {
    object: Map<String, Value>,
    text: String,
}

impl Arguments {
    /// The object.
    pub fn object(&self) -> &Map<String, Value> {
        &self.object
    }

    /// The object as canonical JSON: keys sorted, no white space.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<Map<String, Value>> for Arguments {
    fn from(object: Map<String, Value>) -> Self {
        let value = Value::Object(object);
        let text = json::canonical(&value);
        match value {
            Value::Object(object) => Self { object, text },
            _ => Self::default(),
        }
    }
}

impl Default for Arguments {
    /// No arguments: `{}`.
    fn default() -> Self {
        Self {
            object: Map::new(),
            text: "{}".to_owned(),
        }
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}
