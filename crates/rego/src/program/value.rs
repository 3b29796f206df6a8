//! Values that a program computes with: borrowed from the input, the program or the data wherever they lie there.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use kitelogik_core::PolicyInput;
use regorus::Value;
use serde_json::Value as Json;

use super::input::{Field, Part};
use crate::decimal::Decimal;
use crate::order;

/// A value, never undefined.
#[derive(Clone, Debug)]
pub(super) enum Val<'a> {
    /// Computed; cheap to clone.
    Owned(Value),
    /// In the program, or in its data.
    Known(&'a Value),
    /// A text of the input.
    Text(&'a str),
    /// An object of the input.
    Map(&'a serde_json::Map<String, Json>),
    /// An array of the input.
    List(&'a [Json]),
    /// An array of texts of the input.
    Texts(&'a [String]),
    /// A number of more digits than a value holds.
    Exact(Arc<Decimal>),
    /// The input document, or its `context`.
    Input(&'a PolicyInput<'a>, Part),
}

impl<'a> Val<'a> {
    pub(super) fn null() -> Self {
        Self::Owned(Value::Null)
    }

    pub(super) fn bool(value: bool) -> Self {
        Self::Owned(Value::Bool(value))
    }

    pub(super) fn json(value: &'a Json) -> Self {
        match value {
            Json::String(text) => Self::Text(text),
            Json::Array(items) => Self::List(items),
            Json::Object(map) => Self::Map(map),
            scalar => Self::Owned(from_json(scalar)),
        }
    }

    /// A number, with all its digits where a value does not hold them.
    pub(super) fn number(number: Decimal) -> Result<Self> {
        if number.fits() {
            return number.to_value().map(Self::Owned);
        }
        Ok(Self::Exact(Arc::new(number)))
    }

    /// All digits of a number.
    pub(super) fn decimal(&self) -> Option<Arc<Decimal>> {
        match self {
            Self::Exact(number) => Some(Arc::clone(number)),
            Self::Owned(value) => Decimal::of(value).map(Arc::new),
            Self::Known(value) => Decimal::of(value).map(Arc::new),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Owned(Value::String(text)) | Self::Known(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether it is `false`: what fails a statement.
    pub(super) fn is_false(&self) -> bool {
        matches!(
            self,
            Self::Owned(Value::Bool(false)) | Self::Known(Value::Bool(false))
        )
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Owned(value) => Kind::of(value),
            Self::Known(value) => Kind::of(value),
            Self::Text(_) => Kind::String,
            Self::Exact(_) => Kind::Number,
            Self::Map(_) | Self::Input(..) => Kind::Object,
            Self::List(_) | Self::Texts(_) => Kind::Array,
        }
    }

    /// How many members a collection has.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Owned(value) => members(value),
            Self::Known(value) => members(value),
            Self::Map(map) => Some(map.len()),
            Self::List(items) => Some(items.len()),
            Self::Texts(items) => Some(items.len()),
            Self::Text(_) | Self::Exact(_) | Self::Input(..) => None,
        }
    }

    /// What `self[key]` is; none where it is undefined.
    pub(super) fn get(&self, key: &Val<'a>) -> Option<Val<'a>> {
        match self {
            Self::Owned(value) => defined(key.with(|key| value[key].clone())),
            Self::Known(value) => {
                let value: &'a Value = value;
                let found: &'a Value = key.with(|key| &value[key]);
                (*found != Value::Undefined).then_some(Self::Known(found))
            }
            Self::Map(map) => map.get(key.text()?).map(Self::json),
            Self::List(items) => items.get(key.index()?).map(Self::json),
            Self::Texts(items) => items.get(key.index()?).map(|text| Self::Text(text)),
            Self::Input(input, part) => Field::named(*part, key.text()?)?.read(input),
            Self::Text(_) | Self::Exact(_) => None,
        }
    }

    fn index(&self) -> Option<usize> {
        let number = match self {
            Self::Owned(value) => value,
            Self::Known(value) => *value,
            _ => return None,
        };
        match number {
            Value::Number(_) => usize::try_from(number.as_u64().ok()?).ok(),
            _ => None,
        }
    }

    /// Calls `then` with it as the built-ins read it.
    pub(super) fn with<R>(&self, then: impl FnOnce(&Value) -> R) -> R {
        match self {
            Self::Owned(value) => then(value),
            Self::Known(value) => then(value),
            other => then(&other.to_value()),
        }
    }

    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Owned(value) => value.clone(),
            Self::Known(value) => (*value).clone(),
            Self::Text(text) => Value::from(*text),
            // What leads out of all bounds was an error where it was computed.
            Self::Exact(number) => number.to_value().unwrap_or(Value::Undefined),
            Self::Map(map) => from_map(map),
            Self::List(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
            Self::Texts(items) => Value::from(
                items
                    .iter()
                    .map(|text| Value::from(text.as_str()))
                    .collect::<Vec<_>>(),
            ),
            Self::Input(input, part) => part.to_value(input),
        }
    }

    /// Whether both are equal, as `==` has it.
    pub(super) fn same(&self, other: &Val<'_>) -> bool {
        if let Some(order) = self.exactly(other) {
            return order.is_eq();
        }
        match (self.text(), other.text()) {
            (Some(one), Some(other)) => one == other,
            (None, None) => {
                self.kind() == other.kind() && self.with(|one| other.with(|other| one == other))
            }
            _ => false,
        }
    }

    /// How two numbers are ordered, of which one has more digits than a value holds.
    fn exactly(&self, other: &Val<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Exact(_), _) | (_, Val::Exact(_)) => {
                Some(self.decimal()?.order(&*other.decimal()?))
            }
            _ => None,
        }
    }

    /// How both are ordered, as OPA orders them.
    pub(super) fn order(&self, other: &Val<'_>) -> Ordering {
        if let (Some(one), Some(other)) = (self.text(), other.text()) {
            return one.cmp(other);
        }
        if let Some(order) = self.exactly(other) {
            return order;
        }
        match (self.kind(), other.kind()) {
            (one, other) if one != other => one.cmp(&other),
            _ => self.with(|one| other.with(|other| order::compare(one, other))),
        }
    }
}

/// The types of values, in the order in which values of different types compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
    Set,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null | Value::Undefined => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Set(_) => Self::Set,
            Value::Object(_) => Self::Object,
        }
    }

    /// As `type_name` says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Set => "set",
            Self::Object => "object",
        }
    }
}

/// What a built-in answered; none where that is undefined.
pub(super) fn defined<'a>(value: Value) -> Option<Val<'a>> {
    (value != Value::Undefined).then_some(Val::Owned(value))
}

fn members(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::Set(items) => Some(items.len()),
        Value::Object(items) => Some(items.len()),
        _ => None,
    }
}

/// `value` as the interpreter reads it from JSON text.
fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => {
            if let Some(number) = number.as_u64() {
                Value::from(number)
            } else if let Some(number) = number.as_i64() {
                Value::from(number)
            } else {
                number.as_f64().map_or(Value::Undefined, Value::from)
            }
        }
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
        Json::Object(map) => from_map(map),
    }
}

fn from_map(map: &serde_json::Map<String, Json>) -> Value {
    let map: BTreeMap<Value, Value> = map
        .iter()
        .map(|(key, value)| (Value::from(key.as_str()), from_json(value)))
        .collect();
    Value::from(map)
}
