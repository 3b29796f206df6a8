//! From a tool's schema to the part of JSON Schema that OpenAI's strict mode knows.

use serde_json::{Map, Value, json};

use super::nullable::nullable;
use super::walk::has_type;
use super::{disjoint, limits};

/// The schema for strict mode.
///
/// What it lets a model write is what the schema allows, besides limits that strict mode does not
/// know and nulls for arguments left out.
///
/// # Errors
///
/// Why strict mode cannot express it.
pub(super) fn strict(schema: &Value) -> Result<Value, String> {
    let Some(object) = schema.as_object() else {
        return Err(at("$", "takes any JSON"));
    };
    for keyword in ["anyOf", "oneOf", "$ref"] {
        if object.contains_key(keyword) {
            return Err(at("$", "is a choice between forms, at the top level"));
        }
    }
    let strict = convert(schema, "$")?;
    limits::check(&strict)?;
    Ok(strict)
}

/// What strict mode does not know and cannot do without.
const NOT_EXPRESSIBLE: [&str; 15] = [
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependentRequired",
    "patternProperties",
    "propertyNames",
    "prefixItems",
    "contains",
    "unevaluatedItems",
    "$dynamicRef",
    "$anchor",
    "$id",
];

/// What strict mode knows of a value besides its type and its parts.
const KEPT: [&str; 9] = [
    "description",
    "pattern",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];

const FORMATS: [&str; 9] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];

fn convert(schema: &Value, path: &str) -> Result<Value, String> {
    let Some(object) = schema.as_object() else {
        return Err(at(path, "takes any JSON"));
    };
    if let Some(keyword) = NOT_EXPRESSIBLE
        .iter()
        .find(|keyword| object.contains_key(**keyword))
    {
        return Err(at(path, &format!("uses `{keyword}`")));
    }
    let mut strict = kept(object);
    if let Some(definitions) = object.get("$defs").and_then(Value::as_object) {
        let converted = definitions
            .iter()
            .map(|(name, definition)| {
                Ok((name.clone(), convert(definition, &format!("$defs.{name}"))?))
            })
            .collect::<Result<Map<_, _>, String>>()?;
        strict.insert("$defs".to_owned(), Value::Object(converted));
    }
    if let Some(reference) = object.get("$ref") {
        if object.contains_key("properties") {
            return Err(at(path, "adds properties to a reference"));
        }
        // Nothing may stand beside a reference, so its description goes around it.
        let reference = json!({ "$ref": reference });
        if strict.is_empty() {
            return Ok(reference);
        }
        strict.insert("anyOf".to_owned(), json!([reference]));
        return Ok(Value::Object(strict));
    }
    if let Some(forms) = choice(object, path)? {
        strict.insert("anyOf".to_owned(), forms);
        return Ok(Value::Object(strict));
    }
    for keyword in ["const", "enum"] {
        if let Some(value) = object.get(keyword) {
            strict.insert(keyword.to_owned(), value.clone());
        }
    }
    let Some(kind) = type_of(object) else {
        return Err(at(path, "takes any JSON"));
    };
    if let Value::Array(_) = kind
        && (has_type(object, "object") || has_type(object, "array"))
    {
        return each_type(object, &kind, strict, path);
    }
    if kind == "object" {
        add_object(&mut strict, object, path)?;
    }
    if kind == "array" {
        let Some(items) = object.get("items") else {
            return Err(at(path, "is an array of any JSON"));
        };
        strict.insert("items".to_owned(), convert(items, &format!("{path}[]"))?);
    }
    strict.insert("type".to_owned(), kind);
    Ok(Value::Object(strict))
}

fn kept(object: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    for keyword in KEPT {
        if let Some(value) = object.get(keyword) {
            kept.insert(keyword.to_owned(), value.clone());
        }
    }
    if let Some(format) = object.get("format").and_then(Value::as_str)
        && FORMATS.contains(&format)
    {
        kept.insert("format".to_owned(), json!(format));
    }
    if let Some(default) = object.get("default").filter(|default| !default.is_null()) {
        let told = format!("Default: {default}.");
        let told = match kept.get("description").and_then(Value::as_str) {
            None => told,
            Some(description) => format!("{description} {told}"),
        };
        kept.insert("description".to_owned(), json!(told));
    }
    kept
}

/// The forms of a choice, each with the properties that stand beside the choice.
fn choice(object: &Map<String, Value>, path: &str) -> Result<Option<Value>, String> {
    let (keyword, forms) = match (object.get("anyOf"), object.get("oneOf")) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(at(path, "makes two choices at once")),
        (Some(forms), None) => ("anyOf", forms),
        (None, Some(forms)) => ("oneOf", forms),
    };
    let forms = forms.as_array().map_or(&[][..], Vec::as_slice);
    let forms = if object.contains_key("properties") {
        forms
            .iter()
            .map(|form| joined(object, form, path))
            .collect::<Result<Vec<_>, _>>()?
    } else {
        forms.to_vec()
    };
    if keyword == "oneOf" && !disjoint::all_disjoint(&forms) {
        return Err(at(path, "is a choice between forms that may overlap"));
    }
    let forms = forms
        .iter()
        .map(|form| convert(form, path))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Value::Array(forms)))
}

