//! Whether an input is small and flat enough to be read where it lies.

use kitelogik_core::{GovernanceEvent, PolicyInput};
use serde_json::Value;

/// The keys of the document and all that is no text in it.
const FRAME: usize = 2048;
/// A document that is shorter nests less deep than the interpreter reads.
const SHALLOW: usize = 128;
/// How deep arguments may nest.
const MAX_DEPTH: usize = 96;

/// Whether `input` is surely of up to `max_bytes` as JSON, and not nested too deep. Where it is not sure, the
/// interpreter reads it and tells.
pub(super) fn fits(input: &PolicyInput<'_>, max_bytes: usize) -> bool {
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
            if depth(call.args.text()) > MAX_DEPTH {
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
            for step in &plan.steps {
                texts.add(&step.action);
                // The keys of the step.
                texts.0 = texts.0.saturating_add(32);
                for (key, value) in &step.args {
                    texts.add(key);
                    if !texts.value(value, 0) {
                        return false;
                    }
                }
            }
        }
        GovernanceEvent::AgentBudget(budget) => texts.all(&budget.action),
    }
    texts.0.saturating_add(rest) <= max_bytes
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

    /// Whether `value` nests no deeper than it may.
    fn value(&mut self, value: &Value, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
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
                items.iter().all(|item| self.value(item, depth + 1))
            }
            Value::Object(entries) => {
                self.0 = self.0.saturating_add(4);
                entries.iter().all(|(key, value)| {
                    self.add(key);
                    self.value(value, depth + 1)
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

/// How deep JSON text nests; brackets within its texts count as well.
fn depth(text: &str) -> usize {
    if text.len() < SHALLOW {
        return 0;
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
