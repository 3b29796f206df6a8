//! Texts that tell of an event, as errors do, without what is masked in it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{MASKED, Masking};
use crate::GovernanceEvent;

/// A shorter text of a masked part is found in too much that has nothing to do with it.
const MIN_TEXT: usize = 3;

impl Masking {
    /// A text about `event` that lies at `path`, such as the `detail` of a fault, as it may be written down: without the
    /// texts and numbers of three characters or more that are masked in the event, be it in part, as they stand there or as
    /// JSON, and masked as [`text`](Self::text) is.
    ///
    /// What was computed from a masked part, as its upper case or its hash, is not found.
    #[must_use]
    pub fn told(&self, path: &str, text: &str, event: &GovernanceEvent) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut hidden = BTreeSet::new();
        for (whole, masked) in parts(event).zip(parts(&self.event(event))) {
            differences(&whole, &masked, &mut hidden);
        }
        let mut hidden: Vec<String> = hidden.into_iter().collect();
        // What is a part of a longer one would leave the rest of that.
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let told = hidden
            .iter()
            .fold(text.to_owned(), |told, hidden| told.replace(hidden, MASKED));
        self.text(path, &told).into_owned()
    }
}

/// What of an event is masked.
fn parts(event: &GovernanceEvent) -> impl Iterator<Item = Value> {
    let parts = match event {
        GovernanceEvent::ToolCall(call) => vec![
            Value::Object(call.args.object().clone()),
            call.resource_path.clone().into(),
        ],
        GovernanceEvent::AgentPlan(plan) => {
            let steps = plan.steps.iter();
            steps.map(|step| Value::Object(step.args.clone())).collect()
        }
        GovernanceEvent::AgentSpawn(_)
        | GovernanceEvent::AgentDelegate(_)
        | GovernanceEvent::AgentBudget(_) => Vec::new(),
    };
    parts.into_iter()
}

/// The texts of what is not the same in both.
fn differences(whole: &Value, masked: &Value, hidden: &mut BTreeSet<String>) {
    match (whole, masked) {
        (whole, masked) if whole == masked => {}
        (Value::Object(whole), Value::Object(masked)) => {
            for (key, value) in whole {
                match masked.get(key) {
                    Some(masked) => differences(value, masked, hidden),
                    None => leaves(value, hidden),
                }
            }
        }
        (Value::Array(whole), Value::Array(masked)) if whole.len() == masked.len() => {
            for (value, masked) in whole.iter().zip(masked) {
                differences(value, masked, hidden);
            }
        }
        (whole, _) => leaves(whole, hidden),
    }
}

fn leaves(value: &Value, texts: &mut BTreeSet<String>) {
    let mut add = |text: &str| {
        if text.chars().count() >= MIN_TEXT {
            texts.insert(text.to_owned());
        }
    };
    match value {
        Value::String(text) => {
            add(text);
            let json = value.to_string();
            add(json.trim_matches('"'));
            // An error stands on one line.
            add(&text.replace(['\n', '\r'], " "));
        }
        Value::Number(number) => add(&number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}
