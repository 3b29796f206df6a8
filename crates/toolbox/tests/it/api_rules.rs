//! What each API demands of a tool's definition, written from its documentation and not from the
//! code under test.

use kitelogik_toolbox::SchemaFormat;
use serde_json::{Value, json};

/// Panics where an API would refuse the definitions.
pub(crate) fn check(format: SchemaFormat, definitions: &Value) {
    let rules = match format {
        SchemaFormat::OpenaiChat => openai_chat(),
        SchemaFormat::OpenaiResponses => openai_responses(),
        SchemaFormat::Anthropic => anthropic(),
        SchemaFormat::Mcp => mcp(),
        _ => kitelogik(),
    };
    let validator = jsonschema::draft202012::new(&rules).unwrap();
    for definition in definitions.as_array().expect("an array") {
        let problems: Vec<String> = validator
            .iter_errors(definition)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            problems.is_empty(),
            "{format}: {problems:#?}\n{definition:#}"
        );
        for parameters in ["parameters", "input_schema", "inputSchema"] {
            let schema = definition
                .get(parameters)
                .or_else(|| definition.get("function")?.get(parameters));
            if let Some(schema) = schema {
                jsonschema::draft202012::meta::validate(schema).expect("a JSON Schema");
                jsonschema::draft202012::new(schema).expect("a schema that can be used");
            }
        }
        let function = definition.get("function").unwrap_or(definition);
        if function.get("strict") == Some(&json!(true)) {
            required_is_all(&function["parameters"]);
        }
    }
}

/// Strict mode wants every property in `required`, which a meta-schema cannot say.
fn required_is_all(schema: &Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties")
                && object.get("type") == Some(&json!("object"))
            {
                let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
                names.sort_unstable();
                let mut required: Vec<&str> = object["required"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap())
                    .collect();
                required.sort_unstable();
                assert_eq!(names, required);
            }
            object.values().for_each(required_is_all);
        }
        Value::Array(items) => items.iter().for_each(required_is_all),
        _ => {}
    }
}

fn name() -> Value {
    json!({ "type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$" })
}

/// An object at the top, with its properties, and no choice beside it: OpenAI refuses others also
/// where `strict` is false, and misses `items` of an array and `properties` of an object.
fn loose_parameters() -> Value {
    json!({
        "type": "object",
        "required": ["type", "properties"],
        "properties": { "type": { "const": "object" } },
        "not": { "anyOf": [
            { "required": ["oneOf"] }, { "required": ["anyOf"] }, { "required": ["allOf"] },
            { "required": ["enum"] }, { "required": ["not"] },
        ] },
        "allOf": [{ "$ref": "#/$defs/complete" }],
    })
}

