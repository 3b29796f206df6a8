//! Conditions, what they mean, and how they are written: a second reading of the manual's table, apart from the compiler.

use serde_json::{Value, json};

/// An event as the rules see it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) action: String,
    pub(crate) kind: &'static str,
    pub(crate) args: Value,
    pub(crate) role: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) tenant: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    False,
    Unknown,
    True,
}

use Truth::{False, True, Unknown};

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { True } else { False }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Action(Vec<String>),
    Event(String),
    Role(Vec<String>),
    Tenant(String),
    Scope(Vec<String>),
    Field {
        path: Vec<String>,
        operator: &'static str,
        constant: Value,
    },
}

/// What lies at a path.
enum Found<'a> {
    Nothing,
    /// Something on the way is no object.
    Blocked,
    Value(&'a Value),
}

impl Condition {
    /// The condition as JSON, which is YAML.
    pub(crate) fn yaml(&self) -> Value {
        match self {
            Self::All(conditions) => {
                json!({ "all": conditions.iter().map(Self::yaml).collect::<Vec<_>>() })
            }
            Self::Any(conditions) => {
                json!({ "any": conditions.iter().map(Self::yaml).collect::<Vec<_>>() })
            }
            Self::Not(condition) => json!({ "not": condition.yaml() }),
            Self::Action(names) => json!({ "action": names }),
            Self::Event(kind) => json!({ "event": kind }),
            Self::Role(names) => json!({ "role": names }),
            Self::Tenant(name) => json!({ "tenant": name }),
            Self::Scope(names) => json!({ "scope": names }),
            Self::Field {
                path,
                operator,
                constant,
            } => json!({ "args": { path.join("."): { *operator: constant } } }),
        }
    }

    pub(crate) fn judge(&self, event: &Event, under_not: bool) -> Truth {
        match self {
            Self::All(conditions) => conditions
                .iter()
                .map(|condition| condition.judge(event, under_not))
                .min()
                .unwrap(),
            Self::Any(conditions) => conditions
                .iter()
                .map(|condition| condition.judge(event, under_not))
                .max()
                .unwrap(),
            Self::Not(condition) => match condition.judge(event, true) {
                True => False,
                False => True,
                Unknown => Unknown,
            },
            Self::Action(names) => names.contains(&event.action).into(),
            Self::Event(kind) => (kind == event.kind).into(),
            Self::Role(names) => names.contains(&event.role).into(),
            Self::Scope(names) => names.iter().all(|name| event.scopes.contains(name)).into(),
            Self::Tenant(name) => match &event.tenant {
                Some(tenant) => (tenant == name).into(),
                None if under_not => Unknown,
                None => False,
            },
            Self::Field {
                path,
                operator,
                constant,
            } => field(find(&event.args, path), operator, constant, under_not),
        }
    }
}

fn find<'a>(args: &'a Value, path: &[String]) -> Found<'a> {
    let mut value = args;
    for key in path {
        match value {
            Value::Null => return Found::Nothing,
            Value::Object(object) => match object.get(key) {
                None => return Found::Nothing,
                Some(inner) => value = inner,
            },
            _ => return Found::Blocked,
        }
    }
    match value {
        Value::Null => Found::Nothing,
        value => Found::Value(value),
    }
}

fn field(found: Found<'_>, operator: &str, constant: &Value, under_not: bool) -> Truth {
    match operator {
        "exists" => {
            let there = matches!(found, Found::Value(_));
            return (constant == &json!(there)).into();
        }
        "type" => {
            return match found {
                Found::Value(value) => (constant == &json!(kind(value))).into(),
                _ => False,
            };
        }
        _ => {}
    }
    let value = match found {
        Found::Value(value) => value,
        Found::Blocked => return Unknown,
        Found::Nothing => {
            let strict = matches!(
                operator,
                "gt" | "gte" | "lt" | "lte" | "ne" | "not_in" | "not_contains"
            );
            return if strict || under_not { Unknown } else { False };
        }
    };
    let negated = |truth| match truth {
        True => False,
        False => True,
        Unknown => Unknown,
    };
    match operator {
        "eq" => equal(value, constant),
        "ne" => negated(equal(value, constant)),
        "in" => one_of(value, constant),
        "not_in" => negated(one_of(value, constant)),
        "contains" => holds(value, constant),
        "not_contains" => negated(holds(value, constant)),
        "gt" => compare(value, constant, |order| order.is_gt()),
        "gte" => compare(value, constant, |order| order.is_ge()),
        "lt" => compare(value, constant, |order| order.is_lt()),
        "lte" => compare(value, constant, |order| order.is_le()),
        "starts_with" => text(value, |text| text.starts_with(constant.as_str().unwrap())),
        "ends_with" => text(value, |text| text.ends_with(constant.as_str().unwrap())),
        "matches" => {
            let pattern = constant.as_str().unwrap();
            text(value, |text| match pattern {
                "^a" => text.starts_with('a'),
                "b$" => text.ends_with('b'),
                "[0-9]" => text.contains(|letter: char| letter.is_ascii_digit()),
                "a|1" => text.contains(['a', '1']),
                other => panic!("{other}"),
            })
        }
        other => panic!("{other}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn equal(value: &Value, constant: &Value) -> Truth {
    if kind(value) != kind(constant) {
        return Unknown;
    }
    match (value.as_f64(), constant.as_f64()) {
        (Some(value), Some(constant)) => (value == constant).into(),
        _ => (value == constant).into(),
    }
}

fn one_of(value: &Value, constants: &Value) -> Truth {
    constants
        .as_array()
        .unwrap()
        .iter()
        .map(|constant| equal(value, constant))
        .reduce(|one, other| match (one, other) {
            (True, _) | (_, True) => True,
            // A type that is among the constants is judged.
            (False, _) | (_, False) => False,
            _ => Unknown,
        })
        .unwrap()
}

fn holds(value: &Value, part: &Value) -> Truth {
    match (value, part) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()).into(),
        (Value::Array(members), part) => members
            .iter()
            .map(|member| equal(member, part))
            .max()
            .unwrap_or(False),
        _ => Unknown,
    }
}

fn compare(value: &Value, limit: &Value, holds: fn(std::cmp::Ordering) -> bool) -> Truth {
    match (value, limit) {
        (Value::String(value), Value::String(limit)) => holds(value.cmp(limit)).into(),
        (Value::Number(value), Value::Number(limit)) => {
            let order = value.as_f64().partial_cmp(&limit.as_f64()).unwrap();
            holds(order).into()
        }
        _ => Unknown,
    }
}

fn text(value: &Value, holds: impl Fn(&str) -> bool) -> Truth {
    match value {
        Value::String(text) => holds(text).into(),
        _ => Unknown,
    }
}
