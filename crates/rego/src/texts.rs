//! Built-ins over texts that the interpreter makes otherwise than OPA, or in more than linear time.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Result, bail};
use regorus::Value;
use regorus::unstable::BUILTINS;

use super::allowance::bounded_text;
use super::builtins::{call, text_operand, work};
use super::registry::Registry;

type Builtin = fn(&[Value]) -> Result<Value>;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    let builtins: [(&str, u8, Builtin); 11] = [
        ("count", 1, count),
        ("indexof", 2, index),
        ("indexof_n", 2, indexes),
        ("replace", 3, replace),
        ("strings.count", 2, count_texts),
        ("strings.replace_n", 2, replace_many),
        ("substring", 3, substring),
        ("trim", 2, |values| trimmed(values, true, true)),
        ("trim_left", 2, |values| trimmed(values, true, false)),
        ("trim_right", 2, |values| trimmed(values, false, true)),
        ("semver.is_valid", 1, is_version),
    ];
    for (name, arguments, builtin) in builtins {
        registry.add(name, arguments, move |values: Vec<Value>| builtin(&values))?;
    }
    let Some(compare) = BUILTINS.get("semver.compare").copied() else {
        bail!("there is no built-in `semver.compare` to replace");
    };
    registry.add("semver.compare", 2, move |values: Vec<Value>| {
        let mut versions = Vec::with_capacity(2);
        for position in 0..2 {
            let version = text_operand(&values, position)?;
            if !version_is_valid(version) {
                bail!("`{version}` is no semantic version");
            }
            versions.push(Value::from(version.strip_prefix('v').unwrap_or(version)));
        }
        call(compare, &versions)
    })
}

/// Of a text, its code points.
fn count(values: &[Value]) -> Result<Value> {
    let count = match values.first() {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Set(items)) => items.len(),
        Some(Value::Object(fields)) => fields.len(),
        Some(Value::String(text)) => text.chars().count(),
        _ => bail!("`count` expects an array, an object, a set or a string"),
    };
    Ok(Value::from(count))
}

fn needle(values: &[Value]) -> Result<(&str, &str)> {
    match (text_operand(values, 0)?, text_operand(values, 1)?) {
        (_, "") => bail!("the text to look for is empty"),
        found => Ok(found),
    }
}

fn index(values: &[Value]) -> Result<Value> {
    let (text, needle) = needle(values)?;
    Ok(match text.find(needle) {
        Some(at) => Value::from(text.get(..at).unwrap_or_default().chars().count()),
        None => Value::from(-1_i64),
    })
}

fn indexes(values: &[Value]) -> Result<Value> {
    let (text, needle) = needle(values)?;
    work(text.len(), needle.len())?;
    let found: Vec<Value> = text
        .char_indices()
        .enumerate()
        .filter(|(_, (at, _))| text.get(*at..).is_some_and(|rest| rest.starts_with(needle)))
        .map(|(position, _)| Value::from(position))
        .collect();
    Ok(Value::from(found))
}

/// OPA puts the new text between the bytes of a letter where the old one is empty.
fn replace(values: &[Value]) -> Result<Value> {
    let (text, old, new) = (
        text_operand(values, 0)?,
        text_operand(values, 1)?,
        text_operand(values, 2)?,
    );
    if old.is_empty() && !text.is_ascii() {
        bail!("the text to replace is empty");
    }
    let grows = new.len().saturating_sub(old.len());
    let grown = |found: usize| text.len().saturating_add(found.saturating_mul(grows));
    let most = text.len().checked_div(old.len());
    if bounded_text(grown(most.unwrap_or(usize::MAX))).is_err() {
        bounded_text(grown(text.matches(old).count()))?;
    }
    Ok(Value::from(text.replace(old, new)))
}

fn count_texts(values: &[Value]) -> Result<Value> {
    let (text, part) = (text_operand(values, 0)?, text_operand(values, 1)?);
    Ok(Value::from(if part.is_empty() {
        text.chars().count() + 1
    } else {
        text.matches(part).count()
    }))
}

/// All at once: what was put in is not looked at again. The first in order wins where two begin at one place.
fn replace_many(values: &[Value]) -> Result<Value> {
    let Some(Value::Object(patterns)) = values.first() else {
        bail!("operand 1 must be an object");
    };
    let text = text_operand(values, 1)?;
    let mut pairs = BTreeMap::new();
    for pair in patterns.iter() {
        let (Value::String(old), Value::String(new)) = pair else {
            bail!("what is replaced, and by what, must be strings");
        };
        if old.is_empty() {
            bail!("the text to replace is empty");
        }
        pairs.insert(&**old, &**new);
    }
    work(text.len(), pairs.len())?;
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let found = pairs.iter().find(|(old, _)| rest.starts_with(**old));
        let taken = match found {
            Some((old, new)) => {
                replaced.push_str(new);
                old.len()
            }
            None => {
                replaced.push(letter);
                letter.len_utf8()
            }
        };
        bounded_text(replaced.len())?;
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(Value::from(replaced))
}

fn substring(values: &[Value]) -> Result<Value> {
    let text = text_operand(values, 0)?;
    let position = |place: usize| match values.get(place) {
        Some(value) if value.as_number().is_ok_and(|number| number.is_integer()) => value.as_i64(),
        _ => bail!("operand {} must be an integer", place + 1),
    };
    let (offset, length) = (position(1)?, position(2)?);
    let Ok(offset) = usize::try_from(offset) else {
        bail!("the offset is negative");
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let part: String = text.chars().skip(offset).take(length).collect();
    Ok(Value::from(part))
}

fn trimmed(values: &[Value], left: bool, right: bool) -> Result<Value> {
    let (text, cut) = (text_operand(values, 0)?, text_operand(values, 1)?);
    let cut: HashSet<char> = cut.chars().collect();
    let mut trimmed = text;
    if left {
        trimmed = trimmed.trim_start_matches(|letter| cut.contains(&letter));
    }
    if right {
        trimmed = trimmed.trim_end_matches(|letter| cut.contains(&letter));
    }
    Ok(Value::from(trimmed))
}

/// As OPA, which takes a leading `v`, and numbers of 63 bits.
fn is_version(values: &[Value]) -> Result<Value> {
    let version = text_operand(values, 0)?;
    Ok(Value::from(version_is_valid(version)))
}

fn version_is_valid(version: &str) -> bool {
    let version = version.strip_prefix('v').unwrap_or(version);
    let (version, metadata) = match version.split_once('+') {
        Some((version, metadata)) => (version, Some(metadata)),
        None => (version, None),
    };
    let (numbers, release) = match version.split_once('-') {
        Some((numbers, release)) => (numbers, Some(release)),
        None => (version, None),
    };
    let named = |text: &str| {
        text.split('.').all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        })
    };
    let numeric = |part: &str| {
        let digits = !part.is_empty() && part.chars().all(|letter| letter.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0'))
    };
    let padded = |part: &str| {
        part.len() > 1
            && part.starts_with('0')
            && part.chars().all(|letter| letter.is_ascii_digit())
    };
    let numbers: Vec<&str> = numbers.split('.').collect();
    numbers.len() == 3
        && numbers
            .iter()
            .all(|part| numeric(part) && part.parse::<i64>().is_ok())
        && release.is_none_or(|release| named(release) && !release.split('.').any(padded))
        && metadata.is_none_or(named)
}
