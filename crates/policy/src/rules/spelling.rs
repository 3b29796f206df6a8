//! Conditions as YAML on one line, as an author would write them.

use serde_json::Value;

use super::origin::operation;
use super::rule::{Condition, Operator, Test};

/// `action: approve_refund`, `args: {amount: {lte: 50}}`.
pub(super) fn spelled(condition: &Condition) -> String {
    match condition {
        Condition::All(conditions) => {
            let parts: Vec<String> = conditions.iter().map(spelled).collect();
            parts.join(", ")
        }
        Condition::Any(conditions) => {
            let parts: Vec<String> = conditions
                .iter()
                .map(|condition| format!("{{{}}}", spelled(condition)))
                .collect();
            format!("any: [{}]", parts.join(", "))
        }
        Condition::Not(condition) => format!("not: {{{}}}", spelled(condition)),
        Condition::Action(actions, _) => format!("action: {}", names(actions)),
        Condition::Event(events, _) => format!("event: {}", names(events)),
        Condition::Test(test) => tested(test),
    }
}

fn tested(test: &Test) -> String {
    let subject: Vec<&str> = test.subject.iter().map(String::as_str).collect();
    match (subject.as_slice(), &test.operator) {
        (_, Operator::Scope(scope)) => format!("scope: {}", text(scope)),
        (_, Operator::Path { globs, .. }) => format!("resource: {}", names(globs)),
        (["args", path @ ..], operator) => {
            let path: Vec<String> = path.iter().map(|key| key.replace('.', "\\.")).collect();
            let (operator, constant) = operation(operator).unwrap_or(("eq", Value::Null));
            format!(
                "args: {{{}: {{{operator}: {}}}}}",
                path.join("."),
                value(&constant)
            )
        }
        (subject, operator) => {
            let name = match subject {
                ["context", "user_role"] => "role",
                ["context", "tenant_id"] => "tenant",
                _ => "args",
            };
            let constant = operation(operator).map(|(_, constant)| value(&constant));
            format!("{name}: {}", constant.unwrap_or_default())
        }
    }
}

fn names(names: &[String]) -> String {
    match names {
        [only] => text(only),
        names => {
            let names: Vec<String> = names.iter().map(|name| text(name)).collect();
            format!("[{}]", names.join(", "))
        }
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// In quotes where YAML would read it as something else.
fn text(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_-./*".contains(letter))
        && !matches!(
            text,
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    if plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}
