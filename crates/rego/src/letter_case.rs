//! `upper` and `lower`, letter by letter as OPA maps them.
//!
//! Whole texts map otherwise (`ß` to `SS`, a last `Σ` to `ς`), so that a rule that compares
//! `upper(x)` would fire in one engine and not in the other.

use anyhow::{Result, bail};
use regorus::Value;

use super::registry::Registry;

type Mapping = fn(char) -> char;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    let names: [(_, Mapping); 2] = [("upper", upper), ("lower", lower)];
    for (name, map) in names {
        registry.add(name, 1, move |values: Vec<Value>| match values.first() {
            Some(Value::String(text)) => Ok(Value::from(text.chars().map(map).collect::<String>())),
            _ => bail!("`{name}` expects a string"),
        })?;
    }
    Ok(())
}

fn upper(letter: char) -> char {
    match letter {
        // Greek letters with an iota below have a capital of one letter beside the one of two.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(letter) + 8).unwrap_or(letter)
        }
        '\u{1fb3}' => '\u{1fbc}',
        '\u{1fc3}' => '\u{1fcc}',
        '\u{1ff3}' => '\u{1ffc}',
        _ => only(letter.to_uppercase()).unwrap_or(letter),
    }
}

fn lower(letter: char) -> char {
    match letter {
        '\u{130}' => 'i',
        _ => only(letter.to_lowercase()).unwrap_or(letter),
    }
}

fn only(mut letters: impl Iterator<Item = char>) -> Option<char> {
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Some(letter),
        _ => None,
    }
}
