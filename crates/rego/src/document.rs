//! Documents in and out of the interpreter, each of a limited size.

use std::io;

use kitelogik_core::json;
use regorus::Value;
use serde::Serialize;

use crate::Fault;

/// How deep an input may ever nest: 127 levels of arrays and objects. The reader of JSON reads no deeper.
pub const MAX_DEPTH: usize = 127;

/// `input` as the interpreter reads it, of up to `max_bytes` as JSON and `max_depth` levels of arrays and objects; more
/// than [`MAX_DEPTH`] counts as that.
///
/// # Errors
///
/// [`Fault::Limit`] where it is larger, or nested too deep; [`Fault::MalformedInput`] where JSON cannot hold it.
pub fn read(input: &impl Serialize, max_bytes: usize, max_depth: usize) -> Result<Value, Fault> {
    let mut text = Capped::new(max_bytes);
    let written = serde_json::to_writer(&mut text, input);
    if text.overflowed {
        return Err(Fault::Limit(format!(
            "the input is larger than {max_bytes} bytes"
        )));
    }
    written.map_err(|error| Fault::MalformedInput(error.to_string()))?;
    let text =
        String::from_utf8(text.bytes).map_err(|error| Fault::MalformedInput(error.to_string()))?;
    let max_depth = max_depth.min(MAX_DEPTH);
    if nests_deeper(&text, max_depth) {
        return Err(Fault::Limit(format!(
            "the input nests deeper than {max_depth} levels"
        )));
    }
    // What was written a moment ago is JSON; only its depth can be too much for the reader.
    Value::from_json_str(&text).map_err(|error| Fault::Limit(error.to_string()))
}

/// `value` as JSON, of up to `max_bytes`.
pub(crate) fn write(value: &Value, max_bytes: usize) -> Result<serde_json::Value, Fault> {
    if *value == Value::Undefined {
        return Err(Fault::Undefined);
    }
    let mut text = Capped::new(max_bytes);
    let written = serde_json::to_writer(&mut text, value);
    if text.overflowed {
        return Err(Fault::Limit(format!(
            "the result is larger than {max_bytes} bytes"
        )));
    }
    written.map_err(|error| Fault::Malformed(error.to_string()))?;
    let text =
        std::str::from_utf8(&text.bytes).map_err(|error| Fault::Malformed(error.to_string()))?;
    json::parse(text, json::DEFAULT_MAX_DEPTH).map_err(|error| Fault::Malformed(error.to_string()))
}

/// Whether a JSON text has more than so many levels of arrays and objects.
pub(crate) fn nests_deeper(text: &str, max_depth: usize) -> bool {
    // Each level takes two brackets.
    if text.len() / 2 <= max_depth {
        return false;
    }
    // Most have fewer of them than they may have levels, and to count them is quick.
    let opening = |byte: &u8| matches!(byte, b'[' | b'{');
    if text.as_bytes().iter().copied().filter(opening).count() <= max_depth {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > max_depth {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Memory that takes up to so many bytes, and remembers whether more came.
struct Capped {
    bytes: Vec<u8>,
    limit: usize,
    overflowed: bool,
}

impl Capped {
    fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(limit.min(1024)),
            limit,
            overflowed: false,
        }
    }
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit.saturating_sub(self.bytes.len()) {
            self.overflowed = true;
            return Err(io::Error::other("over the size limit"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
