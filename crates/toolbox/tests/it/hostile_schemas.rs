//! Schemas of tools known at run time come from anywhere, such as an MCP server.

use kitelogik_toolbox::{SchemaFormat, Toolbox};
use serde_json::{Value, json};

use crate::answers::{Answers, echo};

/// Publishing and calling a tool with this schema ends.
async fn ends(schema: Value) {
    let tool = echo("tool", schema);
    let toolbox = Toolbox::builder().tool(tool.clone()).build().unwrap();
    for format in SchemaFormat::ALL {
        toolbox.definitions(format);
    }
    let tools = Answers::default().judging([tool]);
    let arguments = json!({ "a": null, "b": [{ "a": null, "b": [{ "a": null }] }] });
    let _ = tools.call("tool", arguments).await;
}

#[tokio::test]
async fn one_that_refers_to_itself_in_many_ways() {
    let everywhere = vec![json!({ "$ref": "#/$defs/a" }); 10];
    ends(json!({
        "type": "object",
        "$defs": {
            "a": {
                "type": ["object", "array"],
                "properties": { "a": { "anyOf": everywhere } },
                "additionalProperties": { "anyOf": everywhere },
                "items": { "anyOf": everywhere },
            },
        },
        "properties": { "a": { "anyOf": everywhere } },
        "additionalProperties": { "anyOf": everywhere },
    }))
    .await;
}

#[tokio::test]
async fn one_that_is_wide_at_every_level() {
    let mut schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    for _ in 0..4 {
        schema = json!({ "type": "object", "anyOf": vec![schema; 6] });
    }
    ends(schema).await;
}

#[tokio::test]
async fn one_with_many_forms() {
    let form = |name: usize| {
        json!({
            "type": "object",
            "properties": { "kind": { "const": name.to_string() } },
            "required": ["kind"],
            "additionalProperties": false,
        })
    };
    let forms: Vec<Value> = (0..400).map(form).collect();
    ends(json!({ "type": "object", "properties": { "a": { "oneOf": forms } } })).await;
}

#[tokio::test]
async fn one_that_is_itself() {
    ends(json!({ "type": "object", "anyOf": [{ "$ref": "#" }] })).await;
    ends(json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/x" } }, "$defs": { "x": { "$ref": "#/$defs/x" } } })).await;
}
