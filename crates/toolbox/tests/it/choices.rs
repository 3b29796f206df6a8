//! Choices whose forms lead back to the choice: the work of checking and decoding them could double
//! with every level. That each of these ends is the proof.

use std::io;

use kitelogik_toolbox::{Tool, ToolError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answers::{Answers, echo};

const DEEPEST: usize = 60;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Overlapping {
    A {
        x: Box<Overlapping>,
        #[serde(skip_serializing_if = "Option::is_none")]
        k: Option<i32>,
    },
    B {
        x: Box<Overlapping>,
        y: i32,
    },
    Leaf(i32),
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Tagged {
    And { left: Box<Tagged> },
    Or { left: Box<Tagged> },
    Leaf { value: i32 },
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Named {
    And(Box<Named>),
    Or(Box<Named>),
    Leaf(i32),
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree {
    name: String,
    parent: Option<Box<Tree>>,
    #[serde(default)]
    children: Vec<Tree>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct In<T> {
    root: T,
}

/// Calls a tool whose argument `root` is a `T`.
async fn call<T>(root: Value) -> Result<(), String>
where
    T: Serialize + DeserializeOwned + JsonSchema + Send + 'static,
{
    let tool = Tool::typed("tool", "", |_: In<T>| async { Ok::<_, io::Error>(()) }).unwrap();
    said(tool, json!({ "root": root })).await
}

async fn said(tool: Tool, arguments: Value) -> Result<(), String> {
    let tools = Answers::default().judging([tool]);
    match tools.call("tool", arguments).await {
        Ok(_) => Ok(()),
        Err(error @ ToolError::InvalidArguments(_)) => {
            assert!(error.model_text().chars().count() < 600, "{error}");
            Err(error.model_text())
        }
        Err(other) => panic!("{other}"),
    }
}

fn nested(levels: usize, leaf: Value, level: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(leaf, |value, _| level(value))
}

#[tokio::test]
async fn what_fits_no_form_is_refused_at_any_depth() {
    for levels in [1, 6, 18, DEEPEST] {
        let overlapping = nested(levels, json!("x"), |value| json!({ "x": value }));
        call::<Overlapping>(overlapping).await.unwrap_err();
        let tagged = nested(
            levels,
            json!("x"),
            |value| json!({ "kind": "Or", "left": value }),
        );
        call::<Tagged>(tagged).await.unwrap_err();
    }
}

#[tokio::test]
async fn where_it_does_not_fit_is_told_while_that_is_little_to_look_at() {
    let told = |levels| async move {
        let root = nested(levels, json!("x"), |value| json!({ "x": value }));
        call::<Overlapping>(root).await.unwrap_err()
    };
    let text = told(2).await;
    assert!(
        text.contains("at `$.root`: expected one of the forms"),
        "{text}"
    );
    let text = told(DEEPEST).await;
    assert!(text.contains("nest too deeply to say which part"), "{text}");
}

#[tokio::test]
async fn forms_without_a_tag_nest_only_as_deeply_as_they_can_be_decoded() {
    let root = |levels| nested(levels, json!(1), |value| json!({ "x": value, "y": 1 }));
    call::<Overlapping>(root(8)).await.unwrap();
    for levels in [18, DEEPEST] {
        let text = call::<Overlapping>(root(levels)).await.unwrap_err();
        assert!(text.contains("expected fewer levels"), "{text}");
    }
}

#[tokio::test]
async fn forms_with_a_tag_or_a_name_nest_as_deeply_as_everything_else() {
    let leaf = json!({ "kind": "Leaf", "value": 1 });
    let tagged = nested(
        DEEPEST,
        leaf,
        |value| json!({ "kind": "Or", "left": value }),
    );
    call::<Tagged>(tagged).await.unwrap();
    let named = nested(
        DEEPEST,
        json!({ "Leaf": 1 }),
        |value| json!({ "Or": value }),
    );
    call::<Named>(named).await.unwrap();
    let leaf = json!({ "name": "a", "parent": null });
    let tree = nested(
        DEEPEST,
        leaf,
        |value| json!({ "name": "a", "parent": value }),
    );
    call::<Tree>(tree).await.unwrap();
}

#[tokio::test]
async fn a_long_list_is_no_deep_choice() {
    let child = json!({ "name": "a", "parent": { "name": "b" } });
    let tree = json!({ "name": "root", "children": vec![child; 3_000] });
    call::<Tree>(tree).await.unwrap();
}

#[tokio::test]
async fn the_schema_of_a_tool_known_at_run_time_is_checked_at_any_depth() {
    let form = |name: &str| {
        json!({
            "type": "object",
            "properties": { "x": { "$ref": "#/$defs/choice" }, name: { "type": "integer" } },
            "required": ["x"],
            "additionalProperties": false,
        })
    };
    let schema = json!({
        "type": "object",
        "properties": { "root": { "$ref": "#/$defs/choice" } },
        "$defs": { "choice": { "anyOf": [form("k"), form("m"), { "type": "integer" }] } },
    });
    for levels in [1, 18, DEEPEST] {
        let arguments =
            |leaf: Value| json!({ "root": nested(levels, leaf, |v| json!({ "x": v })) });
        let tool = echo("tool", schema.clone());
        said(tool.clone(), arguments(json!(1))).await.unwrap();
        said(tool, arguments(json!("x"))).await.unwrap_err();
    }
}

#[tokio::test]
async fn references_that_multiply_without_a_choice_end_too() {
    let mut schema = json!({
        "type": "object",
        "properties": { "a": { "$ref": "#/$defs/a0" } },
        "$defs": { "a40": { "type": "string" } },
    });
    for level in 0..40 {
        let next = format!("#/$defs/a{}", level + 1);
        schema["$defs"][format!("a{level}")] =
            json!({ "allOf": [{ "$ref": next }, { "$ref": next }] });
    }
    said(echo("tool", schema), json!({ "a": { "b": 1 } }))
        .await
        .unwrap_err();
}
