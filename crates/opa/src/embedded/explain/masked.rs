//! The input document as it may be shown.

use std::collections::BTreeSet;

use kitelogik_core::{MASKED, Masking, PolicyInput};
use kitelogik_rego::Met;
use serde_json::Value;

/// A shorter text of a masked part is found in too much that has nothing to do with it.
const MIN_TEXT: usize = 3;

/// The document with everything in it, and masked.
pub(super) struct Masked<'m> {
    masking: &'m Masking,
    whole: Value,
    masked: Value,
    /// The texts of what is masked and of what is made of it, the longest first.
    hidden: Vec<String>,
}

impl<'m> Masked<'m> {
    pub(super) fn new(input: &PolicyInput<'_>, masking: &'m Masking) -> Self {
        let whole = serde_json::to_value(input).unwrap_or_default();
        let masked = mask(&whole, masking);
        let mut hidden = BTreeSet::new();
        differences(&whole, &masked, &mut hidden);
        Self {
            masking,
            whole,
            masked,
            hidden: longest_first(hidden),
        }
    }

    /// Has what rules say not show in texts where it is made of a masked part: a reason holds it as it was computed. What a
    /// rule says without one is no secret, whichever rules hand it on.
    pub(super) fn hide<'s>(&mut self, said: impl Iterator<Item = &'s Met>) {
        let (mut hidden, mut open) = (BTreeSet::new(), BTreeSet::new());
        for said in said {
            let texts = match said.made_of.iter().any(|path| self.hides(path)) {
                true => &mut hidden,
                false => &mut open,
            };
            match &said.value {
                // Its keys are those of a rule in YAML.
                Some(Value::Object(fields)) => {
                    fields.values().for_each(|field| leaves(field, texts))
                }
                Some(value) => leaves(value, texts),
                None => {}
            }
        }
        hidden.retain(|text| !open.contains(text));
        hidden.extend(std::mem::take(&mut self.hidden));
        self.hidden = longest_first(hidden);
    }

    pub(super) fn document(&self) -> &Value {
        &self.masked
    }

    pub(super) fn into_document(self) -> Value {
        self.masked
    }

    /// What lies at `path`, masked; none where nothing does.
    pub(super) fn at(&self, path: &[String]) -> Option<Value> {
        lookup(&self.whole, path)?;
        Some(match lookup(&self.masked, path) {
            Some(value) => value.clone(),
            None => Value::String(MASKED.to_owned()),
        })
    }

    /// What `value` is as the value at `path`, masked.
    pub(super) fn instead(&self, path: &[String], value: &Value) -> Value {
        match path.split_first() {
            // One that is a part of a masked one is masked, too.
            Some((root, _)) => match root.as_str() {
                "args" => self.masking.value_at(path, value),
                root => self.masking.value(root, value),
            },
            None => value.clone(),
        }
    }

    /// A value that a condition met, or that a rule says.
    pub(super) fn met(&self, met: &Met) -> Option<Value> {
        if let Some(path) = &met.at {
            return self.at(path);
        }
        let value = met.value.as_ref()?;
        if met.made_of.iter().any(|path| self.hides(path)) {
            return Some(Value::String(MASKED.to_owned()));
        }
        Some(self.masking.value("value", value))
    }

    /// Whether something is masked at `path`.
    fn hides(&self, path: &[String]) -> bool {
        match (lookup(&self.whole, path), lookup(&self.masked, path)) {
            (Some(whole), Some(masked)) => whole != masked,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// A text of the policy, which may hold parts of the event.
    pub(super) fn text(&self, path: &str, text: &str) -> String {
        let mut text = text.to_owned();
        for hidden in &self.hidden {
            text = text.replace(hidden, MASKED);
        }
        self.masking.text(path, &text).into_owned()
    }
}

fn mask(whole: &Value, masking: &Masking) -> Value {
    let Value::Object(fields) = whole else {
        return whole.clone();
    };
    let masked = fields.iter().map(|(key, value)| {
        let value = match (key.as_str(), value) {
            ("resource_path", value) => masking.value("resource", value),
            ("steps", Value::Array(steps)) => steps
                .iter()
                .map(|step| masked_step(step, masking))
                .collect(),
            ("context", value) => masked_context(masking.value("context", value)),
            (key, value) => masking.value(key, value),
        };
        (key.clone(), value)
    });
    Value::Object(masked.collect())
}

fn masked_step(step: &Value, masking: &Masking) -> Value {
    let mut step = masking.value("step", step);
    if let Some(args) = step.get_mut("args") {
        *args = masking.value("args", args);
    }
    step
}

/// Tokens are never shown.
fn masked_context(mut context: Value) -> Value {
    for token in ["token_id", "parent_token_id"] {
        if let Some(Value::String(text)) = context.get_mut(token)
            && !text.is_empty()
        {
            MASKED.clone_into(text);
        }
    }
    context
}

fn lookup<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

fn differences(whole: &Value, masked: &Value, hidden: &mut BTreeSet<String>) {
    match (whole, masked) {
        (Value::Object(fields), Value::Object(shown)) => {
            for (key, value) in fields {
                match shown.get(key) {
                    Some(shown) => differences(value, shown, hidden),
                    None => {
                        keep(key, hidden);
                        leaves(value, hidden);
                    }
                }
            }
        }
        (Value::Array(items), Value::Array(shown)) => {
            for (item, shown) in items.iter().zip(shown) {
                differences(item, shown, hidden);
            }
        }
        (whole, masked) if whole != masked => leaves(whole, hidden),
        _ => {}
    }
}

fn leaves(value: &Value, hidden: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => keep(text, hidden),
        Value::Number(number) => keep(&number.to_string(), hidden),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, hidden)),
        Value::Object(fields) => {
            for (key, field) in fields {
                keep(key, hidden);
                leaves(field, hidden);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn keep(text: &str, hidden: &mut BTreeSet<String>) {
    // As a decision's reason has it.
    let text = text.trim();
    if text.len() >= MIN_TEXT {
        hidden.insert(text.to_owned());
    }
}

fn longest_first(texts: BTreeSet<String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts
}
