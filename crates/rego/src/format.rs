//! `sprintf` as OPA formats: a verb that does not fit its operand shows both, as Go does.
//!
//! Flags other than `0`, and what no policy needs, are errors.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use anyhow::{Result, anyhow, bail};
use regorus::Value;
use regorus::unstable::BUILTINS;

use super::allowance::bounded_text;
use super::builtins::{call, over, text_operand};
use super::registry::Registry;

/// How wide `sprintf` may pad, and how many digits it may write.
const MAX_WIDTH: usize = 1_000;
/// From here on JSON is written with an exponent.
const EXPONENT_FROM: f64 = 1e16;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    registry.add("sprintf", 2, |values: Vec<Value>| {
        let format = text_operand(&values, 0)?;
        let Some(Value::Array(operands)) = values.get(1) else {
            bail!("operand 2 must be an array");
        };
        formatted(format, operands.as_slice()).map(Value::from)
    })
}

fn formatted(format: &str, operands: &[Value]) -> Result<String> {
    let mut written = String::new();
    let mut operands = operands.iter();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            written.push(letter);
        } else if letters.next_if_eq(&'%').is_some() {
            written.push('%');
        } else {
            let directive = Directive::read(&mut letters)?;
            let operand = operands
                .next()
                .ok_or_else(|| anyhow!("`{format}` has more verbs than there are operands"))?;
            directive.write(&Operand::of(operand)?, &mut written)?;
        }
        bounded_text(written.len())?;
    }
    if operands.next().is_some() {
        bail!("`{format}` has fewer verbs than there are operands");
    }
    Ok(written)
}

enum Operand {
    Integer(i128),
    Float(f64),
    /// A text, or what is neither a text nor a number as one.
    Text(String),
}

impl Operand {
    fn of(value: &Value) -> Result<Self> {
        Ok(match value {
            Value::String(text) => Self::Text(text.to_string()),
            Value::Number(_) => match value.as_f64() {
                Ok(float)
                    if value.as_i128().is_err()
                        || float.abs() >= EXPONENT_FROM && !is_i64(value) =>
                {
                    Self::Float(float)
                }
                _ => Self::Integer(value.as_i128()?),
            },
            other => Self::Text(shown(other)?),
        })
    }

    /// As `%v` writes it, with its type.
    fn with_type(&self) -> Result<String> {
        Ok(match self {
            Self::Integer(integer) if i64::try_from(*integer).is_ok() => format!("int64={integer}"),
            Self::Integer(_) => bail!("the integer is too large for its verb"),
            Self::Float(float) => format!("float64={}", shortest(*float)),
            Self::Text(text) => format!("string={text}"),
        })
    }
}

fn is_i64(value: &Value) -> bool {
    value.as_i64().is_ok() || value.as_u64().is_ok()
}

struct Directive {
    zeros: bool,
    width: Option<usize>,
    precision: Option<usize>,
    verb: char,
}

impl Directive {
    fn read(letters: &mut Peekable<Chars<'_>>) -> Result<Self> {
        let zeros = letters.next_if_eq(&'0').is_some();
        let width = number(letters)?;
        let precision = match letters.next_if_eq(&'.') {
            Some(_) => Some(number(letters)?.unwrap_or(0)),
            None => None,
        };
        match letters.next() {
            Some(verb) if verb.is_ascii_alphabetic() && !matches!(verb, 'T' | 'p' | 'w') => {
                Ok(Self {
                    zeros,
                    width,
                    precision,
                    verb,
                })
            }
            Some(other) => bail!("`{other}` is no verb or flag that is supported"),
            None => bail!("a `%` ends the format"),
        }
    }

