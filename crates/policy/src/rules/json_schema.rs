//! The format as a JSON Schema, for editors.

use kitelogik_core::RiskTier;
use serde_json::{Map, Value, json};

use super::rule::{EVENTS, OPERATORS, Otherwise, TYPES, Then};

/// The JSON Schema (draft 2020-12) of a rules file, so that editors complete and check it.
///
/// What a schema cannot say (names that occur twice, globs and patterns that cannot be used) only [`compile`] tells.
///
/// [`compile`]: super::compile
pub fn json_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kite Logik rules",
        "description": "Rules that say which calls of an agent's tools may happen.",
        "type": "object",
        "required": ["rules"],
        "additionalProperties": false,
        "properties": {
            "version": { "description": "The version of this format.", "const": 1 },
            "otherwise": {
                "description": "What a tool call becomes whose action no rule names. The strictest of several files counts.",
                "enum": Otherwise::NAMES,
                "default": "refuse",
            },
            "rules": {
                "type": "array",
                "minItems": 1,
                "items": { "$ref": "#/$defs/rule" },
            },
            "package": { "description": "Ignored: rules are always part of `kitelogik.userpolicy`.", "deprecated": true },
        },
        "$defs": {
            "rule": rule(),
            "condition": condition(),
            "operators": operators(),
            "text": { "type": "string" },
            "texts": one_or_many(json!({ "type": "string" })),
            "scalar": { "type": ["string", "number", "boolean"] },
            "limit": {
                "description": "A number, or a text that sorts. A value of another type is not judged.",
                "type": ["string", "number"],
            },
        },
    })
}

fn one_or_many(one: Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
}

fn rule() -> Value {
    json!({
        "type": "object",
        "required": ["name", "when"],
        "additionalProperties": false,
        "properties": {
            "name": {
                "description": "Unique within the file; a decision names the rules that fired.",
                "type": "string",
                "minLength": 1,
                "maxLength": 128,
                "pattern": "\\S",
            },
            "when": { "$ref": "#/$defs/condition" },
            "then": {
                "description": "What the rule says. An `allow` fires where its conditions are true; a `deny` or `hitl` also where they cannot be judged.",
                "enum": Then::NAMES,
                "default": "deny",
            },
            "reason": {
                "description": "Why, for people and for the model. Left out, it is the rule's name.",
                "type": "string",
            },
            "risk_tier": {
                "description": "How much is at stake. The highest one of the rules that fired counts.",
                "enum": RiskTier::ALL.map(RiskTier::as_str),
            },
        },
    })
}

fn condition() -> Value {
    let texts = |description: &str| json!({ "description": description, "$ref": "#/$defs/texts" });
    json!({
        "description": "All of it must hold.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
            "action": texts("The action is this, or one of these."),
            "role": texts("The caller's role is this, or one of these."),
            "scope": texts("The session has this scope, or all of these."),
            "tenant": texts("The tenant is this, or one of these."),
            "resource": {
                "description": "The path or URL matches this glob, or one of these: `*` within a part, `**` for any parts, `?` for one character.",
                "$ref": "#/$defs/texts",
            },
            "event": {
                "description": "The kind of event is this, or one of these.",
                "anyOf": [{ "enum": EVENTS }, { "type": "array", "minItems": 1, "items": { "enum": EVENTS } }],
            },
            "args": {
                "description": "Arguments by field; `customer.id` is a field within a field.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": { "$ref": "#/$defs/operators" },
            },
            "any": {
                "description": "At least one of these holds.",
                "type": "array",
                "minItems": 1,
                "items": { "$ref": "#/$defs/condition" },
            },
            "all": {
                "description": "All of these hold.",
                "type": "array",
                "minItems": 1,
                "items": { "$ref": "#/$defs/condition" },
            },
            "not": { "description": "This does not hold.", "$ref": "#/$defs/condition" },
        },
    })
}

fn operators() -> Value {
    let properties: Map<String, Value> = OPERATORS
        .iter()
        .map(|name| ((*name).to_owned(), operator(name)))
        .collect();
    json!({
        "description": "All of them must hold.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": properties,
    })
}

fn operator(name: &str) -> Value {
    let scalar =
        |description: &str| json!({ "description": description, "$ref": "#/$defs/scalar" });
    let limit = |description: &str| json!({ "description": description, "$ref": "#/$defs/limit" });
    let text =
        |description: &str| json!({ "description": description, "type": "string", "minLength": 1 });
    let part = |description: &str| json!({ "description": description, "type": ["string", "number", "boolean"], "minLength": 1 });
    let list = |description: &str| {
        let mut list = one_or_many(json!({ "$ref": "#/$defs/scalar" }));
        if let Some(list) = list.as_object_mut() {
            list.insert("description".to_owned(), json!(description));
        }
        list
    };
    match name {
        "eq" => scalar("Is this value."),
        "ne" => scalar("Is another value of the same type."),
        "gt" => limit("Is above this."),
        "gte" => limit("Is this or above."),
        "lt" => limit("Is below this."),
        "lte" => limit("Is this or below."),
        "in" => list("Is one of these."),
        "not_in" => list("Is none of these."),
        "contains" => part("A text with this part, or an array with this member."),
        "not_contains" => part("A text without this part, or an array without this member."),
        "starts_with" => text("A text with this beginning."),
        "ends_with" => text("A text with this end."),
        "matches" => text(
            "A text in which this regular expression is found; write `^` and `$` around it for the whole text.",
        ),
        "exists" => json!({ "description": "Is there, and not null.", "type": "boolean" }),
        "type" => {
            json!({
                "description": "Is of this type, or one of these.",
                "anyOf": [{ "enum": TYPES }, { "type": "array", "minItems": 1, "items": { "enum": TYPES } }],
            })
        }
        _ => json!(false),
    }
}
