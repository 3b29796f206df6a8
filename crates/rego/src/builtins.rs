//! Built-ins replaced: bounded, made to agree with OPA, or refused.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use anyhow::{Result, anyhow, bail};
use regorus::unstable::{BUILTINS, BuiltinFcn, Expr, Ref, Source, Span};
use regorus::{Engine, Value};

use super::{json_marshal, letter_case, regex};

/// How many elements one built-in may make.
const MAX_ELEMENTS: u64 = 100_000;
/// How much text one built-in may make.
pub(super) const MAX_TEXT: usize = 16 * 1024 * 1024;
/// How wide `sprintf` may pad.
const MAX_WIDTH: u64 = 1_000;
/// How far `bits.lsh` may shift.
const MAX_SHIFT: u64 = 4_096;

/// How large an exponent `units.parse` and `units.parse_bytes` may read.
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

/// Registers all of them with `engine`; there, they stand before its own.
pub(super) fn register(engine: &mut Engine) -> Result<()> {
    for (name, arguments) in [("http.send", 1), ("net.lookup_ip_addr", 1)] {
        engine.add_extension(
            name.to_owned(),
            arguments,
            Box::new(move |_| bail!("`{name}` reaches outside and is refused")),
        )?;
    }
    bounded(engine, "numbers.range", 2, range)?;
    bounded(engine, "numbers.range_step", 3, range)?;
    bounded(engine, "net.cidr_expand", 1, cidr)?;
    bounded(engine, "concat", 2, concat)?;
    bounded(engine, "replace", 3, replace)?;
    bounded(engine, "strings.replace_n", 2, replace_n)?;
    bounded(engine, "sprintf", 2, sprintf)?;
    bounded(engine, "bits.lsh", 2, shift)?;
    bounded(engine, "to_number", 1, number)?;
    bounded(engine, "units.parse", 1, exponent)?;
    bounded(engine, "units.parse_bytes", 1, exponent)?;
    cidr_contains(engine)?;
    json_marshal::register(engine)?;
    letter_case::register(engine)?;
    regex::register(engine)
}

/// Replaces `name` by itself behind a check of its arguments.
fn bounded(
    engine: &mut Engine,
    name: &'static str,
    arguments: u8,
    check: fn(&[Value]) -> Result<()>,
) -> Result<()> {
    wrapped(engine, name, arguments, check, |value| value)
}

