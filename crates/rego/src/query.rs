//! `urlquery.*` as OPA reads and writes queries: what is not escaped well is an error.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use regorus::Value;

use super::builtins::text_operand;
use super::registry::Registry;

type Builtin = fn(&[Value]) -> Result<Value>;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    let builtins: [(&str, Builtin); 4] = [
        ("urlquery.encode", |values| {
            Ok(Value::from(encoded(text_operand(values, 0)?)))
        }),
        ("urlquery.decode", |values| {
            Ok(Value::from(decoded(text_operand(values, 0)?)?))
        }),
        ("urlquery.encode_object", encode_object),
        ("urlquery.decode_object", decode_object),
    ];
    for (name, builtin) in builtins {
        registry.add(name, 1, move |values: Vec<Value>| builtin(&values))?;
    }
    Ok(())
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn decoded(text: &str) -> Result<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = char::from(bytes.next()?).to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                match (digit(), digit()) {
                    (Some(high), Some(low)) => high * 16 + low,
                    _ => bail!("a `%` is not followed by two hexadecimal digits"),
                }
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| anyhow::anyhow!("what is escaped is no UTF-8"))
}

fn encode_object(values: &[Value]) -> Result<Value> {
    let Some(Value::Object(fields)) = values.first() else {
        bail!("operand 1 must be an object");
    };
    let mut pairs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in fields.iter() {
        let Value::String(key) = key else {
            bail!("a key must be a string");
        };
        let items: Vec<&Value> = match value {
            Value::Array(items) => items.iter().collect(),
            Value::Set(items) => items.iter().collect(),
            value => vec![value],
        };
        for item in items {
            let Value::String(item) = item else {
                bail!("a value must be a string, or a set or array of such");
            };
            pairs.entry(key).or_default().push(item);
        }
    }
    let pairs: Vec<String> = pairs
        .into_iter()
        .flat_map(|(key, values)| values.into_iter().map(move |value| (key, value)))
        .map(|(key, value)| format!("{}={}", encoded(key), encoded(value)))
        .collect();
    Ok(Value::from(pairs.join("&")))
}

fn decode_object(values: &[Value]) -> Result<Value> {
    let mut pairs: BTreeMap<Value, Vec<Value>> = BTreeMap::new();
    for pair in text_operand(values, 0)?.split('&') {
        if pair.contains(';') {
            bail!("`;` separates nothing in a query");
        }
        if pair.is_empty() {
            continue;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs
            .entry(Value::from(decoded(key)?))
            .or_default()
            .push(Value::from(decoded(value)?));
    }
    let object: BTreeMap<Value, Value> = pairs
        .into_iter()
        .map(|(key, values)| (key, Value::from(values)))
        .collect();
    Ok(Value::from(object))
}
