//! Whether an input is small and flat enough to be read where it lies.

use kitelogik_core::{GovernanceEvent, PolicyInput};
use serde_json::Value;

use super::Limits;
use crate::document::nests_deeper;

/// The keys of the document and all that is no text in it.
const FRAME: usize = 2048;
/// How deep arguments may nest.
const MAX_DEPTH: usize = 96;
/// The levels of a document without arguments: itself, the context, and the list of scopes.
const LEVELS: usize = 3;
/// The levels down to the arguments of a plan's step: the document, the list of steps, the step, and its arguments.
const LEVELS_OF_STEP: usize = 4;

/// Whether `input` is surely as small and as flat as `limits` say. Where it is not sure, the interpreter reads it and tells.
pub(super) fn fits(input: &PolicyInput<'_>, limits: &Limits) -> bool {
    if limits.input_depth < LEVELS {
        return false;
    }
    let context = input.context();
    let mut texts = Texts(0);
    texts.add(&context.session_id);
    // It stands in the documents of agents twice.
    texts.add(&context.session_id);
    texts.add(&context.user_role);
    texts.add(&context.token_id);
    texts.add(&context.parent_token_id);
    texts.add(&context.parent_session_id);
    texts.all(context.principal.iter().chain(&context.tenant_id));
    texts.all(&context.session_scopes);
    let mut rest = FRAME;
    match input.event() {
        GovernanceEvent::ToolCall(call) => {
            texts.add(&call.action);
            texts.add(&call.tool_name);
            texts.all(&call.resource_path);
            rest += call.args.text().len();
            let below = limits.input_depth.saturating_sub(1).min(MAX_DEPTH);
            if nests_deeper(call.args.text(), below) {
                return false;
            }
        }
        GovernanceEvent::AgentSpawn(spawn) => {
            texts.all(&spawn.action);
            texts.all(&spawn.requested_capabilities);
        }
        GovernanceEvent::AgentDelegate(delegate) => {
            texts.all(&delegate.action);
            texts.all(&delegate.delegation_target);
            texts.all(&delegate.requested_capabilities);
        }
        GovernanceEvent::AgentPlan(plan) => {
            texts.all(&plan.action);
            let below = match limits.input_depth.checked_sub(LEVELS_OF_STEP) {
                Some(below) => below.min(MAX_DEPTH),
                None if plan.steps.is_empty() => 0,
                None => return false,
            };
            for step in &plan.steps {
                texts.add(&step.action);
                // The keys of the step.
                texts.0 = texts.0.saturating_add(32);
                for (key, value) in &step.args {
                    texts.add(key);
                    if !texts.value(value, below) {
                        return false;
                    }
                }
            }
        }
        GovernanceEvent::AgentBudget(budget) => texts.all(&budget.action),
    }
    texts.0.saturating_add(rest) <= limits.input_bytes
}

/// What texts take at most: six bytes for a character, quotes and a comma.
struct Texts(usize);

impl Texts {
    fn add(&mut self, text: &str) {
        self.0 = self
            .0
            .saturating_add(text.len().saturating_mul(6))
            .saturating_add(4);
    }

    /// Whether `value` nests no deeper than so many levels.
    fn value(&mut self, value: &Value, levels: usize) -> bool {
        let below = levels.checked_sub(1);
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.0 = self.0.saturating_add(32);
                true
            }
            Value::String(text) => {
                self.add(text);
                true
            }
            Value::Array(items) => {
                self.0 = self.0.saturating_add(4);
                below.is_some_and(|below| items.iter().all(|item| self.value(item, below)))
            }
            Value::Object(entries) => {
                self.0 = self.0.saturating_add(4);
                below.is_some_and(|below| {
                    entries.iter().all(|(key, value)| {
                        self.add(key);
                        self.value(value, below)
                    })
                })
            }
        }
    }

    fn all<'a>(&mut self, texts: impl IntoIterator<Item = &'a String>) {
        for text in texts {
            self.add(text);
        }
    }
}