/// Replaces `name` by itself between a check of its arguments and a change of its result.
pub(super) fn wrapped(
    engine: &mut Engine,
    name: &'static str,
    arguments: u8,
    check: fn(&[Value]) -> Result<()>,
    change: fn(Value) -> Value,
) -> Result<()> {
    let Some(builtin) = BUILTINS.get(name).copied() else {
        bail!("there is no built-in `{name}` to bound");
    };
    engine.add_extension(
        name.to_owned(),
        arguments,
        Box::new(move |values: Vec<Value>| {
            check(&values)?;
            call(builtin, &values).map(change)
        }),
    )
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

fn call(builtin: BuiltinFcn, values: &[Value]) -> Result<Value> {
    let Some(place) = &*PLACE else {
        bail!("there is no place to call it from");
    };
    let parameters = vec![place.parameter.clone(); values.len()];
    (builtin.0)(&place.span, &parameters, values, true).map_err(|error| {
        let text = error.to_string();
        anyhow!("{}", text.rsplit("error: ").next().unwrap_or(&text).trim())
    })
}

fn text(values: &[Value], position: usize) -> Option<&str> {
    match values.get(position) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn integer(values: &[Value], position: usize) -> Option<i64> {
    values.get(position)?.as_i64().ok()
}

/// What is no integer of 64 bits is refused: the built-in counts elements in such.
fn range(values: &[Value]) -> Result<()> {
    let (Some(from), Some(to)) = (integer(values, 0), integer(values, 1)) else {
        bail!("operand must be an integer of 64 bits");
    };
    let step = match values.len() {
        2 => 1,
        _ => integer(values, 2)
            .filter(|step| *step > 0)
            .ok_or_else(|| anyhow!("step must be a positive integer of 64 bits"))?,
    };
    if from.abs_diff(to) / step.unsigned_abs() >= MAX_ELEMENTS {
        return Err(over(MAX_ELEMENTS, "elements"));
    }
    Ok(())
}

fn cidr(values: &[Value]) -> Result<()> {
    let network = text(values, 0).unwrap_or_default();
    let Some((address, length)) = network.split_once('/') else {
        return Ok(());
    };
    let bits: u32 = if address.contains(':') { 128 } else { 32 };
    let hosts = length
        .trim()
        .parse()
        .ok()
        .and_then(|length: u32| bits.checked_sub(length))
        .and_then(|free| 1_u64.checked_shl(free));
    match hosts {
        Some(hosts) if hosts <= MAX_ELEMENTS => Ok(()),
        _ => Err(over(MAX_ELEMENTS, "elements")),
    }
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
    fits(total)
}

fn replace(values: &[Value]) -> Result<()> {
    match (text(values, 0), text(values, 1), text(values, 2)) {
        (Some(subject), Some(old), Some(new)) => {
            fits(longest_replacement(subject.len(), old.len(), new.len()))
        }
        _ => Ok(()),
    }
}

fn replace_n(values: &[Value]) -> Result<()> {
    let (Some(Value::Object(patterns)), Some(subject)) = (values.first(), text(values, 1)) else {
        return Ok(());
    };
    let mut length = subject.len();
    for (old, new) in patterns.iter() {
        if let (Value::String(old), Value::String(new)) = (old, new) {
            length = longest_replacement(length, old.len(), new.len());
        }
    }
    fits(length)
}

/// How long a text of `subject` bytes can get when `old` bytes are replaced by `new` everywhere.
fn longest_replacement(subject: usize, old: usize, new: usize) -> usize {
    let matches = match old {
        0 => subject.saturating_add(1),
        old => subject / old,
    };
    if new > old {
        subject.saturating_add(matches.saturating_mul(new - old))
    } else {
        subject
    }
}

fn fits(length: usize) -> Result<()> {
    if length > MAX_TEXT {
        return Err(over(MAX_TEXT, "bytes of text"));
    }
    Ok(())
}

/// Reads numbers after each `%`, as the built-in does; those of other scripts make it panic.
fn sprintf(values: &[Value]) -> Result<()> {
    let format = text(values, 0).unwrap_or_default();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '%' {
            continue;
        }
        let mut number = 0_u64;
        characters.next_if_eq(&'.');
        while let Some(digit) = characters.next_if(|next| next.is_numeric()) {
            let Some(digit) = digit.to_digit(10) else {
                bail!("`{digit}` is no digit of a width");
            };
            number = number.saturating_mul(10).saturating_add(u64::from(digit));
        }
        if number > MAX_WIDTH {
            return Err(over(MAX_WIDTH, "characters of width or precision"));
        }
        if number == 0 {
            characters.next_if_eq(&'%');
        }
    }
    Ok(())
}

fn shift(values: &[Value]) -> Result<()> {
    match values.get(1).and_then(|bits| bits.as_u64().ok()) {
        Some(bits) if bits <= MAX_SHIFT => Ok(()),
        _ => Err(over(MAX_SHIFT, "bits to shift by")),
    }
}

/// A text as short as `1e99999999` takes a minute to become an integer.
fn exponent(values: &[Value]) -> Result<()> {
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

/// OPA reads no number with white space around it.
fn number(values: &[Value]) -> Result<()> {
    match text(values, 0) {
        Some(digits) if digits.trim() != digits => bail!("`{digits}` is no number"),
        _ => Ok(()),
    }
}

/// OPA takes an IPv4 address that is written as an IPv6 one (`::ffff:10.1.2.3`) for what it is; a
/// rule that denies `10.0.0.0/8` must not be got around by that spelling.
fn cidr_contains(engine: &mut Engine) -> Result<()> {
    let Some(builtin) = BUILTINS.get("net.cidr_contains").copied() else {
        bail!("there is no built-in `net.cidr_contains` to replace");
    };
    engine.add_extension(
        "net.cidr_contains".to_owned(),
        2,
        Box::new(move |values: Vec<Value>| {
            let values: Vec<Value> = values
                .into_iter()
                .map(|value| match &value {
                    Value::String(network) => as_ipv4(network).map_or(value, Value::from),
                    _ => value,
                })
                .collect();
            call(builtin, &values)
        }),
    )
}

/// An address or network of mapped IPv4 addresses, as IPv4.
fn as_ipv4(network: &str) -> Option<String> {
    let (address, length) = match network.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (network, None),
    };
    let address = address.parse::<Ipv6Addr>().ok()?.to_ipv4_mapped()?;
    match length {
        None => Some(address.to_string()),
        Some(length) => {
            let length = length.parse::<u8>().ok()?.checked_sub(96)?;
            Some(format!("{address}/{length}"))
        }
    }
}
