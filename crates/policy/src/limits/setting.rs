//! A value that a team's data gives for a limit, and where it stands.

use std::ops::RangeInclusive;

use serde_json::{Number, Value};

use crate::PolicyError;

/// Makes an entry as the rules expect it, or says what is wrong with it.
pub(super) type Normalise = fn(&str) -> Result<Vec<String>, String>;

pub(super) struct Setting<'a> {
    origin: &'a str,
    path: String,
    value: &'a Value,
}

impl<'a> Setting<'a> {
    pub(super) fn new(origin: &'a str, path: &str, value: &'a Value) -> Self {
        Self {
            origin,
            path: path.to_owned(),
            value,
        }
    }

    pub(super) fn refuse(&self, problem: impl Into<String>) -> PolicyError {
        PolicyError::Limit {
            origin: self.origin.to_owned(),
            path: self.path.clone(),
            problem: problem.into(),
        }
    }

    /// Says which `keys` there are where this is none of them.
    pub(super) fn unknown(&self, what: &str, keys: &[&str]) -> PolicyError {
        let known: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        self.refuse(format!("is no {what}; there are {}", known.join(", ")))
    }

    pub(super) fn members(&self) -> Result<Vec<(&'a str, Self)>, PolicyError> {
        let Value::Object(members) = self.value else {
            return Err(self.refuse("must be an object"));
        };
        let member = |(key, value): (&'a String, &'a Value)| {
            let setting = Self::new(self.origin, &format!("{}.{key}", self.path), value);
            (key.as_str(), setting)
        };
        Ok(members.iter().map(member).collect())
    }

    pub(super) fn whole_number(&self, range: RangeInclusive<u32>) -> Result<u32, PolicyError> {
        self.value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                self.refuse(format!(
                    "must be a whole number from {} to {}",
                    range.start(),
                    range.end()
                ))
            })
    }

    pub(super) fn amount(&self) -> Result<Number, PolicyError> {
        match self.value {
            Value::Number(number) if number.as_f64().is_some_and(|number| number >= 0.0) => {
                Ok(number.clone())
            }
            _ => Err(self.refuse("must be a number from 0 up")),
        }
    }

    pub(super) fn text(&self) -> Result<String, PolicyError> {
        match self.value {
            Value::String(text) if !text.trim().is_empty() => Ok(text.clone()),
            _ => Err(self.refuse("must be a string that is not empty")),
        }
    }

    /// Adds the entries given here to `list`.
    pub(super) fn extend(
        &self,
        list: &mut Vec<String>,
        normalise: Normalise,
    ) -> Result<(), PolicyError> {
        let Value::Array(items) = self.value else {
            return Err(
                self.refuse("must be a list of strings, which are added to the default ones")
            );
        };
        for (index, value) in items.iter().enumerate() {
            let item = Self::new(self.origin, &format!("{}[{index}]", self.path), value);
            let Value::String(text) = value else {
                return Err(item.refuse("must be a string"));
            };
            add(
                list,
                normalise(text).map_err(|problem| item.refuse(problem))?,
            );
        }
        Ok(())
    }
}

pub(super) fn add(list: &mut Vec<String>, entries: Vec<String>) {
    for entry in entries {
        if !list.contains(&entry) {
            list.push(entry);
        }
    }
}
