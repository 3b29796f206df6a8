use kitelogik_toolbox::{SchemaFormat, Toolbox};
use serde_json::{Value, json};

use crate::answers::echo;
use crate::{api_rules, catalogue};

fn snapshot(format: SchemaFormat) {
    let definitions = catalogue::toolbox().definitions(format);
    api_rules::check(format, &definitions);
    // Sorted: a crate elsewhere in the build may switch the order of keys to that of insertion.
    insta::with_settings!({ sort_maps => true, prepend_module_to_snapshot => false }, {
        insta::assert_json_snapshot!(format.as_str(), definitions);
    });
}

#[test]
fn openai_chat() {
    snapshot(SchemaFormat::OpenaiChat);
}

#[test]
fn openai_responses() {
    snapshot(SchemaFormat::OpenaiResponses);
}

#[test]
fn anthropic() {
    snapshot(SchemaFormat::Anthropic);
}

#[test]
fn mcp() {
    snapshot(SchemaFormat::Mcp);
}

#[test]
fn kitelogik() {
    snapshot(SchemaFormat::Kitelogik);
}

#[test]
fn a_format_is_read_by_the_name_it_writes() {
    for format in SchemaFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert_eq!(
        "openai".parse::<SchemaFormat>().unwrap_err().to_string(),
        "unknown format `openai`; use one of `openai-chat`, `openai-responses`, `anthropic`, `mcp`, \
         `kitelogik`"
    );
}

/// Why strict mode cannot express a schema.
fn not_strict(schema: Value) -> Option<String> {
    let toolbox = Toolbox::builder()
        .tool(echo("tool", schema))
        .build()
        .unwrap();
    for format in SchemaFormat::ALL {
        api_rules::check(format, &toolbox.definitions(format));
    }
    toolbox.schemas()[0].openai_parameters().not_strict
}

fn with(property: &Value) -> Value {
    json!({
        "type": "object",
        "properties": { "a": property },
        "required": ["a"],
        "additionalProperties": false,
    })
}

#[test]
fn what_strict_mode_cannot_express_is_named_with_its_place() {
    for (property, why) in [
        (json!(true), "`$.a` takes any JSON"),
        (json!({}), "`$.a` takes any JSON"),
        (json!({ "type": "object" }), "`$.a` is a map with free keys"),
        (
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            "`$.a` is a map with free keys",
        ),
        (
            json!({ "type": "array", "items": { "type": "object", "patternProperties": {} } }),
            "`$.a[]` uses `patternProperties`",
        ),
        (
            json!({ "type": "array", "prefixItems": [{ "type": "string" }] }),
            "`$.a` uses `prefixItems`",
        ),
        (json!({ "type": "array" }), "`$.a` is an array of any JSON"),
        (
            json!({ "allOf": [{ "type": "string" }] }),
            "`$.a` uses `allOf`",
        ),
        (json!({ "not": { "type": "string" } }), "`$.a` uses `not`"),
        (
            json!({ "oneOf": [{ "type": "number" }, { "type": "integer" }] }),
            "`$.a` is a choice between forms that may overlap",
        ),
        (
            json!({ "oneOf": [
                { "type": "object", "properties": { "x": { "type": "string" } } },
                { "type": "object", "properties": { "y": { "type": "string" } } },
            ] }),
            "`$.a` is a choice between forms that may overlap",
        ),
        (
            json!({ "type": "object", "properties": {}, "required": ["x"], "additionalProperties": false }),
            "`$.a` requires `x`, which it does not declare",
        ),
    ] {
        assert_eq!(
            not_strict(with(&property)).as_deref(),
            Some(why),
            "{property}"
        );
    }
    assert_eq!(
        not_strict(json!({ "type": "object", "anyOf": [{ "required": ["a"] }] })).as_deref(),
        Some("`$` is a choice between forms, at the top level")
    );
}

#[test]
fn a_choice_of_one_form_is_any_of_them_where_none_overlap() {
    for forms in [
        json!([{ "const": "a" }, { "enum": ["b", "c"] }]),
        json!([{ "type": "string" }, { "type": "integer" }, { "type": "null" }]),
        json!([
            { "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false },
            { "type": "object", "properties": { "b": { "type": "string" } }, "required": ["b"], "additionalProperties": false },
        ]),
        json!([
            { "type": "object", "properties": { "kind": { "const": "x" } }, "required": ["kind"] },
            { "type": "object", "properties": { "kind": { "const": "y" } }, "required": ["kind"] },
        ]),
    ] {
        assert_eq!(
            not_strict(with(&json!({ "oneOf": forms }))),
            None,
            "{forms}"
        );
    }
}

#[test]
fn what_exceeds_openais_limits_is_not_strict() {
    let nested =
        |levels: usize| (0..levels).fold(json!({ "type": "string" }), |inner, _| with(&inner));
    assert_eq!(not_strict(nested(10)), None);
    assert_eq!(
        not_strict(nested(11)).as_deref(),
        Some("it has 11 levels, the limit is 10")
    );
    let values = |count: usize, length: usize| {
        let values: Vec<String> = (0..count).map(|n| format!("{n:0length$}")).collect();
        with(&json!({ "enum": values }))
    };
    assert_eq!(not_strict(values(1_000, 4)), None);
    assert!(
        not_strict(values(1_001, 4))
            .unwrap()
            .contains("1001 enum values")
    );
    assert!(
        not_strict(values(251, 60))
            .unwrap()
            .contains("15060 characters in one enum")
    );
    assert_eq!(not_strict(values(250, 60)), None);
    let wide: serde_json::Map<String, Value> = (0..5_001)
        .map(|n| (format!("p{n}"), json!({ "type": "string" })))
        .collect();
    let wide = json!({ "type": "object", "properties": wide });
    assert!(not_strict(wide).unwrap().contains("5001 properties"));
}

#[test]
fn a_default_is_told_in_the_description() {
    let definitions = catalogue::toolbox().definitions(SchemaFormat::OpenaiResponses);
    let search = definitions
        .as_array()
        .unwrap()
        .iter()
        .find(|tool| tool["name"] == "search")
        .unwrap();
    assert_eq!(
        search["parameters"]["properties"]["limit"]["description"],
        "Default: 20."
    );
    assert_eq!(search["strict"], true);
}

#[test]
fn a_choice_at_the_top_is_published_as_one_object() {
    let definitions = catalogue::toolbox().definitions(SchemaFormat::Anthropic);
    let schema = &definitions
        .as_array()
        .unwrap()
        .iter()
        .find(|tool| tool["name"] == "transfer")
        .unwrap()["input_schema"];
    assert!(schema.get("oneOf").is_none());
    let mut names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["amount", "days", "kind", "number", "save"]);
    assert_eq!(schema["required"], json!(["amount", "kind"]));
    assert_eq!(schema["additionalProperties"], false);
}
