//! Strings and keys of a JSON value.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Finding, Sanitiser, redaction};

/// A finding in a JSON value, with the place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JsonFinding {
    /// JSON pointer (RFC 6901), in the value as it came, to the string, or to the member whose key it is. It may
    /// itself hold injected text: log it, do not show it to a model.
    pub pointer: String,
    /// Whether the text is a key.
    pub in_key: bool,
    /// What was found; the span counts within that string or key.
    #[serde(flatten)]
    pub finding: Finding,
}

/// How deep a value may be nested. What lies deeper is replaced by `[REDACTED: too-deep]`; serde_json reads no
/// deeper text either.
pub const MAX_DEPTH: usize = 128;

/// The rule named in findings for values nested too deep.
pub const TOO_DEEP: &str = "too-deep";

pub(super) fn sanitise(sanitiser: &Sanitiser, mut value: Value) -> (Value, Vec<JsonFinding>) {
    let mut walk = Walk {
        sanitiser,
        pointer: String::new(),
        findings: Vec::new(),
    };
    walk.value(&mut value, 0);
    (value, walk.findings)
}

struct Walk<'s> {
    sanitiser: &'s Sanitiser,
    pointer: String,
    findings: Vec<JsonFinding>,
}

impl Walk<'_> {
    fn value(&mut self, value: &mut Value, depth: usize) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => {
                if let Some(clean) = self.text(text, false) {
                    *text = clean;
                }
            }
            Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => {
                *value = Value::String(redaction(TOO_DEEP));
                let finding = Finding {
                    rule: TOO_DEEP.to_owned(),
                    span: 0..0,
                    text: String::new(),
                };
                self.findings.push(JsonFinding {
                    pointer: self.pointer.clone(),
                    in_key: false,
                    finding,
                });
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.within(&at.to_string(), |walk| walk.value(item, depth + 1));
                }
            }
            Value::Object(members) => self.object(members, depth),
        }
    }

    fn object(&mut self, members: &mut Map<String, Value>, depth: usize) {
        let mut renamed = HashMap::new();
        for (key, value) in members.iter_mut() {
            self.within(key, |walk| {
                if let Some(clean) = walk.text(key, true) {
                    renamed.insert(key.clone(), clean);
                }
                walk.value(value, depth + 1);
            });
        }
        if renamed.is_empty() {
            return;
        }
        // Keys that stay as they are keep their names; a redacted one that would hide another gets a number.
        let mut taken: HashSet<String> = members
            .keys()
            .filter(|key| !renamed.contains_key(*key))
            .cloned()
            .collect();
        let mut next_number: HashMap<String, usize> = HashMap::new();
        *members = std::mem::take(members)
            .into_iter()
            .map(|(key, value)| {
                let Some(clean) = renamed.remove(&key) else {
                    return (key, value);
                };
                let number = next_number.entry(clean.clone()).or_insert(1);
                let mut free = clean.clone();
                while !taken.insert(free.clone()) {
                    *number += 1;
                    free = format!("{clean} ({number})");
                }
                (free, value)
            })
            .collect();
    }

    fn text(&mut self, text: &str, in_key: bool) -> Option<String> {
        let sanitised = self.sanitiser.text(text);
        if sanitised.is_clean() {
            return None;
        }
        let clean = sanitised.text.into_owned();
        let pointer = &self.pointer;
        let found = sanitised.findings.into_iter();
        self.findings.extend(found.map(|finding| JsonFinding {
            pointer: pointer.clone(),
            in_key,
            finding,
        }));
        Some(clean)
    }

    fn within(&mut self, step: &str, visit: impl FnOnce(&mut Self)) {
        let outer = self.pointer.len();
        self.pointer.push('/');
        self.pointer
            .push_str(&step.replace('~', "~0").replace('/', "~1"));
        visit(self);
        self.pointer.truncate(outer);
    }
}
