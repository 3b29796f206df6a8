//! What an unquoted scalar is: only what every YAML reader agrees on.

use super::yaml::Value;

/// Integers beyond this are not the same number to every reader and engine.
const MAX_NUMBER: f64 = 9_007_199_254_740_992.0;

/// A number, and how it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) text: String,
    pub(crate) value: serde_json::Number,
}

/// The value of a plain scalar, or what to write in its stead.
///
/// YAML 1.1 and 1.2 read some scalars differently: `no` is a boolean to one and text to the other, `010` is 8 or 10.
/// In a policy either could be meant, so each of them is an error that asks for quotes.
pub(crate) fn resolve(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if matches!(
        text.to_ascii_lowercase().as_str(),
        "yes" | "no" | "on" | "off"
    ) {
        return Err(format!(
            "YAML readers disagree on `{text}`: write `\"{text}\"` if it is text, or `true` or `false`"
        ));
    }
    let plain = text.trim_start_matches(['+', '-']);
    let signs = text.len() - plain.len();
    if signs <= 1 {
        if matches!(plain.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
            return Err(format!(
                "`{text}` is no number that a rule can compare with"
            ));
        }
        if is_decimal(plain) {
            return number(text, plain);
        }
        if is_disputed(plain) || (signs == 0 && is_date(plain)) {
            return Err(format!(
                "YAML readers disagree on `{text}`: write `\"{text}\"` if it is text, or a plain decimal number"
            ));
        }
    }
    Ok(Value::Text(text.to_owned()))
}

/// Digits, a fraction, an exponent.
fn is_decimal(text: &str) -> bool {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent)
        })
}

fn number(text: &str, plain: &str) -> Result<Value, String> {
    let whole = plain.split(['.', 'e', 'E']).next().unwrap_or_default();
    if whole.len() > 1 && whole.starts_with('0') {
        return Err(format!(
            "YAML readers disagree on `{text}`: write it without the leading zero, or `\"{text}\"` if it is text"
        ));
    }
    let value: f64 = text
        .parse()
        .map_err(|_| format!("`{text}` is no number that can be read"))?;
    let vanished = value == 0.0
        && plain
            .split(['e', 'E'])
            .next()
            .is_some_and(|digits| digits.bytes().any(|byte| matches!(byte, b'1'..=b'9')));
    if !value.is_finite() || value.abs() > MAX_NUMBER || vanished {
        return Err(format!(
            "`{text}` is not the same number to every engine: numbers go up to 9007199254740992 (2^53) on either side of 0"
        ));
    }
    let value = if value.fract() == 0.0 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number within 2^53"
        )]
        let whole = value as i64;
        serde_json::Number::from(whole)
    } else {
        serde_json::Number::from_f64(value)
            .ok_or_else(|| format!("`{text}` is no number that can be read"))?
    };
    Ok(Value::Number(Number {
        text: text.to_owned(),
        value,
    }))
}

/// Hexadecimal, octal and binary numbers, digits with `_`, and base 60 (`12:30`).
fn is_disputed(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    for (prefix, digits) in [
        ("0x", "0123456789abcdef_"),
        ("0o", "01234567_"),
        ("0b", "01_"),
    ] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            return !rest.is_empty() && rest.chars().all(|digit| digits.contains(digit));
        }
    }
    let first = text.bytes().next();
    if !first.is_some_and(|byte| byte.is_ascii_digit() || byte == b'.') {
        return false;
    }
    let without: String = lower.chars().filter(|letter| *letter != '_').collect();
    if without.len() < text.len() && is_decimal(&without) {
        return true;
    }
    let mut parts = without.split(':');
    let starts = parts.next().is_some_and(is_digits);
    let mut more = false;
    let all = parts.all(|part| {
        more = true;
        is_digits(part.split('.').next().unwrap_or_default()) && is_decimal(part)
    });
    starts && more && all
}

/// `2026-01-31`, with or without a time.
fn is_date(text: &str) -> bool {
    let date = text.split(['t', 'T', ' ', '\t']).next().unwrap_or_default();
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    year.is_some_and(|year| year.len() == 4 && is_digits(year))
        && [month, day]
            .into_iter()
            .all(|part| part.is_some_and(|part| (1..=2).contains(&part.len()) && is_digits(part)))
        && parts.next().is_none()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
