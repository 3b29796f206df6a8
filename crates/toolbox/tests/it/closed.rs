use std::collections::HashMap;

use kitelogik_toolbox::ToolError;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answers::Answers;
use crate::catalogue::{Folder, Order, Transfer, typed};

/// Whether a tool with these arguments takes `arguments`.
async fn takes<A>(arguments: &Value) -> bool
where
    A: Serialize + DeserializeOwned + JsonSchema + Send + 'static,
{
    let tools = Answers::default().judging([typed::<A>("tool", "")]);
    match tools.call("tool", arguments.clone()).await {
        Ok(_) => true,
        Err(ToolError::InvalidArguments(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

/// `arguments` is taken; with one more property in any of its objects it is not.
async fn is_closed<A>(arguments: Value)
where
    A: Serialize + DeserializeOwned + JsonSchema + Send + 'static,
{
    assert!(takes::<A>(&arguments).await, "{arguments}");
    let mut pointers = Vec::new();
    objects(&arguments, String::new(), &mut pointers);
    for pointer in pointers {
        let mut more = arguments.clone();
        more.pointer_mut(&pointer).unwrap()["undeclared"] = json!(1);
        assert!(!takes::<A>(&more).await, "{more}");
    }
}

fn objects(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                objects(value, format!("{pointer}/{name}"), found);
            }
            found.push(pointer);
        }
        Value::Array(items) => {
            for (position, value) in items.iter().enumerate() {
                objects(value, format!("{pointer}/{position}"), found);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn structs_in_structs_lists_and_options() {
    is_closed::<Order>(json!({
        "customer": { "id": "c_1", "address": { "street": "s", "country": "NO" } },
        "lines": [{ "sku": "a" }, { "sku": "b", "count": 2 }],
        "payment": { "kind": "card", "number": "1" },
        "gift": { "Wrapped": { "card": "hi" } },
    }))
    .await;
}

#[tokio::test]
async fn forms_of_enums() {
    for payment in [
        json!({ "kind": "card", "number": "1", "save": true }),
        json!({ "kind": "invoice", "days": 3 }),
        json!({ "kind": "cash" }),
    ] {
        is_closed::<Order>(json!({
            "customer": { "id": "c_1" }, "lines": [{ "sku": "a" }], "payment": payment,
        }))
        .await;
    }
    // What another form has is undeclared in this one.
    let mixed = json!({
        "customer": { "id": "c_1" }, "lines": [{ "sku": "a" }],
        "payment": { "kind": "cash", "number": "1" },
    });
    assert!(!takes::<Order>(&mixed).await);
}

#[tokio::test]
async fn references_to_itself() {
    is_closed::<Folder>(json!({
        "name": "a", "folders": [{ "name": "b", "folders": [{ "name": "c" }] }],
    }))
    .await;
}

#[tokio::test]
async fn flattened_structs_and_enums() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Page {
        #[serde(flatten)]
        range: Range,
        #[serde(flatten)]
        order: Sorted,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Range {
        from: u8,
        to: Option<u8>,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(untagged)]
    enum Sorted {
        By { column: String, nested: Range },
        Not { unsorted: bool },
    }
    is_closed::<Page>(json!({ "from": 1, "to": 2, "column": "a", "nested": { "from": 1 } })).await;
    is_closed::<Page>(json!({ "from": 1, "unsorted": true })).await;
    is_closed::<Transfer>(json!({ "amount": 1, "kind": "card", "number": "1" })).await;
}

#[tokio::test]
async fn two_flattened_choices_close_as_a_whole() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Both {
        #[serde(flatten)]
        one: One,
        #[serde(flatten)]
        two: Two,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(tag = "one")]
    enum One {
        A { a: u8 },
        B { b: u8 },
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(tag = "two")]
    enum Two {
        C { c: u8 },
        D { d: u8 },
    }
    is_closed::<Both>(json!({ "one": "A", "a": 1, "two": "D", "d": 1 })).await;
    assert!(!takes::<Both>(&json!({ "one": "A", "a": 1, "b": 1, "two": "D", "d": 1 })).await);

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Within {
        both: Both,
    }
    is_closed::<Within>(json!({ "both": { "one": "B", "b": 1, "two": "C", "c": 1 } })).await;
}

#[tokio::test]
async fn values_of_maps_are_closed_and_maps_stay_open() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Places {
        places: HashMap<String, Place>,
        #[serde(flatten)]
        rest: HashMap<String, u8>,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Place {
        x: u8,
    }
    let arguments = json!({ "places": { "a": { "x": 1 }, "b": { "x": 2 } }, "more": 1 });
    assert!(takes::<Places>(&arguments).await);
    assert!(!takes::<Places>(&json!({ "places": { "a": { "x": 1, "y": 1 } } })).await);
    assert!(!takes::<Places>(&json!({ "places": {}, "more": "text" })).await);
}
