//! Closes a generated schema, so that an argument nobody declared is refused.

use serde_json::{Map, Value, json};

/// Forbids undeclared properties in every object schema of `schema` that does not speak of them
/// itself.
///
/// An object schema that is composed with others (`allOf`, `anyOf`, `oneOf`, `$ref` beside its own
/// properties) is closed as a whole, with `unevaluatedProperties`: each part alone would refuse
/// what the others declare.
pub(crate) fn close(schema: &mut Value) {
    walk(schema, false);
}

/// Whether it is an object by what its `allOf` declares, with nothing beside.
fn declares_in_parts(schema: &Map<String, Value>) -> bool {
    let parts = schema.get("allOf").and_then(Value::as_array);
    parts.into_iter().flatten().any(|part| {
        part.as_object()
            .is_some_and(|part| part.contains_key("properties") || declares_in_parts(part))
    })
}

const COMPOSED: [&str; 4] = ["allOf", "anyOf", "oneOf", "$ref"];

fn walk(schema: &mut Value, part_of_a_whole: bool) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    let is_object = object.contains_key("properties")
        || declares_in_parts(object)
        || object.get("type").is_some_and(|kind| {
            kind == "object"
                || kind
                    .as_array()
                    .is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
        });
    let composed = COMPOSED.iter().any(|keyword| object.contains_key(*keyword));
    let open = !object.contains_key("additionalProperties")
        && !object.contains_key("unevaluatedProperties");
    if is_object && open && !part_of_a_whole {
        let keyword = if composed {
            "unevaluatedProperties"
        } else {
            "additionalProperties"
        };
        object.insert(keyword.to_owned(), json!(false));
    }
    let parts_of_a_whole = part_of_a_whole || (is_object && composed);
    for (keyword, value) in object.iter_mut() {
        match keyword.as_str() {
            "allOf" | "anyOf" | "oneOf" => {
                let all_of = keyword == "allOf";
                for part in value.as_array_mut().into_iter().flatten() {
                    walk(part, parts_of_a_whole || all_of);
                }
            }
            "properties" | "patternProperties" | "$defs" => {
                for property in value.as_object_mut().into_iter().flatten() {
                    walk(property.1, false);
                }
            }
            "items" | "additionalProperties" | "unevaluatedProperties" | "contains" => {
                walk(value, false);
            }
            "prefixItems" => {
                for item in value.as_array_mut().into_iter().flatten() {
                    walk(item, false);
                }
            }
            _ => {}
        }
    }
}
