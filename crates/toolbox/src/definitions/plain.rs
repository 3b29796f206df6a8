//! Schemas that every API takes: an object at the top, without a choice beside it.

use serde_json::{Map, Value, json};

use super::walk::{children, has_type};
use crate::normal::resolve;

/// The schema with a plain object at its top.
///
/// A choice there (`oneOf`, `anyOf`, as flattened enums make it) becomes one object with all the
/// properties of its forms, of which only those are required that every form requires. APIs refuse
/// a choice at the top; the toolbox still checks it.
pub(super) fn plain(schema: &Value) -> Value {
    let mut top = Top::default();
    top.take(schema, schema, true, 0);
    let Value::Object(mut object) = schema.clone() else {
        return schema.clone();
    };
    let composed = COMPOSITION
        .into_iter()
        .filter(|keyword| object.remove(*keyword).is_some())
        .count();
    if composed > 0 {
        let closed = object.remove("unevaluatedProperties") == Some(json!(false));
        if closed {
            object.insert("additionalProperties".to_owned(), json!(false));
        }
        object.insert("properties".to_owned(), Value::Object(top.properties));
        object.insert("required".to_owned(), json!(top.required));
    }
    object
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    let mut schema = Value::Object(object);
    spell_out(&mut schema);
    schema
}

/// [`plain`], and what OpenAI misses elsewhere: `properties` of every object, `items` of every array.
pub(super) fn complete(schema: &Value) -> Value {
    let mut schema = plain(schema);
    complete_within(&mut schema);
    schema
}

const COMPOSITION: [&str; 11] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "enum",
    "const",
    "$ref",
    "dependentSchemas",
];

/// How many compositions within one another are followed.
const MAX_NESTING: usize = 16;

/// How many schemas are looked at. A schema may come from anywhere, and may refer to itself in more
/// ways than can be followed; what is left out is not published, and still checked.
const MAX_SCHEMAS: usize = 1_000;

/// What is known of the properties of a composed object.
#[derive(Default)]
struct Top {
    properties: Map<String, Value>,
    required: Vec<String>,
    seen: usize,
}

impl Top {
    fn take(&mut self, schema: &Value, root: &Value, required: bool, nesting: usize) {
        self.seen += 1;
        if nesting > MAX_NESTING || self.seen > MAX_SCHEMAS {
            return;
        }
        for (name, property) in objects(schema.get("properties")) {
            self.add(name, property);
        }
        if required {
            for name in strings(schema.get("required")) {
                if !self.required.iter().any(|known| known == name) {
                    self.required.push(name.to_owned());
                }
            }
        }
        if let Some(target) = resolve(schema, root) {
            self.take(target, root, required, nesting + 1);
        }
        for part in array(schema.get("allOf")) {
            self.take(part, root, required, nesting + 1);
        }
        for keyword in ["anyOf", "oneOf"] {
            let mut common: Option<Vec<String>> = None;
            for part in array(schema.get(keyword)) {
                let mut form = Top {
                    seen: self.seen,
                    ..Top::default()
                };
                form.take(part, root, true, nesting + 1);
                self.seen = form.seen;
                for (name, property) in &form.properties {
                    self.add(name, property);
                }
                common = Some(match common {
                    None => form.required,
                    Some(mut common) => {
                        common.retain(|name| form.required.contains(name));
                        common
                    }
                });
            }
            if required {
                for name in common.unwrap_or_default() {
                    if !self.required.contains(&name) {
                        self.required.push(name);
                    }
                }
            }
        }
        for keyword in ["then", "else"] {
            if let Some(part) = schema.get(keyword) {
                self.take(part, root, false, nesting + 1);
            }
        }
    }

    /// A property that several forms have may be what any of them says.
    fn add(&mut self, name: &str, property: &Value) {
        match self.properties.get_mut(name) {
            None => {
                self.properties.insert(name.to_owned(), property.clone());
            }
            Some(known) if known == property => {}
            Some(known) => {
                if let Some(forms) = known
                    .as_object_mut()
                    .filter(|known| known.len() == 1)
                    .and_then(|known| known.get_mut("anyOf"))
                    .and_then(Value::as_array_mut)
                {
                    if !forms.contains(property) {
                        forms.push(property.clone());
                    }
                } else {
                    *known = json!({ "anyOf": [known.take(), property] });
                }
            }
        }
    }
}

fn objects(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn array(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    array(value).filter_map(Value::as_str)
}

/// Writes the schema `true`, which some APIs do not read, as `{}`.
fn spell_out(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    for (keyword, value) in object.iter_mut() {
        if keyword == "properties" {
            for (_, property) in value.as_object_mut().into_iter().flatten() {
                if *property == Value::Bool(true) {
                    *property = json!({});
                }
            }
        }
        if keyword == "items" && *value == Value::Bool(true) {
            *value = json!({});
        }
    }
    children(object, spell_out);
}

fn complete_within(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if has_type(object, "object") {
        object.entry("properties").or_insert_with(|| json!({}));
    }
    if has_type(object, "array") {
        object.entry("items").or_insert_with(|| json!({}));
    }
    children(object, complete_within);
}
