//! OpenAI's limits on the schemas of strict mode.

use serde_json::Value;

const MAX_LEVELS: usize = 10;
const MAX_PROPERTIES: usize = 5_000;
const MAX_ENUM_VALUES: usize = 1_000;
const MAX_CHARS: usize = 120_000;
const LONG_ENUM: usize = 250;
const MAX_LONG_ENUM_CHARS: usize = 15_000;

/// Whether a strict schema is within the limits.
///
/// Levels are counted for arrays as for objects, which is at least as strict as the API.
///
/// # Errors
///
/// The limit that it exceeds.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let mut count = Count::default();
    count.take(schema, 0);
    let exceeded = [
        (count.levels, MAX_LEVELS, "levels"),
        (count.properties, MAX_PROPERTIES, "properties"),
        (count.enum_values, MAX_ENUM_VALUES, "enum values"),
        (count.chars, MAX_CHARS, "characters of names and values"),
        (
            count.long_enum_chars,
            MAX_LONG_ENUM_CHARS,
            "characters in one enum of more than 250 values",
        ),
    ];
    match exceeded.into_iter().find(|(count, limit, _)| count > limit) {
        None => Ok(()),
        Some((count, limit, what)) => Err(format!("it has {count} {what}, the limit is {limit}")),
    }
}

#[derive(Default)]
struct Count {
    levels: usize,
    properties: usize,
    enum_values: usize,
    chars: usize,
    long_enum_chars: usize,
}

impl Count {
    fn take(&mut self, schema: &Value, level: usize) {
        self.levels = self.levels.max(level);
        let Some(schema) = schema.as_object() else {
            return;
        };
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    self.properties += properties.len();
                    for (name, property) in properties {
                        self.chars += name.chars().count();
                        self.take(property, level + 1);
                    }
                }
                ("$defs", Value::Object(definitions)) => {
                    for (name, definition) in definitions {
                        self.chars += name.chars().count();
                        self.take(definition, level);
                    }
                }
                ("items", items) => self.take(items, level + 1),
                ("anyOf", Value::Array(forms)) => {
                    forms.iter().for_each(|form| self.take(form, level));
                }
                ("enum", Value::Array(values)) => {
                    let chars: usize = values.iter().map(chars).sum();
                    self.enum_values += values.len();
                    self.chars += chars;
                    if values.len() > LONG_ENUM {
                        self.long_enum_chars = self.long_enum_chars.max(chars);
                    }
                }
                ("const", value) => {
                    self.enum_values += 1;
                    self.chars += chars(value);
                }
                _ => {}
            }
        }
    }
}

fn chars(value: &Value) -> usize {
    value
        .as_str()
        .map_or_else(|| value.to_string().len(), |text| text.chars().count())
}
