//! Built-ins replaced: bounded, made to agree with OPA, or refused.

use std::sync::LazyLock;

use anyhow::{Result, anyhow, bail};
use regorus::Value;
use regorus::unstable::{BUILTINS, BuiltinFcn, Expr, Ref, Source, Span};

use super::allowance::bounded_text;
use super::fault::unframed;
use super::registry::Registry;
use super::{
    dates, format, glob, json_marshal, letter_case, network, numbers, objects, query, regex, texts,
};

/// How many steps one built-in may take that compares each value with each.
const MAX_WORK: usize = 10_000_000;
/// How long all paths of `walk` may be together.
const MAX_WALKED: usize = 1_000_000;
/// How large an exponent may be that a text is read with.
const MAX_EXPONENT: u64 = 300;

/// What the message of a built-in says that hit one of these limits.
const LIMIT: &str = "over the limit of";

/// Whether an error's text is that of a limit here.
pub(super) fn is_limit(detail: &str) -> bool {
    detail.contains(LIMIT)
}

/// The error of a built-in that would make more than it may.
pub(super) fn over(limit: impl std::fmt::Display, what: &str) -> anyhow::Error {
    anyhow!("{LIMIT} {limit} {what}")
}

/// Registers all of them with `registry`; there, they stand before the interpreter's own.
pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    for (name, arguments) in [("http.send", 1), ("net.lookup_ip_addr", 1)] {
        registry.add(name, arguments, move |_| {
            bail!("`{name}` reaches outside and is refused")
        })?;
    }
    bounded(registry, "concat", 2, concat)?;
    bounded(registry, "strings.any_prefix_match", 2, each_with_each)?;
    bounded(registry, "strings.any_suffix_match", 2, each_with_each)?;
    bounded(registry, "union", 1, gathered)?;
    bounded(registry, "object.union_n", 1, gathered)?;
    bounded(registry, "walk", 1, walked)?;
    bounded(registry, "base64.decode", 1, padding)?;
    bounded(registry, "base64url.decode", 1, padding)?;
    wrapped(registry, "json.is_valid", 1, json_text, |value| value)?;
    bounded(registry, "array.slice", 3, any)?;
    makers(registry)?;
    refused(registry)?;
    registry.add("base64.is_valid", 1, |values: Vec<Value>| {
        Ok(Value::from(is_base64(text_operand(&values, 0)?)))
    })?;
    dates::register(registry)?;
    format::register(registry)?;
    glob::register(registry)?;
    network::register(registry)?;
    numbers::register(registry)?;
    objects::register(registry)?;
    query::register(registry)?;
    texts::register(registry)?;
    json_marshal::register(registry)?;
    letter_case::register(registry)?;
    regex::register(registry)
}

/// Those of the interpreter's own that make texts or collections and are right as they are: what stands here is counted.
const MAKERS: [&str; 19] = [
    "array.concat",
    "array.reverse",
    "base64.encode",
    "base64url.encode",
    "base64url.encode_no_pad",
    "graph.reachable",
    "hex.decode",
    "hex.encode",
    "intersection",
    "object.filter",
    "object.keys",
    "object.remove",
    "object.union",
    "sort",
    "split",
    "strings.reverse",
    "trim_prefix",
    "trim_space",
    "trim_suffix",
];

fn makers(registry: &mut impl Registry) -> Result<()> {
    for name in MAKERS {
        let Some(builtin) = BUILTINS.get(name).copied() else {
            bail!("there is no built-in `{name}` to count");
        };
        registry.add(name, builtin.1, move |values: Vec<Value>| {
            call(builtin, &values)
        })?;
    }
    Ok(())
}

/// Replaces `name` by itself behind a check of its arguments.
pub(super) fn bounded(
    registry: &mut impl Registry,
    name: &'static str,
    arguments: u8,
    check: fn(&[Value]) -> Result<()>,
) -> Result<()> {
    wrapped(registry, name, arguments, check, |value| value)
}

/// Replaces `name` by itself between a check of its arguments and a change of its result.
///
/// Where the interpreter makes nothing of its arguments, OPA has an error.
pub(super) fn wrapped(
    registry: &mut impl Registry,
    name: &'static str,
    arguments: u8,
    check: fn(&[Value]) -> Result<()>,
    change: fn(Value) -> Value,
) -> Result<()> {
    let Some(builtin) = BUILTINS.get(name).copied() else {
        bail!("there is no built-in `{name}` to bound");
    };
    registry.add(name, arguments, move |values: Vec<Value>| {
        check(&values)?;
        match call(builtin, &values)? {
            Value::Undefined => bail!("`{name}` is undefined for these operands"),
            value => Ok(change(value)),
        }
    })
}

/// A place in no file: built-ins name one in their errors, and the caller adds the real one.
struct Place {
    span: Span,
    parameter: Ref<Expr>,
}

static PLACE: LazyLock<Option<Place>> = LazyLock::new(|| {
    let source = Source::from_contents("built-in".to_owned(), String::new()).ok()?;
    let span = Span {
        source,
        line: 1,
        col: 1,
        start: 0,
        end: 0,
    };
    let parameter = Ref::new(Expr::Null {
        span: span.clone(),
        value: Value::Null,
        eidx: 0,
    });
    Some(Place { span, parameter })
});

/// Calls one of the interpreter's own built-ins.
pub(super) fn call(builtin: BuiltinFcn, values: &[Value]) -> Result<Value> {
    let Some(place) = &*PLACE else {
        bail!("there is no place to call it from");
    };
    let parameters = vec![place.parameter.clone(); values.len()];
    (builtin.0)(&place.span, &parameters, values, true).map_err(|error| {
        let text = error.to_string();
        anyhow!("{}", unframed(&text).1)
    })
}

