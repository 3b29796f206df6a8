//! Texts that tell of an event, as errors do, without what is masked in it.

use std::ops::Range;

use serde_json::Value;

use super::hidden::{HiddenTexts, MAX_TOLD};
use super::{MASKED, Masking};
use crate::GovernanceEvent;
use crate::text::is_cut;

impl Masking {
    /// A text about `event` that lies at `path`, such as the `detail` of a fault, as it may be written down: without the
    /// texts, numbers and keys of three bytes or more that are masked in the event, be it in part, and masked as
    /// [`text`](Self::text) is; see [`without`](Self::without).
    ///
    /// What was computed from a masked part, as its upper case or its hash, is not found.
    #[must_use]
    pub fn told(&self, path: &str, text: &str, event: &GovernanceEvent) -> String {
        self.without(path, text, &self.hidden(event))
    }

    /// The texts that are masked in `event`.
    #[must_use]
    pub fn hidden(&self, event: &GovernanceEvent) -> HiddenTexts {
        let mut hidden = HiddenTexts::default();
        if !self.is_empty() {
            for (whole, masked) in parts(event).zip(parts(&self.event(event))) {
                hidden.add_differences(&whole, &masked);
            }
        }
        hidden
    }

    /// A text that lies at `path` without the `hidden` ones, wherever they stand in it, and masked as [`text`](Self::text) is.
    ///
    /// It is masked whole where something may be in it that cannot be found: where it is longer than 8 KiB and something is
    /// hidden, where more is hidden than is looked for, and where it is [cut](crate::text::cut) and something is hidden or
    /// there are patterns.
    #[must_use]
    pub fn without(&self, path: &str, text: &str, hidden: &HiddenTexts) -> String {
        if hidden.is_empty() && (self.patterns.is_empty() || !is_cut(text)) {
            return self.text(path, text).into_owned();
        }
        let is_shown = self.at(path).is_some_and(|at| !at.is_masked());
        if !is_shown || text.len() > MAX_TOLD || is_cut(text) {
            return MASKED.to_owned();
        }
        let Some(mut places) = hidden.places(text) else {
            return MASKED.to_owned();
        };
        // All of them are looked for in the text as it came: what one leaves is no less a secret of another.
        for pattern in &self.patterns {
            places.extend(pattern.find_iter(text).map(|found| found.range()));
        }
        masked_at(text, places)
    }
}

fn masked_at(text: &str, mut places: Vec<Range<usize>>) -> String {
    places.retain(|place| !place.is_empty());
    places.sort_unstable_by_key(|place| place.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for place in places {
        match merged.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => merged.push(place),
        }
    }
    let mut told = String::with_capacity(text.len());
    let mut shown = 0;
    for place in merged {
        told.push_str(text.get(shown..place.start).unwrap_or_default());
        told.push_str(MASKED);
        shown = place.end;
    }
    told.push_str(text.get(shown..).unwrap_or_default());
    told
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
