//! Reads what models write as what they mean.

use serde_json::{Map, Value};

/// Makes of `value` what it means under the schema `root`.
///
/// * An integral float within 2^53 is an integer: models write `42.0`.
/// * `null` for an optional argument that cannot be null is an argument left out: strict function
///   calling makes models write every argument.
///
/// Where a schema offers several forms, those count that the value may be of. Where that leaves
/// doubt, nothing is dropped, and the schema refuses the null.
pub(crate) fn normalise(value: &mut Value, root: &Value) {
    within(value, &[root], root);
}

/// How many references and compositions within one another are followed.
const MAX_NESTING: usize = 16;

/// How many schemas are looked at for one value. A schema may come from anywhere, and may refer to
/// itself in more ways than can be followed.
const MAX_SCHEMAS: usize = 256;

fn within(value: &mut Value, schemas: &[&Value], root: &Value) {
    match value {
        Value::Number(number) => {
            if number.is_f64()
                && let Some(integer) = number.as_f64().and_then(integral)
            {
                *value = Value::from(integer);
            }
        }
        Value::Array(items) => {
            let schemas = forms(Shape::Array, schemas, root);
            for (position, item) in items.iter_mut().enumerate() {
                let of_item: Vec<&Value> = schemas
                    .iter()
                    .filter_map(|schema| {
                        let first = schema
                            .get("prefixItems")
                            .and_then(|first| first.get(position));
                        first.or_else(|| schema.get("items"))
                    })
                    .collect();
                within(item, &of_item, root);
            }
        }
        Value::Object(object) => {
            let schemas = forms(Shape::Object(object), schemas, root);
            object.retain(|name, value| !value.is_null() || !is_left_out(name, &schemas, root));
            for (name, value) in object {
                let of_value: Vec<&Value> = schemas
                    .iter()
                    .flat_map(|schema| of_property(schema, name))
                    .collect();
                within(value, &of_value, root);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The part of a value that tells the forms of a schema apart.
#[derive(Clone, Copy)]
enum Shape<'a> {
    Object(&'a Map<String, Value>),
    Array,
}

/// The schemas that a value must fit or may be of: references followed, compositions opened, and
/// of the forms of a choice those that the value may be of.
fn forms<'a>(shape: Shape<'_>, schemas: &[&'a Value], root: &'a Value) -> Vec<&'a Value> {
    let mut found = Vec::with_capacity(schemas.len());
    for schema in schemas {
        open(shape, schema, root, 0, &mut found);
    }
    found
}

fn open<'a>(
    shape: Shape<'_>,
    schema: &'a Value,
    root: &'a Value,
    nesting: usize,
    found: &mut Vec<&'a Value>,
) {
    if nesting > MAX_NESTING || found.len() == MAX_SCHEMAS {
        return;
    }
    found.push(schema);
    if let Some(target) = resolve(schema, root) {
        open(shape, target, root, nesting + 1, found);
    }
    for part in array(schema.get("allOf")) {
        open(shape, part, root, nesting + 1, found);
    }
    for keyword in ["anyOf", "oneOf"] {
        for form in array(schema.get(keyword)) {
            if may_be(shape, form, root, nesting) {
                open(shape, form, root, nesting + 1, found);
            }
        }
    }
}

/// Whether a value may be of a form, as far as its type, its properties' names and the values that
/// tag it say.
fn may_be(shape: Shape<'_>, form: &Value, root: &Value, nesting: usize) -> bool {
    if nesting > MAX_NESTING {
        return true;
    }
    if let Some(target) = resolve(form, root) {
        return may_be(shape, target, root, nesting + 1);
    }
    let (kind, object) = match shape {
        Shape::Object(object) => ("object", Some(object)),
        Shape::Array => ("array", None),
    };
    if !allows_type(form, kind) || form.get("const").is_some_and(|value| value.is_string()) {
        return false;
    }
    let Some(object) = object else {
        return true;
    };
    let properties = form.get("properties").and_then(Value::as_object);
    let has_required = array(form.get("required"))
        .filter_map(Value::as_str)
        .all(|name| object.contains_key(name));
    let closed = form.get("additionalProperties") == Some(&Value::Bool(false))
        && form.get("patternProperties").is_none();
    let known = |name: &str| properties.is_some_and(|properties| properties.contains_key(name));
    has_required
        && (!closed || object.keys().all(|name| known(name)))
        && properties.into_iter().flatten().all(|(name, property)| {
            object
                .get(name)
                .is_none_or(|value| value.is_null() || may_be_tag(value, property))
        })
}

fn may_be_tag(value: &Value, property: &Value) -> bool {
    let tag = property.get("const").is_none_or(|only| only == value);
    let listed = property
        .get("enum")
        .and_then(Value::as_array)
        .is_none_or(|values| values.contains(value));
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => return tag && listed,
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    tag && listed && allows_type(property, kind)
}

fn allows_type(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == kind,
        Some(Value::Array(names)) => names.iter().any(|name| name == kind),
        _ => true,
    }
}

fn of_property<'a>(schema: &'a Value, name: &str) -> Vec<&'a Value> {
    if let Some(property) = schema.get("properties").and_then(|all| all.get(name)) {
        return vec![property];
    }
    let mut others: Vec<&Value> = schema
        .get("patternProperties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::values)
        .collect();
    others.extend(schema.get("additionalProperties"));
    others
}

/// Whether a null under `name` stands for an argument that was left out.
fn is_left_out(name: &str, schemas: &[&Value], root: &Value) -> bool {
    let mut declared = false;
    for schema in schemas {
        if array(schema.get("required")).any(|required| required == name) {
            return false;
        }
        if let Some(property) = schema.get("properties").and_then(|all| all.get(name)) {
            if takes_null(property, root, 0, &mut 0) {
                return false;
            }
            declared = true;
        }
    }
    declared
}

/// Whether a schema may accept null. Where that is not plain to see, it is taken to.
fn takes_null(schema: &Value, root: &Value, nesting: usize, seen: &mut usize) -> bool {
    *seen += 1;
    if nesting > MAX_NESTING || *seen > MAX_SCHEMAS {
        return true;
    }
    let mut deeper = |schema: &Value| takes_null(schema, root, nesting + 1, seen);
    if schema == &Value::Bool(false)
        || !allows_type(schema, "null")
        || schema.get("const").is_some_and(|only| !only.is_null())
        || schema
            .get("enum")
            .and_then(Value::as_array)
            .is_some_and(|values| !values.contains(&Value::Null))
    {
        return false;
    }
    if let Some(target) = resolve(schema, root) {
        return deeper(target);
    }
    ["anyOf", "oneOf"]
        .iter()
        .filter_map(|keyword| schema.get(*keyword))
        .all(|forms| array(Some(forms)).any(&mut deeper))
        && array(schema.get("allOf")).all(&mut deeper)
}

/// The schema that a `$ref` within the same document names.
pub(crate) fn resolve<'a>(schema: &Value, root: &'a Value) -> Option<&'a Value> {
    let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    if pointer.contains('%') {
        root.pointer(&decoded(pointer)?)
    } else {
        root.pointer(pointer)
    }
}

/// The text that a part of a URL stands for.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

pub(crate) fn array(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn integral(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0; // 2^53
    if number.fract() != 0.0 || number.abs() > LIMIT {
        return None;
    }
    // Exact: an integral value within 2^53 fits.
    format!("{number:.0}").parse().ok()
}
