//! What would make a call allowed, found by asking.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use kitelogik_core::{Arguments, GovernanceEvent, SessionContext};
use kitelogik_rego::{Candidate, Change};
use serde::Serialize;
use serde_json::{Map, Value};

use super::masked::Masked;
use super::rule::in_yaml;
use crate::embedded::Shared;

/// How many changes are tried.
const MAX_TRIED: usize = 256;
/// How many are shown of one part of the event.
const MAX_OF_ONE: usize = 3;
/// How often the time of one evaluation the search may take.
const TIMES: u32 = 10;

/// One change that makes the event allowed: it was decided with it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Suggestion {
    /// What is changed: an argument as in `args.amount`, `scope` or `role`.
    pub at: String,
    /// How.
    #[serde(flatten)]
    pub change: SuggestedChange,
}

/// A change of one argument, scope or role, masked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SuggestedChange {
    /// It is something else.
    Set {
        /// What it is; none where it is not there.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<Value>,
        /// What it would be.
        to: Value,
    },
    /// The list has one more.
    Add {
        /// What is added.
        value: Value,
    },
    /// It is not there.
    Remove {
        /// What it is.
        from: Value,
    },
}

impl fmt::Display for Suggestion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.at;
        match &self.change {
            SuggestedChange::Set {
                from: Some(from),
                to,
            } => write!(formatter, "{at} = {to} instead of {from}"),
            SuggestedChange::Set { from: None, to } => write!(formatter, "{at} = {to}"),
            SuggestedChange::Add { value } => write!(formatter, "{at} {value} added"),
            SuggestedChange::Remove { from } => write!(formatter, "no {at} (it is {from})"),
        }
    }
}

/// The changes among `candidates` that make the event allowed.
pub(super) fn search(
    shared: &Arc<Shared>,
    candidates: &[Candidate],
    event: &GovernanceEvent,
    context: &SessionContext,
    masked: &Masked<'_>,
) -> Vec<Suggestion> {
    let begun = Instant::now();
    let mut proven: Vec<&Candidate> = Vec::new();
    for candidate in candidates.iter().take(MAX_TRIED) {
        if begun.elapsed() > shared.limits.evaluation_time.saturating_mul(TIMES) {
            break;
        }
        let Some((event, context)) = changed(candidate, event, context) else {
            continue;
        };
        let decision = shared.verdict(&event, &context);
        if decision.allowed() && decision.fail_closed.is_none() {
            proven.push(candidate);
        }
    }
    let mut suggestions = Vec::new();
    for candidate in best(&proven, event) {
        let suggestion = suggested(candidate, masked);
        if !suggestions.contains(&suggestion) {
            suggestions.push(suggestion);
        }
    }
    suggestions
}

/// The event and session with the change; none where it changes nothing.
fn changed(
    candidate: &Candidate,
    event: &GovernanceEvent,
    context: &SessionContext,
) -> Option<(GovernanceEvent, SessionContext)> {
    let path: Vec<&str> = candidate.at.iter().map(String::as_str).collect();
    let (mut event, mut context) = (event.clone(), context.clone());
    match (path.as_slice(), &candidate.change) {
        (["args", path @ ..], change) => {
            let GovernanceEvent::ToolCall(call) = &mut event else {
                return None;
            };
            let mut args = call.args.object().clone();
            change_at(&mut args, path, change)?;
            call.args = Arguments::from(args);
        }
        (["context", "user_role"], Change::Set(Value::String(role))) => {
            if context.user_role == *role {
                return None;
            }
            context.user_role.clone_from(role);
        }
        (["context", "session_scopes"], Change::Add(Value::String(scope))) => {
            if context.session_scopes.contains(scope) {
                return None;
            }
            context.session_scopes.push(scope.clone());
        }
        _ => return None,
    }
    Some((event, context))
}

fn change_at(args: &mut Map<String, Value>, path: &[&str], change: &Change) -> Option<()> {
    let (key, rest) = path.split_first()?;
    if rest.is_empty() {
        match change {
            Change::Set(value) if args.get(*key) == Some(value) => return None,
            Change::Set(value) => {
                args.insert((*key).to_owned(), value.clone());
            }
            Change::Add(value) => {
                let list = args.get_mut(*key)?.as_array_mut()?;
                if list.contains(value) {
                    return None;
                }
                list.push(value.clone());
            }
            Change::Remove => {
                args.remove(*key)?;
            }
        }
        return Some(());
    }
    if !args.contains_key(*key) && matches!(change, Change::Set(_)) {
        args.insert((*key).to_owned(), Value::Object(Map::new()));
    }
    change_at(args.get_mut(*key)?.as_object_mut()?, rest, change)
}

/// Of each part of the event the change that lies closest, or the first few; leaving something out comes after them, and
/// null last.
fn best<'c>(proven: &[&'c Candidate], event: &GovernanceEvent) -> Vec<&'c Candidate> {
    let mut best: Vec<&Candidate> = Vec::new();
    let mut parts: Vec<&[String]> = Vec::new();
    for candidate in proven {
        if !parts.contains(&candidate.at.as_slice()) {
            parts.push(&candidate.at);
        }
    }
    for part in parts {
        let of_part = || proven.iter().copied().filter(|one| one.at == part);
        let closest = number_at(event, part).and_then(|present| {
            let numbers = of_part().filter_map(|one| match &one.change {
                Change::Set(value) => Some((one, (value.as_f64()? - present).abs())),
                _ => None,
            });
            numbers.min_by(|(_, one), (_, other)| one.total_cmp(other))
        });
        match closest {
            Some((closest, _)) => best.push(closest),
            None => {
                let null = |one: &&Candidate| one.change == Change::Set(Value::Null);
                let mut kept = of_part()
                    .filter(|one| one.change != Change::Remove && !null(one))
                    .peekable();
                if let Some(first) = kept.peek() {
                    // One number is as good as another.
                    let number = matches!(&first.change, Change::Set(Value::Number(_)));
                    best.extend(kept.take(if number { 1 } else { MAX_OF_ONE }));
                } else {
                    let left_out = of_part().find(|one| one.change == Change::Remove);
                    best.extend(left_out.or_else(|| of_part().next()));
                }
            }
        }
    }
    best
}

fn number_at(event: &GovernanceEvent, part: &[String]) -> Option<f64> {
    let GovernanceEvent::ToolCall(call) = event else {
        return None;
    };
    let (first, rest) = part.get(1..)?.split_first()?;
    let mut value = call.args.object().get(first)?;
    for key in rest {
        value = value.get(key)?;
    }
    value.as_f64()
}

fn suggested(candidate: &Candidate, masked: &Masked<'_>) -> Suggestion {
    let at = &candidate.at;
    let shown = |value: &Value| masked.instead(at, value);
    Suggestion {
        at: in_yaml(at),
        change: match &candidate.change {
            Change::Set(value) => SuggestedChange::Set {
                from: masked.at(at),
                to: shown(value),
            },
            Change::Add(value) => SuggestedChange::Add {
                value: shown(value),
            },
            Change::Remove => SuggestedChange::Remove {
                from: masked.at(at).unwrap_or_default(),
            },
        },
    }
}
