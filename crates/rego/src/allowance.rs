//! How much one evaluation may make.

use std::cell::Cell;

use anyhow::Result;
use regorus::Value;

use crate::builtins::over;

/// How much one evaluation may make, and each built-in in it.
///
/// What would be more is [`Fault::Limit`](crate::Fault::Limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Making {
    /// All together, in bytes: texts and members of collections. Default: 64 MiB.
    pub bytes: usize,
    /// How many elements or entries the collection may have that one built-in makes. Default: 100,000.
    ///
    /// More than [`MAX_ELEMENTS`](Self::MAX_ELEMENTS) counts as that: a built-in runs to its end, whatever the time.
    pub elements: usize,
    /// How long the text may be that one built-in makes, in bytes. Default: 16 MiB.
    ///
    /// More than [`MAX_TEXT`](Self::MAX_TEXT) counts as that.
    pub text: usize,
}

impl Making {
    /// The most elements that a built-in may ever make: 1,000,000.
    pub const MAX_ELEMENTS: usize = 1_000_000;
    /// The longest text that a built-in may ever make: 64 MiB.
    pub const MAX_TEXT: usize = 64 * 1024 * 1024;

    const DEFAULT: Self = Self {
        bytes: 64 * 1024 * 1024,
        elements: 100_000,
        text: 16 * 1024 * 1024,
    };

    pub(crate) fn capped(self) -> Self {
        Self {
            bytes: self.bytes,
            elements: self.elements.min(Self::MAX_ELEMENTS),
            text: self.text.min(Self::MAX_TEXT),
        }
    }
}

impl Default for Making {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a member of a collection takes, about.
const MEMBER: usize = 48;

struct Left {
    bytes: Cell<usize>,
    making: Cell<Making>,
}

thread_local! {
    /// What may still be made on this thread, of how much. Nothing bounds all together outside of an evaluation.
    static LEFT: Left = const {
        Left {
            bytes: Cell::new(usize::MAX),
            making: Cell::new(Making::DEFAULT),
        }
    };
}

/// While it is there, this thread may make so much.
pub(crate) struct Allowance {
    bytes: usize,
    making: Making,
}

impl Allowance {
    pub(crate) fn of(making: Making) -> Self {
        LEFT.with(|left| Self {
            bytes: left.bytes.replace(making.bytes),
            making: left.making.replace(making),
        })
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        LEFT.with(|left| {
            left.bytes.set(self.bytes);
            left.making.set(self.making);
        });
    }
}

/// Counts what an operator made, or a built-in that has a limit of its own: the text, or the members, whatever they share.
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

/// As [`made`], of a built-in's result, which has limits alone as well.
pub(crate) fn made_by_builtin(value: &Value) -> Result<()> {
    match value {
        Value::String(text) => bounded_text(text.len())?,
        Value::Array(items) => bounded_elements(items.len())?,
        Value::Set(items) => bounded_elements(items.len())?,
        Value::Object(entries) => bounded_elements(entries.len())?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Undefined => {}
    }
    made(value)
}

/// Fails where one built-in may not make a text of so many bytes.
pub(crate) fn bounded_text(bytes: usize) -> Result<()> {
    let text = LEFT.with(|left| left.making.get().text);
    if bytes > text {
        return Err(over(text, "bytes of text"));
    }
    Ok(())
}

/// Fails where one built-in may not make so many elements.
pub(crate) fn bounded_elements(count: usize) -> Result<()> {
    let elements = LEFT.with(|left| left.making.get().elements);
    if count > elements {
        return Err(over(elements, "elements"));
    }
    Ok(())
}

/// Counts one more member of a collection, with so much text of its own.
pub(crate) fn gathered(text: usize) -> Result<()> {
    spend(text.saturating_add(MEMBER))
}

fn spend(bytes: usize) -> Result<()> {
    LEFT.with(|left| match left.bytes.get().checked_sub(bytes) {
        Some(rest) => {
            left.bytes.set(rest);
            Ok(())
        }
        None => Err(over(
            left.making.get().bytes,
            "bytes that one evaluation makes",
        )),
    })
}
