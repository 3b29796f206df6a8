//! `glob.match` and `glob.quote_meta` with the patterns of OPA: a pattern becomes an anchored regular expression.
//!
//! `*` and `?` match whatever is no delimiter, `**` everything, `[…]` delimiters too; `[!…]` negates, `^` does not.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow, bail};
use regex::{Regex, RegexBuilder};
use regorus::Value;

use super::builtins::{over, text_operand};
use super::registry::Registry;

/// How large a compiled pattern may be, in bytes.
const MAX_COMPILED: usize = 100 * 1024;
/// How many compiled patterns are kept.
const KEPT: usize = 256;
/// How deep `{…}` may nest.
const MAX_DEPTH: usize = 16;

type Globs = Arc<Mutex<HashMap<String, Arc<Regex>>>>;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    let globs = Globs::default();
    registry.add("glob.match", 3, move |values: Vec<Value>| {
        let pattern = text_operand(&values, 0)?;
        let delimiters = delimiters(values.get(1))?;
        let subject = text_operand(&values, 2)?;
        Ok(Value::from(
            compiled(&globs, pattern, &delimiters)?.is_match(subject),
        ))
    })?;
    registry.add("glob.quote_meta", 1, |values: Vec<Value>| {
        let mut quoted = String::new();
        for letter in text_operand(&values, 0)?.chars() {
            if matches!(letter, '*' | '?' | '\\' | '[' | ']' | '{' | '}') {
                quoted.push('\\');
            }
            quoted.push(letter);
        }
        Ok(Value::from(quoted))
    })
}

/// `null` is no delimiter, and no delimiter in an array is a full stop.
fn delimiters(operand: Option<&Value>) -> Result<Vec<char>> {
    let delimiters = match operand {
        Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(delimiters)) => delimiters,
        _ => bail!("operand 2 must be an array or null"),
    };
    if delimiters.is_empty() {
        return Ok(vec!['.']);
    }
    delimiters
        .iter()
        .map(|delimiter| {
            let Value::String(delimiter) = delimiter else {
                bail!("a delimiter must be a string");
            };
            let mut letters = delimiter.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => Ok(letter),
                _ => bail!("a delimiter must be one character"),
            }
        })
        .collect()
}

fn compiled(globs: &Globs, pattern: &str, delimiters: &[char]) -> Result<Arc<Regex>> {
    let mut key: String = delimiters.iter().collect();
    // How many there are tells where the pattern begins.
    key.push_str(&format!(" {} {pattern}", delimiters.len()));
    let kept = globs
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
        .cloned();
    if let Some(regex) = kept {
        return Ok(regex);
    }
    let regex = Arc::new(compile(pattern, delimiters)?);
    let mut globs = globs.lock().unwrap_or_else(PoisonError::into_inner);
    if globs.len() >= KEPT {
        globs.clear();
    }
    globs.insert(key, Arc::clone(&regex));
    Ok(regex)
}

fn compile(pattern: &str, delimiters: &[char]) -> Result<Regex> {
    let expression = Translator {
        letters: pattern.chars().peekable(),
        other: other_than(delimiters),
        expression: String::from("^(?:"),
    }
    .translate()
    .map_err(|problem| anyhow!("invalid glob `{pattern}`: {problem}"))?;
    RegexBuilder::new(&expression)
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|_| over(MAX_COMPILED, "bytes of compiled glob"))
}

/// The class of whatever is no delimiter.
fn other_than(delimiters: &[char]) -> String {
    if delimiters.is_empty() {
        return "(?s:.)".to_owned();
    }
    let mut class = String::from("[^");
    for delimiter in delimiters {
        push_code(&mut class, *delimiter);
    }
    class.push(']');
    class
}

fn push_code(class: &mut String, letter: char) {
    class.push_str(&format!("\\x{{{:x}}}", u32::from(letter)));
}

struct Translator<'a> {
    letters: Peekable<Chars<'a>>,
    other: String,
    expression: String,
}

impl Translator<'_> {
    fn translate(mut self) -> Result<String, &'static str> {
        let mut depth = 0_usize;
        while let Some(letter) = self.letters.next() {
            match letter {
                '\\' => {
                    let escaped = self.letters.next().ok_or("it ends with a backslash")?;
                    push_code(&mut self.expression, escaped);
                }
                '*' if self.letters.next_if_eq(&'*').is_some() => {
                    self.expression.push_str("(?s:.*)");
                }
                '*' => self.expression.push_str(&format!("{}*", self.other)),
                '?' => self.expression.push_str(&self.other),
                '[' => self.class()?,
                '{' => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err("`{` nests too deeply");
                    }
                    self.expression.push_str("(?:");
                }
                ',' if depth > 0 => self.expression.push('|'),
                '}' if depth > 0 => {
                    depth -= 1;
                    self.expression.push(')');
                }
                letter => push_code(&mut self.expression, letter),
            }
        }
        if depth > 0 {
            return Err("`{` is not closed");
        }
        self.expression.push_str(")$");
        Ok(self.expression)
    }

    /// One range or one list of characters, after its `[`.
    fn class(&mut self) -> Result<(), &'static str> {
        const OPEN: &str = "`[` is not closed";
        let negated = self.letters.next_if_eq(&'!').is_some();
        self.expression.push_str(if negated { "[^" } else { "[" });
        let first = self.letters.next().ok_or(OPEN)?;
        if self.letters.next_if_eq(&'-').is_some() {
            let last = self.letters.next().ok_or(OPEN)?;
            if last < first {
                return Err("a range ends before it begins");
            }
            if self.letters.next() != Some(']') {
                return Err("a range is all that its class may hold");
            }
            push_code(&mut self.expression, first);
            self.expression.push('-');
            push_code(&mut self.expression, last);
            self.expression.push(']');
            return Ok(());
        }
        let mut letter = first;
        let mut empty = true;
        while letter != ']' {
            if letter == '\\' {
                letter = self.letters.next().ok_or(OPEN)?;
            }
            push_code(&mut self.expression, letter);
            empty = false;
            letter = self.letters.next().ok_or(OPEN)?;
        }
        if empty {
            return Err("a class is empty");
        }
        self.expression.push(']');
        Ok(())
    }
}
