//! The input document as it may be shown.

use kitelogik_core::{HiddenTexts, MASKED, Masking, PolicyInput};
use kitelogik_rego::Met;
use serde_json::Value;

/// The document with everything in it, and masked.
pub(super) struct Masked<'m> {
    masking: &'m Masking,
    whole: Value,
    masked: Value,
    /// The texts of what is masked and of what is made of it.
    hidden: HiddenTexts,
}

impl<'m> Masked<'m> {
    pub(super) fn new(input: &PolicyInput<'_>, masking: &'m Masking) -> Self {
        let whole = serde_json::to_value(input).unwrap_or_default();
        let masked = mask(&whole, masking);
        let mut hidden = HiddenTexts::default();
        hidden.add_differences(&whole, &masked);
        Self {
            masking,
            whole,
            masked,
            hidden,
        }
    }

    /// Has what rules say not show in texts where it is made of a masked part: a reason holds it as it was computed. What a
    /// rule says without one is no secret, whichever rules hand it on.
    pub(super) fn hide<'s>(&mut self, said: impl Iterator<Item = &'s Met>) {
        let (mut hidden, mut open) = (HiddenTexts::default(), HiddenTexts::default());
        for said in said {
            let texts = match said.made_of.iter().any(|path| self.hides(path)) {
                true => &mut hidden,
                false => &mut open,
            };
            match &said.value {
                // Its keys are those of a rule in YAML.
                Some(Value::Object(fields)) => fields.values().for_each(|field| texts.add(field)),
                Some(value) => texts.add(value),
                None => {}
            }
        }
        hidden.remove(&open);
        self.hidden.extend(hidden);
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
        self.masking.without(path, text, &self.hidden)
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
