//! The keys of an object, each read strictly.

use serde_json::{Map, Value};

use crate::text;

/// The keys of one object, taken out one by one; `null` counts as not there.
pub(super) struct Fields<'p> {
    place: String,
    map: Map<String, Value>,
    asked: Vec<String>,
    pub(super) problems: &'p mut Vec<String>,
}

impl<'p> Fields<'p> {
    pub(super) fn new(place: &str, map: Map<String, Value>, problems: &'p mut Vec<String>) -> Self {
        Self {
            place: place.to_owned(),
            map,
            asked: Vec::new(),
            problems,
        }
    }

    pub(super) fn problem(&mut self, key: &str, problem: &str) {
        self.problems
            .push(format!("`{}{key}` {problem}", self.place));
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.asked.push(key.to_owned());
        self.map.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            _ => {
                self.problem(key, "must be text");
                None
            }
        }
    }

    pub(super) fn object(&mut self, key: &str) -> Option<Map<String, Value>> {
        match self.take(key)? {
            Value::Object(map) => Some(map),
            _ => {
                self.problem(key, "must be an object");
                None
            }
        }
    }

    pub(super) fn list(&mut self, key: &str) -> Vec<Value> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.problem(key, "must be a list");
                Vec::new()
            }
        }
    }

    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.list(key) {
            match item {
                Value::String(text) => texts.push(text),
                _ => {
                    self.problem(key, "must be a list of texts");
                    break;
                }
            }
        }
        texts
    }

    pub(super) fn boolean(&mut self, key: &str) -> bool {
        match self.take(key) {
            None => false,
            Some(Value::Bool(boolean)) => boolean,
            Some(_) => {
                self.problem(key, "must be true or false");
                false
            }
        }
    }

    pub(super) fn figure(&mut self, key: &str) -> Option<u64> {
        let value = self.take(key)?;
        let figure = whole(&value);
        if figure.is_none() {
            self.problem(key, "must be a whole number, 0 or more");
        }
        figure
    }

    pub(super) fn depth(&mut self, key: &str, agent: bool) -> Option<u32> {
        let depth = match self.take(key) {
            // Nobody may guess how deep an agent stands that wants to start another one.
            None => return if agent { None } else { Some(0) },
            Some(value) => whole(&value).and_then(|depth| u32::try_from(depth).ok()),
        };
        if depth.is_none() && !agent {
            self.problem(key, "must be a whole number, 0 or more");
        }
        depth
    }

    pub(super) fn refuse_others(self) {
        let others: Vec<&String> = self.map.keys().collect();
        if others.is_empty() {
            return;
        }
        let known = listed(&self.asked.iter().map(String::as_str).collect::<Vec<_>>());
        for key in others {
            self.problems.push(format!(
                "unknown key `{}{}`; known {}: {known}",
                self.place,
                text::visible(key),
                if self.place.is_empty() {
                    "here".to_owned()
                } else {
                    format!("under `{}`", self.place.trim_end_matches('.'))
                }
            ));
        }
    }
}

/// A whole number, also where it is written as `2.0`.
fn whole(value: &Value) -> Option<u64> {
    /// Up to here every whole number is a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Some(number) = value.as_u64() {
        return Some(number);
    }
    let float = value.as_f64()?;
    if float.fract() != 0.0 || !(0.0..=EXACT).contains(&float) {
        return None;
    }
    format!("{float:.0}").parse().ok()
}

pub(super) fn listed(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
