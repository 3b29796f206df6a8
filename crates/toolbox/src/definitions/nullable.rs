//! Strict mode's way of leaving an argument out: null.

use serde_json::{Map, Value, json};

use super::walk::has_type;

/// A strict schema that takes null besides.
pub(super) fn nullable(schema: Value) -> Value {
    let Value::Object(mut object) = schema else {
        return schema;
    };
    if let Some(Value::Array(forms)) = object.get_mut("anyOf") {
        let null = json!({ "type": "null" });
        if !forms.iter().any(takes_null) {
            forms.push(null);
        }
        return Value::Object(object);
    }
    if takes_null(&Value::Object(object.clone())) {
        return Value::Object(object);
    }
    let simple = !["object", "array"]
        .iter()
        .any(|kind| has_type(&object, kind))
        && !object.contains_key("const")
        && object.contains_key("type");
    if simple {
        let mut kinds = match object.remove("type") {
            Some(Value::Array(kinds)) => kinds,
            kind => kind.into_iter().collect(),
        };
        if !kinds.iter().any(|kind| kind == "null") {
            kinds.push(json!("null"));
        }
        object.insert("type".to_owned(), Value::Array(kinds));
        if let Some(Value::Array(values)) = object.get_mut("enum") {
            values.push(Value::Null);
        }
        return Value::Object(object);
    }
    let description = object.remove("description");
    let mut choice = Map::new();
    if let Some(description) = description {
        choice.insert("description".to_owned(), description);
    }
    choice.insert(
        "anyOf".to_owned(),
        json!([Value::Object(object), { "type": "null" }]),
    );
    Value::Object(choice)
}

/// Whether a strict schema takes null.
fn takes_null(schema: &Value) -> bool {
    let Some(object) = schema.as_object() else {
        return false;
    };
    if let Some(forms) = object.get("anyOf").and_then(Value::as_array) {
        return forms.iter().any(takes_null);
    }
    has_type(object, "null")
        && object.get("const").is_none_or(Value::is_null)
        && object
            .get("enum")
            .and_then(Value::as_array)
            .is_none_or(|values| values.contains(&Value::Null))
}
