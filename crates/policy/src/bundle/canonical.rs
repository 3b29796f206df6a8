//! The one text of a JSON document that OPA takes the digest of: keys sorted, no white space, numbers as they were written.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// The canonical text of `text`, which is JSON that was read before: what is not is cut short, so that no digest matches.
pub(super) fn of_text(text: &str) -> String {
    let mut reader = Reader {
        rest: text.trim_start(),
    };
    let canonical = reader.value();
    canonical
        .filter(|_| reader.rest.trim().is_empty())
        .unwrap_or_default()
}

/// `value` with the keys of every object in order, whatever order the map keeps.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(object) => {
            let entries: BTreeMap<&String, &Value> = object.iter().collect();
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        scalar => scalar.clone(),
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<String> {
        let first = self.rest.chars().next()?;
        match first {
            '{' => self.object(),
            '[' => self.array(),
            '"' => self.string().map(|text| quoted(&text)),
            _ => {
                let end = self
                    .rest
                    .find([',', '}', ']', ' ', '\t', '\n', '\r'])
                    .unwrap_or(self.rest.len());
                let (scalar, rest) = self.rest.split_at_checked(end)?;
                let scalar = scalar.to_owned();
                self.rest = rest.trim_start();
                Some(scalar)
            }
        }
    }

    fn object(&mut self) -> Option<String> {
        self.eat("{")?;
        let mut entries = BTreeMap::new();
        while self.eat("}").is_none() {
            if !entries.is_empty() {
                self.eat(",")?;
            }
            let key = self.string()?;
            self.eat(":")?;
            entries.insert(key, self.value()?);
        }
        let mut text = String::from("{");
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            let _ = write!(text, "{}:{value}", quoted(key));
        }
        text.push('}');
        Some(text)
    }

    fn array(&mut self) -> Option<String> {
        self.eat("[")?;
        let mut items = Vec::new();
        while self.eat("]").is_none() {
            if !items.is_empty() {
                self.eat(",")?;
            }
            items.push(self.value()?);
        }
        Some(format!("[{}]", items.join(",")))
    }

    fn string(&mut self) -> Option<String> {
        let mut escaped = false;
        let end =
            self.rest
                .char_indices()
                .skip(1)
                .find_map(|(index, character)| match character {
                    '"' if !escaped => Some(index + 1),
                    '\\' => {
                        escaped = !escaped;
                        None
                    }
                    _ => {
                        escaped = false;
                        None
                    }
                })?;
        let (literal, rest) = self.rest.split_at_checked(end)?;
        let text = serde_json::from_str(literal).ok()?;
        self.rest = rest.trim_start();
        Some(text)
    }

    fn eat(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?.trim_start();
        Some(())
    }
}

/// As Go writes a string into JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::of_text;

    #[test]
    fn keys_are_sorted_and_numbers_stay_as_they_were_written() {
        assert_eq!(
            of_text(
                " { \"b\" : [ 1.50 , 1e3, -0 , true ] , \"a\\u0062\" : { } , \"\" : \"x\\/\\\"\\\\\" } \n"
            ),
            r#"{"":"x/\"\\","ab":{},"b":[1.50,1e3,-0,true]}"#
        );
        assert_eq!(of_text("null"), "null");
        assert_eq!(of_text("\"\\u2028\\u0001é<\""), "\"\\u2028\\u0001é<\"");
    }

    #[test]
    fn what_is_no_json_has_no_text() {
        for text in ["", "{", "[1 2]", "{\"a\"}", "\"", "[]]", "{\"a\":1}x"] {
            assert_eq!(of_text(text), "", "{text}");
        }
    }
}
