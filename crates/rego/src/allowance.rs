//! How much one evaluation may make.

use std::cell::Cell;

use anyhow::Result;
use regorus::Value;

use crate::builtins::over;

/// How much one evaluation may make where nothing else is said: 64 MiB.
pub(crate) const DEFAULT: usize = 64 * 1024 * 1024;
/// What a member of a collection takes, about.
const MEMBER: usize = 48;

thread_local! {
    /// What may still be made on this thread, of how much. Nothing bounds it outside of an evaluation.
    static LEFT: Cell<(usize, usize)> = const { Cell::new((usize::MAX, usize::MAX)) };
}

/// While it is there, this thread may make so many bytes.
pub(crate) struct Allowance {
    outer: (usize, usize),
}

impl Allowance {
    pub(crate) fn of(bytes: usize) -> Self {
        Self {
            outer: LEFT.replace((bytes, bytes)),
        }
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        LEFT.set(self.outer);
    }
}

/// Counts what a built-in or an operator made: the text, or the members, whatever they share.
pub(crate) fn made(value: &Value) -> Result<()> {
    let bytes = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.len().saturating_mul(MEMBER),
        Value::Set(items) => items.len().saturating_mul(MEMBER),
        Value::Object(entries) => entries.len().saturating_mul(2 * MEMBER),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Undefined => return Ok(()),
    };
    spend(bytes)
}

/// As [`made`], of what is handed on.
pub(crate) fn counted(value: Value) -> Result<Value> {
    made(&value).map(|()| value)
}

/// Counts one more member of a collection, with so much text of its own.
pub(crate) fn gathered(text: usize) -> Result<()> {
    spend(text.saturating_add(MEMBER))
}

fn spend(bytes: usize) -> Result<()> {
    let (left, whole) = LEFT.get();
    match left.checked_sub(bytes) {
        Some(left) => {
            LEFT.set((left, whole));
            Ok(())
        }
        None => Err(over(whole, "bytes that one evaluation makes")),
    }
}
