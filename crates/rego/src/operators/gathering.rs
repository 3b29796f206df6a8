//! What comprehensions and rules gather, and what `print` writes, counted by the interpreter.
//!
//! In `{x | some x in xs}` and `deny contains x if …`, each member passes through a call that counts it, as a program
//! counts it where it gathers.

use std::sync::Arc;

use anyhow::Result;
use regorus::Value;
use regorus::unstable::{Expr, RuleHead};

use crate::allowance::{gathered, made};
use crate::registry::Registry;

/// Hands on a member, and counts it.
pub(super) const GATHERED: &str = "kitelogik_gathered";
/// Hands on what is printed, and counts the text that it becomes.
pub(super) const PRINTED: &str = "kitelogik_printed";

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    registry.hand_on(GATHERED, member_is_counted)?;
    registry.hand_on(PRINTED, |value| gathered(printed(value)))
}

/// What the rules of `head` gather one after the other; none where it is one and the same for all that a body finds.
pub(super) fn member(head: &RuleHead) -> Option<&Expr> {
    let (key, member) = match head {
        RuleHead::Set { key: Some(key), .. } => (&**key, &**key),
        RuleHead::Set { refr, .. } => {
            let key = index(refr)?;
            (key, key)
        }
        RuleHead::Compr { refr, assign, .. } => {
            let key = index(refr)?;
            (key, assign.as_ref().map_or(key, |assign| &*assign.value))
        }
        RuleHead::Func { .. } => return None,
    };
    let literal = matches!(
        key,
        Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
    );
    (!literal).then_some(member)
}

/// What stands in the last brackets of a rule's name.
fn index(name: &Expr) -> Option<&Expr> {
    match name {
        Expr::RefBrack { index, .. } => Some(index),
        _ => None,
    }
}

/// Whether it is `print`: what it writes is kept until the evaluation ends.
pub(super) fn prints(function: &Expr) -> bool {
    matches!(function, Expr::Var { span, .. } if span.text() == "print")
}

/// Texts may be shared with the input; what is written in the head itself, as in `[[x, y] | …]`, is nobody else's.
fn member_is_counted(member: &Value) -> Result<()> {
    let own = match member {
        Value::Array(items) => Arc::strong_count(items) == 1,
        Value::Set(items) => Arc::strong_count(items) == 1,
        _ => false,
    };
    if own {
        made(member)?;
    }
    gathered(match member {
        Value::String(text) => text.len(),
        _ => 0,
    })
}

/// About how long a value is as text.
fn printed(value: &Value) -> usize {
    /// What a number, a name of a constant, or brackets take.
    const SHORT: usize = 8;
    let all = |values: &mut dyn Iterator<Item = &Value>| {
        values.map(printed).fold(SHORT, usize::saturating_add)
    };
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => all(&mut items.iter()),
        Value::Set(items) => all(&mut items.iter()),
        Value::Object(entries) => all(&mut entries.iter().flat_map(|(key, value)| [key, value])),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Undefined => SHORT,
    }
}