fn openai_definitions() -> Value {
    json!({
        "complete": {
            "type": "object",
            "if": { "required": ["type"], "properties": { "type": { "const": "array" } } },
            "then": { "required": ["items"] },
            "else": {
                "if": { "required": ["type"], "properties": { "type": { "const": "object" } } },
                "then": { "required": ["properties"] },
            },
            "properties": {
                "properties": { "additionalProperties": { "$ref": "#/$defs/complete" } },
                "$defs": { "additionalProperties": { "$ref": "#/$defs/complete" } },
                "items": { "$ref": "#/$defs/complete" },
                "anyOf": { "items": { "$ref": "#/$defs/complete" } },
                "oneOf": { "items": { "$ref": "#/$defs/complete" } },
            },
        },
        "types": { "enum": ["string", "number", "boolean", "integer", "object", "array", "null"] },
        // Every schema of strict mode: one of the supported shapes with the supported keywords.
        "strict": {
            "type": "object",
            "properties": {
                "description": { "type": "string" },
                "type": { "anyOf": [
                    { "$ref": "#/$defs/types" },
                    {
                        "type": "array", "minItems": 2, "uniqueItems": true,
                        "items": { "enum": ["string", "number", "boolean", "integer", "null"] },
                    },
                ] },
                "properties": { "additionalProperties": { "$ref": "#/$defs/strict" } },
                "required": { "type": "array", "items": { "type": "string" } },
                "additionalProperties": { "const": false },
                "items": { "$ref": "#/$defs/strict" },
                "anyOf": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/strict" } },
                "$ref": { "type": "string", "pattern": "^#" },
                "$defs": { "additionalProperties": { "$ref": "#/$defs/strict" } },
                "enum": { "type": "array", "minItems": 1 },
                "const": true,
                "pattern": { "type": "string" },
                "format": { "enum": [
                    "date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6",
                    "uuid",
                ] },
                "multipleOf": { "type": "number" },
                "minimum": { "type": "number" },
                "maximum": { "type": "number" },
                "exclusiveMinimum": { "type": "number" },
                "exclusiveMaximum": { "type": "number" },
                "minItems": { "type": "integer" },
                "maxItems": { "type": "integer" },
            },
            "additionalProperties": false,
            "oneOf": [
                { "required": ["$ref"], "maxProperties": 1 },
                { "required": ["anyOf"], "not": { "required": ["type"] } },
                { "required": ["type"], "not": { "required": ["anyOf"] } },
            ],
            "allOf": [
                {
                    "if": { "required": ["type"], "properties": { "type": { "const": "object" } } },
                    "then": { "required": ["properties", "required", "additionalProperties"] },
                },
                {
                    "if": { "required": ["type"], "properties": { "type": { "const": "array" } } },
                    "then": { "required": ["items"] },
                },
            ],
        },
        "function": {
            "type": "object",
            "properties": {
                "name": name(),
                "description": { "type": "string" },
                "strict": { "type": "boolean" },
                "parameters": loose_parameters(),
            },
            // A missing `strict` means yes to one API and no to the other.
            "required": ["name", "description", "strict", "parameters"],
            "if": { "properties": { "strict": { "const": true } } },
            "then": { "properties": { "parameters": { "$ref": "#/$defs/strict" } } },
        },
    })
}

fn openai_chat() -> Value {
    json!({
        "$defs": openai_definitions(),
        "type": "object",
        "properties": {
            "type": { "const": "function" },
            "function": {
                "$ref": "#/$defs/function",
                "propertyNames": { "enum": ["name", "description", "strict", "parameters"] },
            },
        },
        "required": ["type", "function"],
        "additionalProperties": false,
    })
}

fn openai_responses() -> Value {
    json!({
        "$defs": openai_definitions(),
        "$ref": "#/$defs/function",
        "properties": { "type": { "const": "function" } },
        "required": ["type"],
        "propertyNames": { "enum": ["type", "name", "description", "strict", "parameters"] },
    })
}

fn anthropic() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": name(),
            "description": { "type": "string" },
            "input_schema": {
                "type": "object",
                "properties": {
                    "type": { "const": "object" },
                    "properties": {
                        "type": "object",
                        "propertyNames": { "pattern": "^[a-zA-Z0-9_.-]{1,64}$" },
                    },
                },
                "required": ["type"],
                "not": { "anyOf": [
                    { "required": ["oneOf"] }, { "required": ["anyOf"] }, { "required": ["allOf"] },
                ] },
            },
        },
        "required": ["name", "input_schema"],
        "additionalProperties": false,
    })
}

fn mcp() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "description": { "type": "string" },
            "inputSchema": {
                "type": "object",
                "properties": {
                    "type": { "const": "object" },
                    "properties": { "type": "object", "additionalProperties": { "type": "object" } },
                    "required": { "type": "array", "items": { "type": "string" } },
                },
                "required": ["type"],
            },
        },
        "required": ["name", "inputSchema"],
        "additionalProperties": false,
    })
}

fn kitelogik() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": name(),
            "description": { "type": "string" },
            "parameters": {
                "type": "object",
                "properties": { "type": { "const": "object" } },
                "required": ["type"],
            },
            "action": { "type": "string", "minLength": 1 },
            "resource": { "type": "array", "items": { "type": "string" } },
        },
        "required": ["name", "description", "parameters", "action", "resource"],
        "additionalProperties": false,
    })
}