/// An object that a choice completes, completed by one of its forms.
fn joined(base: &Map<String, Value>, form: &Value, path: &str) -> Result<Value, String> {
    let composed = |form: &Map<String, Value>| {
        ["anyOf", "oneOf", "allOf", "$ref"]
            .iter()
            .any(|keyword| form.contains_key(*keyword))
    };
    let Some(form) = form.as_object().filter(|form| !composed(form)) else {
        return Err(at(path, "adds properties to a choice within a choice"));
    };
    let open = |schema: &Map<String, Value>| {
        ["additionalProperties", "unevaluatedProperties"]
            .iter()
            .filter_map(|keyword| schema.get(*keyword))
            .any(|told| *told != json!(false))
    };
    if open(base) || open(form) {
        return Err(at(path, "is a map with free keys"));
    }
    if base.contains_key("additionalProperties") {
        return Err(at(path, "closes an object beside a choice"));
    }
    let mut joined = form.clone();
    joined.insert("type".to_owned(), json!("object"));
    joined.insert("additionalProperties".to_owned(), json!(false));
    let mut properties = object_of(form.get("properties"));
    for (name, property) in object_of(base.get("properties")) {
        if properties.get(&name).is_some_and(|own| *own != property) {
            return Err(at(path, &format!("gives `{name}` two meanings")));
        }
        properties.insert(name, property);
    }
    joined.insert("properties".to_owned(), Value::Object(properties));
    let mut required = array_of(form.get("required"));
    required.extend(array_of(base.get("required")));
    joined.insert("required".to_owned(), Value::Array(required));
    Ok(Value::Object(joined))
}

fn add_object(
    strict: &mut Map<String, Value>,
    object: &Map<String, Value>,
    path: &str,
) -> Result<(), String> {
    let told = object
        .get("additionalProperties")
        .or_else(|| object.get("unevaluatedProperties"));
    let closed = match told {
        Some(Value::Bool(false)) => true,
        // A model that may not write undeclared properties loses nothing that is told to it.
        None => object.contains_key("properties"),
        Some(_) => false,
    };
    if !closed {
        return Err(at(path, "is a map with free keys"));
    }
    let required = array_of(object.get("required"));
    let mut properties = Map::new();
    for (name, property) in object_of(object.get("properties")) {
        let converted = convert(&property, &format!("{path}.{name}"))?;
        let converted = if required.iter().any(|required| *required == name.as_str()) {
            converted
        } else {
            nullable(converted)
        };
        properties.insert(name, converted);
    }
    if let Some(name) = required
        .iter()
        .filter_map(Value::as_str)
        .find(|name| !properties.contains_key(*name))
    {
        return Err(at(
            path,
            &format!("requires `{name}`, which it does not declare"),
        ));
    }
    let mut names: Vec<&String> = properties.keys().collect();
    names.sort();
    strict.insert("required".to_owned(), json!(names));
    strict.insert("properties".to_owned(), Value::Object(properties));
    strict.insert("additionalProperties".to_owned(), json!(false));
    Ok(())
}

/// `["object", "null"]` and the like as a choice of one form for each type.
fn each_type(
    object: &Map<String, Value>,
    kinds: &Value,
    mut strict: Map<String, Value>,
    path: &str,
) -> Result<Value, String> {
    let description = strict.remove("description");
    let forms = array_of(Some(kinds))
        .into_iter()
        .map(|kind| {
            if kind == "null" {
                return Ok(json!({ "type": "null" }));
            }
            let mut form = object.clone();
            form.insert("type".to_owned(), kind);
            for told_outside in ["description", "default", "$defs"] {
                form.remove(told_outside);
            }
            convert(&Value::Object(form), path)
        })
        .collect::<Result<Vec<_>, String>>()?;
    let mut choice = Map::new();
    if let Some(description) = description {
        choice.insert("description".to_owned(), description);
    }
    if let Some(definitions) = strict.remove("$defs") {
        choice.insert("$defs".to_owned(), definitions);
    }
    choice.insert("anyOf".to_owned(), Value::Array(forms));
    Ok(Value::Object(choice))
}

/// The type of a schema: as it says, or as its values and parts say.
fn type_of(object: &Map<String, Value>) -> Option<Value> {
    if let Some(kind) = object.get("type") {
        return Some(match kind.as_array().map(Vec::as_slice) {
            Some([only]) => only.clone(),
            _ => kind.clone(),
        });
    }
    if object.contains_key("properties") {
        return Some(json!("object"));
    }
    let mut kinds: Vec<&str> = match object.get("const") {
        Some(value) => vec![kind_of(value)],
        None => object
            .get("enum")?
            .as_array()?
            .iter()
            .map(kind_of)
            .collect(),
    };
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.as_slice() {
        [] => None,
        [only] => Some(json!(only)),
        several => Some(json!(several)),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn object_of(value: Option<&Value>) -> Map<String, Value> {
    value
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

fn array_of(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn at(path: &str, what: &str) -> String {
    format!("`{path}` {what}")
}