pub(super) fn text(values: &[Value], position: usize) -> Option<&str> {
    match values.get(position) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// An operand that must be a string.
pub(super) fn text_operand(values: &[Value], position: usize) -> Result<&str> {
    text(values, position).ok_or_else(|| anyhow!("operand {} must be a string", position + 1))
}

/// Bounds what compares each of so many with each of so many others.
pub(super) fn work(one: usize, other: usize) -> Result<()> {
    if one.saturating_mul(other) > MAX_WORK {
        return Err(over(MAX_WORK, "steps of work"));
    }
    Ok(())
}

/// Any arguments will do.
pub(super) fn any(_: &[Value]) -> Result<()> {
    Ok(())
}

fn each_with_each(values: &[Value]) -> Result<()> {
    let count = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Set(items)) => items.len(),
        _ => 1,
    };
    work(count(values.first()), count(values.get(1)))
}

/// What is gathered step by step is copied in each step.
fn gathered(values: &[Value]) -> Result<()> {
    let size = |value: &Value| match value {
        Value::Set(items) => items.len(),
        value => values_in(value),
    };
    match values.first() {
        Some(Value::Array(items)) => work(items.len(), items.iter().map(size).sum()),
        Some(Value::Set(items)) => work(items.len(), items.iter().map(size).sum()),
        _ => Ok(()),
    }
}

fn values_in(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(values_in).sum(),
        Value::Set(items) => items.iter().map(values_in).sum(),
        Value::Object(fields) => fields.iter().map(|(_, value)| values_in(value)).sum(),
        _ => 0_usize,
    }
}

/// Each value comes with the whole path to it.
pub(super) fn walked(values: &[Value]) -> Result<()> {
    fn steps(value: &Value, depth: usize) -> usize {
        let below = |value: &Value| steps(value, depth + 1);
        depth
            + 1
            + match value {
                Value::Array(items) => items.iter().map(below).sum(),
                Value::Set(items) => items.iter().map(below).sum(),
                Value::Object(fields) => fields.iter().map(|(_, value)| below(value)).sum(),
                _ => 0_usize,
            }
    }
    let steps = values.first().map_or(0, |value| steps(value, 0));
    if steps > MAX_WALKED {
        return Err(over(MAX_WALKED, "steps of all paths"));
    }
    Ok(())
}

/// OPA reads no padding but at the end.
fn padding(values: &[Value]) -> Result<()> {
    let encoded = text_operand(values, 0)?;
    if encoded.trim_end_matches('=').contains('=') {
        bail!("the padding does not stand at the end");
    }
    Ok(())
}

/// As OPA, which skips line breaks and does not look at the last bits.
fn is_base64(encoded: &str) -> bool {
    let encoded: String = encoded
        .chars()
        .filter(|letter| !matches!(letter, '\r' | '\n'))
        .collect();
    let letters = encoded.trim_end_matches('=');
    encoded.len().is_multiple_of(4)
        && encoded.len() - letters.len() <= 2
        && letters
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/'))
}

/// What only one of the two reads: numbers with large exponents, and escapes of half a character.
fn json_text(values: &[Value]) -> Result<()> {
    let written = text_operand(values, 0)?;
    exponent(values)?;
    if written.contains("\\u") {
        bail!("a JSON text with `\\u` escapes cannot be judged as OPA does");
    }
    Ok(())
}

/// Those that are not offered, and what to write instead.
pub(super) const REFUSED: [(&str, u8, &str); 4] = [
    (
        "graph.reachable_paths",
        2,
        "takes time without bounds; use `graph.reachable`",
    ),
    (
        "yaml.is_valid",
        1,
        "reads another YAML than OPA; use `json.is_valid`",
    ),
    (
        "yaml.marshal",
        1,
        "writes another YAML than OPA; use `json.marshal`",
    ),
    (
        "yaml.unmarshal",
        1,
        "reads another YAML than OPA; use `json.unmarshal`",
    ),
];

fn refused(registry: &mut impl Registry) -> Result<()> {
    for (name, arguments, reason) in REFUSED {
        registry.add(name, arguments, move |_| bail!("`{name}` {reason}"))?;
    }
    Ok(())
}

fn concat(values: &[Value]) -> Result<()> {
    let delimiter = text(values, 0).unwrap_or_default().len();
    let length = |value: &Value| match value {
        Value::String(text) => text.len().saturating_add(delimiter),
        _ => 0,
    };
    let total = match values.get(1) {
        Some(Value::Array(items)) => items.iter().map(length).fold(0, usize::saturating_add),
        Some(Value::Set(items)) => items.iter().map(length).fold(0, usize::saturating_add),
        _ => 0,
    };
    bounded_text(total.saturating_sub(delimiter))
}

/// A text as short as `1e99999999` takes a minute to become an integer.
pub(super) fn exponent(values: &[Value]) -> Result<()> {
    let amount = text(values, 0).unwrap_or_default();
    for (position, _) in amount.match_indices(['e', 'E']) {
        let rest = amount.get(position + 1..).unwrap_or_default();
        let digits: String = rest
            .trim_start_matches(['+', '-'])
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let too_large = !digits.is_empty()
            && digits
                .parse::<u64>()
                .map_or(true, |exponent| exponent > MAX_EXPONENT);
        if too_large {
            return Err(over(MAX_EXPONENT, "for an exponent"));
        }
    }
    Ok(())
}