    fn write(&self, operand: &Operand, written: &mut String) -> Result<()> {
        let text = match (operand, self.verb) {
            (Operand::Text(text), 's' | 'v') if !self.zeros => match self.precision {
                Some(precision) => text.chars().take(precision).collect(),
                None => text.clone(),
            },
            (Operand::Text(text), 'q') if self.is_plain() => quoted(text)?,
            (Operand::Text(_), 'x' | 'X') => bail!("a text in hexadecimal is not supported"),
            (Operand::Integer(integer), verb) if self.precision.is_none() => {
                let (sign, size) = (if *integer < 0 { "-" } else { "" }, integer.unsigned_abs());
                match verb {
                    'd' | 'v' => self.digits(sign, &size.to_string()),
                    'x' => self.digits(sign, &format!("{size:x}")),
                    'X' => self.digits(sign, &format!("{size:X}")),
                    'b' => self.digits(sign, &format!("{size:b}")),
                    'o' => self.digits(sign, &format!("{size:o}")),
                    'c' | 'q' | 'U' | 'O' => bail!("`%{verb}` is not supported"),
                    _ => self.misfit(operand)?,
                }
            }
            (Operand::Integer(_), _) => match self.verb {
                'd' | 'v' | 'x' | 'X' | 'b' | 'o' | 'c' | 'q' | 'U' | 'O' => {
                    bail!("an integer with a precision is not supported")
                }
                _ => self.misfit(operand)?,
            },
            (Operand::Float(float), 'f' | 'F') => {
                let digits = format!("{:.*}", self.precision.unwrap_or(6), float.abs());
                self.digits(if float.is_sign_negative() { "-" } else { "" }, &digits)
            }
            (Operand::Float(float), 'v' | 'g') if self.precision.is_none() => {
                let digits = shortest(float.abs());
                self.digits(if float.is_sign_negative() { "-" } else { "" }, &digits)
            }
            (Operand::Float(_), 'e' | 'E' | 'g' | 'G' | 'v' | 'x' | 'X' | 'b') => {
                bail!("`%{}` of a decimal fraction is not supported", self.verb)
            }
            _ => self.misfit(operand)?,
        };
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        written.extend(std::iter::repeat_n(' ', missing));
        written.push_str(&text);
        Ok(())
    }

    fn is_plain(&self) -> bool {
        !self.zeros && self.width.is_none() && self.precision.is_none()
    }

    fn digits(&self, sign: &str, digits: &str) -> String {
        let missing = match self.width {
            Some(width) if self.zeros => width.saturating_sub(sign.len() + digits.len()),
            _ => 0,
        };
        format!("{sign}{}{digits}", "0".repeat(missing))
    }

    fn misfit(&self, operand: &Operand) -> Result<String> {
        let known = matches!(
            (self.verb, operand),
            (_, Operand::Text(_))
                | ('s' | 't' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G', _)
                | ('d' | 'o' | 'c' | 'q' | 'U' | 'O', Operand::Float(_))
        );
        if !self.is_plain() || !known {
            bail!("`%{}` does not fit its operand", self.verb);
        }
        Ok(format!("%!{}({})", self.verb, operand.with_type()?))
    }
}

fn number(letters: &mut Peekable<Chars<'_>>) -> Result<Option<usize>> {
    let mut number = None;
    while let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(10)) {
        letters.next();
        let digit = usize::try_from(digit)?;
        let longer = number
            .unwrap_or(0_usize)
            .saturating_mul(10)
            .saturating_add(digit);
        number = Some(longer);
    }
    match number {
        Some(number) if number > MAX_WIDTH => {
            Err(over(MAX_WIDTH, "characters of width or precision"))
        }
        number => Ok(number),
    }
}

/// With as few digits as tell it from all others, and an exponent from a million on.
fn shortest(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// What is no text and no number, as OPA writes it.
fn shown(value: &Value) -> Result<String> {
    let list =
        |open: &str, items: Vec<String>, close: &str| format!("{open}{}{close}", items.join(", "));
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::String(text) => quoted(text)?,
        Value::Number(_) => match (value.as_i64(), value.as_u64(), value.as_f64()) {
            (Ok(integer), _, _) if value.as_number()?.is_integer() && !looks_like_float(value) => {
                integer.to_string()
            }
            (_, Ok(integer), _) if !looks_like_float(value) => integer.to_string(),
            (_, _, Ok(float)) if float.fract() != 0.0 && float.abs() >= 1e-5 => float.to_string(),
            _ => bail!(
                "a number with an exponent, or one such as `1.0`, within a value is not supported"
            ),
        },
        Value::Array(items) => list("[", items.iter().map(shown).collect::<Result<_>>()?, "]"),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => list("{", items.iter().map(shown).collect::<Result<_>>()?, "}"),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort();
            let mut items = Vec::with_capacity(fields.len());
            for (key, value) in fields {
                let mut item = shown(key)?;
                write!(item, ": {}", shown(value)?)?;
                items.push(item);
            }
            list("{", items, "}")
        }
        Value::Undefined => bail!("an operand is undefined"),
    })
}

/// Whether JSON has it with a fraction or an exponent.
fn looks_like_float(value: &Value) -> bool {
    value
        .to_json_str()
        .is_ok_and(|text| text.contains(['.', 'e', 'E']))
}

/// With the quotes and escapes of Go.
fn quoted(text: &str) -> Result<String> {
    let Some(sprintf) = BUILTINS.get("sprintf").copied() else {
        bail!("there is no built-in `sprintf`");
    };
    let operands = Value::from(vec![Value::from(text)]);
    match call(sprintf, &[Value::from("%q"), operands])? {
        Value::String(quoted) => Ok(quoted.to_string()),
        _ => bail!("a text cannot be quoted"),
    }
}
