//! The digest that names a policy.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::Module;

/// SHA-256 over everything that can change a decision, each part after its length, so that no two policies share
/// one by shifting text from part to part. Files count by their place within their directory.
pub(crate) fn revision(modules: &[Module], data: &Map<String, Value>, entry_point: &str) -> String {
    let mut parts: Vec<(&str, &str)> = modules
        .iter()
        .map(|module| (module.place.as_str(), module.text.as_str()))
        .collect();
    parts.sort_unstable();
    let mut digest = Sha256::new();
    let mut part = |text: &str| {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text.as_bytes());
    };
    part(entry_point);
    for (place, text) in parts {
        part(place);
        part(text);
    }
    let mut canonical = String::new();
    write(&mut canonical, data);
    part(&canonical);
    digest
        .finalize()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            hex.push_str(&format!("{byte:02x}"));
            hex
        })
}

/// JSON with sorted keys, whatever order the map keeps.
fn write(into: &mut String, object: &Map<String, Value>) {
    let mut keys: Vec<(&String, &Value)> = object.iter().collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    into.push('{');
    for (key, value) in keys {
        into.push_str(&Value::from(key.as_str()).to_string());
        into.push(':');
        write_value(into, value);
        into.push(',');
    }
    into.push('}');
}

fn write_value(into: &mut String, value: &Value) {
    match value {
        Value::Object(object) => write(into, object),
        Value::Array(items) => {
            into.push('[');
            for item in items {
                write_value(into, item);
                into.push(',');
            }
            into.push(']');
        }
        other => into.push_str(&other.to_string()),
    }
}
