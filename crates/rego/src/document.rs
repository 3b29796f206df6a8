//! Documents in and out of the interpreter, each of a limited size.

use std::io;

use kitelogik_core::json;
use regorus::Value;
use serde::Serialize;

use crate::Fault;

/// `input` as the interpreter reads it, of up to `max_bytes` as JSON.
///
/// # Errors
///
/// [`Fault::Limit`] where it is larger, or nested too deep; [`Fault::MalformedInput`] where JSON cannot hold it.
pub fn read(input: &impl Serialize, max_bytes: usize) -> Result<Value, Fault> {
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
