//! `regex.*` with the patterns, the splitting and the templates of OPA.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow, bail};
use regex::{Regex, RegexBuilder};
use regorus::Value;

use super::allowance::bounded_text;
use super::ascii_regex::rewrite;
use super::builtins::over;
use super::registry::Registry;

/// How large a compiled expression may be.
const MAX_COMPILED: usize = 100 * 1024;
/// How many compiled expressions are kept. A policy has few; a pattern made from an input should
/// not push them out for long, nor fill the memory.
const KEPT: usize = 256;

type Patterns = Arc<Mutex<HashMap<String, Arc<Regex>>>>;
type Builtin = fn(&Patterns, &[Value]) -> Result<Value>;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    let patterns = Patterns::default();
    let builtins: [(&str, u8, Builtin); 7] = [
        ("regex.match", 2, is_match),
        ("regex.is_valid", 1, is_valid),
        ("regex.replace", 3, replace),
        ("regex.split", 2, split),
        ("regex.find_n", 3, find),
        ("regex.find_all_string_submatch_n", 3, find_submatches),
        ("regex.template_match", 4, template_match),
    ];
    for (name, arguments, builtin) in builtins {
        let patterns = Arc::clone(&patterns);
        registry.add(name, arguments, move |values: Vec<Value>| {
            builtin(&patterns, &values)
        })?;
    }
    Ok(())
}

fn compiled(patterns: &Patterns, pattern: &str) -> Result<Arc<Regex>> {
    let kept = |patterns: &Patterns| {
        let patterns = patterns.lock().unwrap_or_else(PoisonError::into_inner);
        patterns.get(pattern).cloned()
    };
    if let Some(regex) = kept(patterns) {
        return Ok(regex);
    }
    let regex = Arc::new(compile(pattern)?);
    let mut patterns = patterns.lock().unwrap_or_else(PoisonError::into_inner);
    if patterns.len() >= KEPT {
        patterns.clear();
    }
    patterns.insert(pattern.to_owned(), Arc::clone(&regex));
    Ok(regex)
}

/// `pattern` as OPA's engine reads it.
pub(super) fn compile(pattern: &str) -> Result<Regex> {
    let rewritten =
        rewrite(pattern).map_err(|problem| anyhow!("invalid regex `{pattern}`: {problem}"))?;
    RegexBuilder::new(&rewritten)
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => over(MAX_COMPILED, "bytes of compiled regex"),
            _ => anyhow!("invalid regex `{pattern}`"),
        })
}

fn text(values: &[Value], position: usize) -> Result<&str> {
    match values.get(position) {
        Some(Value::String(text)) => Ok(text),
        _ => bail!("operand {} must be a string", position + 1),
    }
}

/// How many results are wanted; all of them where the number is negative.
fn count(values: &[Value], position: usize) -> Result<usize> {
    let count = values
        .get(position)
        .and_then(|value| value.as_i64().ok())
        .ok_or_else(|| anyhow!("operand {} must be an integer", position + 1))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn is_match(patterns: &Patterns, values: &[Value]) -> Result<Value> {
    let regex = compiled(patterns, text(values, 0)?)?;
    Ok(Value::from(regex.is_match(text(values, 1)?)))
}

fn is_valid(_: &Patterns, values: &[Value]) -> Result<Value> {
    Ok(Value::from(
        text(values, 0).is_ok_and(|pattern| compile(pattern).is_ok()),
    ))
}

fn replace(patterns: &Patterns, values: &[Value]) -> Result<Value> {
    let (subject, replacement) = (text(values, 0)?, text(values, 2)?);
    let regex = compiled(patterns, text(values, 1)?)?;
    let mut replaced = String::new();
    let mut from = 0;
    for captures in regex.captures_iter(subject) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        replaced.push_str(subject.get(from..whole.start()).unwrap_or_default());
        captures.expand(replacement, &mut replaced);
        from = whole.end();
        bounded_text(replaced.len())?;
    }
    replaced.push_str(subject.get(from..).unwrap_or_default());
    Ok(Value::from(replaced))
}

/// As Go splits: an empty match at the very beginning does not split.
fn split(patterns: &Patterns, values: &[Value]) -> Result<Value> {
    let subject = text(values, 1)?;
    let pattern = text(values, 0)?;
    let regex = compiled(patterns, pattern)?;
    let part = |from: usize, to: usize| Value::from(subject.get(from..to).unwrap_or_default());
    if !pattern.is_empty() && subject.is_empty() {
        return Ok(Value::from(vec![Value::from("")]));
    }
    let mut parts = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(subject) {
        end = found.start();
        if found.end() != 0 {
            parts.push(part(begin, end));
        }
        begin = found.end();
    }
    if end != subject.len() {
        parts.push(part(begin, subject.len()));
    }
    Ok(Value::from(parts))
}

fn find(patterns: &Patterns, values: &[Value]) -> Result<Value> {
    let subject = text(values, 1)?;
    let regex = compiled(patterns, text(values, 0)?)?;
    let found: Vec<Value> = regex
        .find_iter(subject)
        .take(count(values, 2)?)
        .map(|found| Value::from(found.as_str()))
        .collect();
    Ok(Value::from(found))
}

fn find_submatches(patterns: &Patterns, values: &[Value]) -> Result<Value> {
    let subject = text(values, 1)?;
    let regex = compiled(patterns, text(values, 0)?)?;
    let found: Vec<Value> = regex
        .captures_iter(subject)
        .take(count(values, 2)?)
        .map(|captures| {
            let groups: Vec<Value> = captures
                .iter()
                .map(|group| Value::from(group.map_or("", |found| found.as_str())))
                .collect();
            Value::from(groups)
        })
        .collect();
    Ok(Value::from(found))
}

fn template_match(patterns: &Patterns, values: &[Value]) -> Result<Value> {
    let pattern = template(text(values, 0)?, text(values, 2)?, text(values, 3)?)?;
    let regex = compiled(patterns, &pattern)?;
    Ok(Value::from(regex.is_match(text(values, 1)?)))
}

/// A template, as in `urn:{.*}:{[0-9]+}`, as one pattern.
fn template(template: &str, start: &str, end: &str) -> Result<String> {
    let [start, end] = [start, end].map(str::as_bytes);
    let (&[start], &[end]) = (start, end) else {
        bail!("a delimiter must be one byte");
    };
    let mut pattern = String::from("^");
    let (mut level, mut literal, mut opened) = (0_usize, 0, 0);
    for (position, byte) in template.bytes().enumerate() {
        if byte == start {
            level += 1;
            if level == 1 {
                opened = position;
            }
        } else if byte == end {
            level = level
                .checked_sub(1)
                .ok_or_else(|| anyhow!("the delimiters of `{template}` are not balanced"))?;
            if level == 0 {
                let inner = template.get(opened + 1..position).unwrap_or_default();
                compile(inner)?;
                pattern.push_str(&regex::escape(
                    template.get(literal..opened).unwrap_or_default(),
                ));
                pattern.push_str(&format!("({inner})"));
                literal = position + 1;
            }
        }
    }
    if level != 0 {
        bail!("the delimiters of `{template}` are not balanced");
    }
    pattern.push_str(&regex::escape(template.get(literal..).unwrap_or_default()));
    pattern.push('$');
    Ok(pattern)
}
