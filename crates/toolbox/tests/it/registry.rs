use kitelogik_toolbox::{BuildError, Tool, Toolbox};
use serde_json::{Value, json};

use crate::answers::{Answers, echo, returns};

#[test]
fn names_come_in_the_order_of_registration() {
    let names = ["zebra", "apple", "mango"];
    let tools = Answers::default().judging(names.map(|name| returns(name, json!(1))));
    assert_eq!(tools.names().collect::<Vec<_>>(), names);
    let schemas = tools.schemas();
    assert_eq!(
        schemas
            .iter()
            .map(|schema| &*schema.name)
            .collect::<Vec<_>>(),
        names
    );
}

#[test]
fn two_tools_of_one_name_are_refused() {
    let error = Toolbox::builder()
        .tool(returns("refund", json!(1)))
        .tool(returns("refund", json!(2)))
        .build()
        .unwrap_err();
    assert!(matches!(error, BuildError::DuplicateName(_)));
    assert_eq!(
        error.to_string(),
        "two tools are named `refund`; rename one"
    );
}

#[test]
fn a_name_that_no_model_can_call_is_refused() {
    let named = |name: &str| {
        Tool::dynamic(name, "", json!({ "type": "object" }), |_| async {
            Ok::<_, String>(Value::Null)
        })
    };
    for name in ["", "has space", "naïve", "a.b", &"x".repeat(65)] {
        assert!(matches!(named(name), Err(BuildError::Name(_))), "{name}");
    }
    assert!(named(&"x".repeat(64)).is_ok());
    assert!(named("get-customer_2").is_ok());
}

#[test]
fn a_schema_that_is_none_of_an_object_is_refused() {
    let with = |schema: Value| {
        Tool::dynamic("tool", "", schema, |_| async {
            Ok::<_, String>(Value::Null)
        })
    };
    for schema in [
        json!(true),
        json!({}),
        json!({ "type": "string" }),
        json!({ "type": "object", "properties": { "a": { "type": "strin" } } }),
        json!({ "type": "object", "$ref": "https://example.com/schema.json" }),
    ] {
        assert!(
            matches!(with(schema.clone()), Err(BuildError::Schema { .. })),
            "{schema}"
        );
    }
}

#[test]
fn a_resource_must_be_an_argument() {
    let schema = json!({ "type": "object", "properties": { "from": { "type": "string" } } });
    assert!(echo("copy", schema.clone()).resource("from").is_ok());
    let error = echo("copy", schema).resource("to").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the resource `to` of `copy` is not one of its arguments"
    );
}
