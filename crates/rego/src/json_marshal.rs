//! `json.marshal` with the escapes of OPA, which writes `<`, `>`, `&` and two line separators as
//! `\u003c` and so on: a rule that searches the text must find the same in both engines.

use anyhow::{Result, bail};
use regorus::Value;

use super::builtins::{over, wrapped};
use super::registry::Registry;

/// How long the prefix or the indent of a line may be, in bytes.
const MAX_INDENT: usize = 16;
/// What is written as an escape.
const SPECIAL: [char; 5] = ['<', '>', '&', '\u{2028}', '\u{2029}'];

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    wrapped(registry, "json.marshal", 1, any, escaped)?;
    wrapped(registry, "json.marshal_with_options", 2, layout, escaped)
}

/// Prefix and indent stand on every line: a level of nesting each of the latter.
fn layout(values: &[Value]) -> Result<()> {
    if let Some(Value::Object(options)) = values.get(1) {
        for (_, option) in options.iter() {
            match option {
                Value::String(text) if text.len() > MAX_INDENT => {
                    return Err(over(MAX_INDENT, "bytes of prefix or indent"));
                }
                // They would be escaped here, and are not in OPA.
                Value::String(text) if text.contains(SPECIAL) => {
                    bail!("a prefix or indent with `<`, `>` or `&` is not offered")
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn any(_: &[Value]) -> Result<()> {
    Ok(())
}

/// A JSON text with the escapes of OPA.
pub(crate) fn escaped(value: Value) -> Value {
    let Value::String(text) = &value else {
        return value;
    };
    // Both separators begin with this byte.
    let special = |byte: u8| matches!(byte, b'<' | b'>' | b'&' | 0xe2);
    if !text.bytes().any(special) || !text.contains(SPECIAL) {
        return value;
    }
    let mut escaped = String::with_capacity(text.len() + 32);
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    Value::from(escaped)
}
