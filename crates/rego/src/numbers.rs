//! Built-ins over numbers: bounded, and strict where the interpreter reads what OPA does not.

use anyhow::{Result, anyhow, bail};
use regorus::Value;
use regorus::unstable::ArithOp;

use super::allowance::bounded_elements;
use super::builtins::{any, bounded, exponent, over, text};
use super::decimal::Decimal;
use super::operators;
use super::registry::Registry;

/// How far `bits.lsh` may shift.
const MAX_SHIFT: u64 = 4_096;
/// How many factors `product` may have: integers grow with each.
const MAX_FACTORS: usize = 1_000;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    bounded(registry, "numbers.range", 2, range)?;
    bounded(registry, "numbers.range_step", 3, range)?;
    bounded(registry, "bits.lsh", 2, shift)?;
    for name in ["bits.rsh", "bits.and", "bits.or", "bits.xor"] {
        bounded(registry, name, 2, any)?;
    }
    bounded(registry, "bits.negate", 1, any)?;
    bounded(registry, "ceil", 1, rounded)?;
    bounded(registry, "floor", 1, rounded)?;
    bounded(registry, "format_int", 2, |values| match values.first() {
        Some(value) if value.as_i64().is_ok() && is_integer(value) => Ok(()),
        _ => bail!("`format_int` expects an integer of 64 bits"),
    })?;
    registry.add("product", 1, |values: Vec<Value>| {
        factors(&values)?;
        folded(&values, &ArithOp::Mul, 1)
    })?;
    registry.add("sum", 1, |values: Vec<Value>| {
        folded(&values, &ArithOp::Add, 0)
    })?;
    bounded(registry, "to_number", 1, number)?;
    bounded(registry, "json.unmarshal", 1, exponent)?;
    bounded(registry, "units.parse", 1, |values| unit(values, &UNITS))?;
    bounded(registry, "units.parse_bytes", 1, |values| {
        unit(values, &BYTE_UNITS)?;
        whole(text(values, 0).unwrap_or_default())
    })
}

fn is_integer(value: &Value) -> bool {
    value.as_number().is_ok_and(|number| number.is_integer())
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
    let steps = from.abs_diff(to) / step.unsigned_abs();
    bounded_elements(
        usize::try_from(steps)
            .unwrap_or(usize::MAX)
            .saturating_add(1),
    )
}

fn shift(values: &[Value]) -> Result<()> {
    match values.get(1).and_then(|bits| bits.as_u64().ok()) {
        Some(bits) if bits <= MAX_SHIFT => Ok(()),
        _ => Err(over(MAX_SHIFT, "bits to shift by")),
    }
}

/// OPA rounds what lies between -1 and 0 away from what is meant.
fn rounded(values: &[Value]) -> Result<()> {
    match values.first().map(Value::as_f64) {
        Some(Ok(number)) if number > -1.0 && number < 0.0 => {
            bail!("a number between -1 and 0 is rounded otherwise by OPA")
        }
        _ => Ok(()),
    }
}

fn factors(values: &[Value]) -> Result<()> {
    let count = match values.first() {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Set(items)) => items.len(),
        _ => 0,
    };
    if count > MAX_FACTORS {
        return Err(over(MAX_FACTORS, "factors"));
    }
    Ok(())
}

/// What comes of all numbers, one after the other, with the digits that OPA has.
fn folded(values: &[Value], operation: &ArithOp, first: u64) -> Result<Value> {
    let numbers: Vec<&Value> = match values.first() {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Set(items)) => items.iter().collect(),
        _ => bail!("operand 1 must be an array or a set"),
    };
    let mut short = Some(Value::from(first));
    for number in &numbers {
        short = short.and_then(|made| operators::of_integers(operation, &made, number));
    }
    if let Some(made) = short {
        return Ok(made);
    }
    let mut made = Decimal::of(&Value::from(first)).ok_or_else(|| anyhow!("no number"))?;
    for number in numbers {
        let number =
            Decimal::of(number).ok_or_else(|| anyhow!("operand 1 must have numbers only"))?;
        made = Decimal::compute(operation, &made, &number)?;
    }
    made.to_value()
}

/// OPA reads no number with white space around it.
fn number(values: &[Value]) -> Result<()> {
    match text(values, 0) {
        Some(digits) if digits.trim() != digits => bail!("`{digits}` is no number"),
        _ => exponent(values),
    }
}

/// The units that OPA knows, in lower case but for the one that depends on it.
const UNITS: [&str; 14] = [
    "", "m", "M", "k", "g", "t", "p", "e", "ki", "mi", "gi", "ti", "pi", "ei",
];
const BYTE_UNITS: [&str; 25] = [
    "", "k", "m", "M", "g", "t", "p", "e", "ki", "mi", "gi", "ti", "pi", "ei", "kb", "mb", "gb",
    "tb", "pb", "eb", "kib", "mib", "gib", "tib", "pib",
];

fn unit(values: &[Value], units: &[&str]) -> Result<()> {
    exponent(values)?;
    let Some(amount) = text(values, 0) else {
        return Ok(());
    };
    let bare = amount.trim_matches('"');
    let digits = bare.rfind(|letter: char| letter.is_ascii_digit());
    let unit = digits.map_or(bare, |at| bare.get(at + 1..).unwrap_or_default());
    let unit = if unit == "M" {
        unit.to_owned()
    } else {
        unit.to_ascii_lowercase()
    };
    if bare.contains('_') || !units.contains(&&*unit) {
        bail!("`{amount}` is no amount with a unit");
    }
    Ok(())
}

/// OPA cuts off what is no whole number of bytes, the interpreter rounds it.
fn whole(amount: &str) -> Result<()> {
    let bare = amount.trim_matches('"');
    let Some((_, fraction)) = bare.split_once('.') else {
        return Ok(());
    };
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).collect();
    let unit = fraction.get(digits.len()..).unwrap_or_default();
    let unit = unit.to_ascii_lowercase();
    let thousands = match unit.chars().next() {
        Some('k') => 1_u32,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some('p') => 5,
        _ => 0,
    };
    let exact = if unit.contains('i') {
        thousands > 0
            && matches!(
                &*digits,
                "0" | "5" | "25" | "50" | "75" | "125" | "375" | "625" | "875"
            )
    } else {
        u32::try_from(digits.len()).is_ok_and(|digits| digits <= 3 * thousands)
    };
    if exact {
        return Ok(());
    }
    Err(anyhow!("`{amount}` is no whole number of bytes"))
}
