use std::io;

use kitelogik_toolbox::{InvalidArguments, MAX_ARGUMENT_BYTES, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answers::{Answers, echo};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Refund {
    customer: Customer,
    amount: f64,
    #[serde(default)]
    lines: Vec<u8>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Customer {
    id: String,
}

fn refund() -> Tool {
    Tool::typed("refund", "", |refund: Refund| async move {
        Ok::<_, io::Error>(refund.amount)
    })
    .unwrap()
}

/// What is wrong with these arguments. Neither policy nor body hears of them.
async fn refused(tool: Tool, arguments: &str) -> InvalidArguments {
    let name = tool.name().to_owned();
    let engine = Answers::default();
    let error = engine
        .judging([tool])
        .call_json(&name, arguments)
        .await
        .unwrap_err();
    assert!(!error.model_text().starts_with("[BLOCKED]"));
    assert!(engine.asked().is_empty(), "the policy was asked");
    match error {
        ToolError::InvalidArguments(error) => error,
        other => panic!("{other}"),
    }
}

async fn told(arguments: &str) -> String {
    refused(refund(), arguments).await.to_string()
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_place_and_expectation() {
    assert_eq!(
        told(r#"{"customer": {"id": 7}, "amount": 1}"#).await,
        "invalid arguments for `refund`: at `$.customer.id`: expected string, came the number `7`"
    );
    assert_eq!(
        told(r#"{"customer": {}, "amount": 1}"#).await,
        "invalid arguments for `refund`: at `$.customer.id`: expected a value: it is required, \
         came nothing"
    );
    assert_eq!(
        told(r#"{"customer": {"id": "a"}, "amount": 1, "lines": [1, 300]}"#).await,
        "invalid arguments for `refund`: at `$.lines[1]`: expected at most 255, came the number \
         `300`"
    );
}

#[tokio::test]
async fn all_that_does_not_fit_is_told_up_to_ten() {
    let error = refused(refund(), r#"{"customer": 1, "amount": "x"}"#).await;
    assert_eq!(error.problems.len(), 2);
    let many = format!(
        r#"{{"customer":{{"id":"a"}},"amount":1,"lines":{}}}"#,
        json!(vec!["x"; 99])
    );
    assert_eq!(refused(refund(), &many).await.problems.len(), 10);
}

#[tokio::test]
async fn an_argument_nobody_declared_is_refused_at_every_depth() {
    for arguments in [
        r#"{"customer": {"id": "a"}, "amount": 1, "approved": true}"#,
        r#"{"customer": {"id": "a", "vip": true}, "amount": 1}"#,
    ] {
        let text = told(arguments).await;
        assert!(
            text.contains("no other arguments than the declared ones"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn duplicate_keys_are_refused_at_every_depth() {
    for arguments in [
        r#"{"customer": {"id": "a"}, "amount": 1, "amount": 9000}"#,
        r#"{"customer": {"id": "a", "id": "b"}, "amount": 1}"#,
        r#"{"customer": {"id": "a", "\u0069d": "b"}, "amount": 1}"#,
    ] {
        let text = told(arguments).await;
        assert!(
            text.contains("one JSON object without duplicate keys"),
            "{text}"
        );
    }
    let open = echo("echo", json!({ "type": "object" }));
    refused(open, r#"{"list": [[{"deep": {"a": 1, "a": 2}}]]}"#).await;
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    for arguments in [
        "[]",
        "null",
        "\"{}\"",
        "1",
        "{",
        "{} {}",
        "{'a': 1}",
        "{\"a\": NaN}",
    ] {
        refused(echo("echo", json!({ "type": "object" })), arguments).await;
    }
}

#[tokio::test]
async fn arguments_that_are_too_long_are_refused() {
    let open = || echo("echo", json!({ "type": "object" }));
    let padding = "x".repeat(MAX_ARGUMENT_BYTES);
    let error = refused(open(), &json!({ "a": padding }).to_string()).await;
    assert!(
        error.to_string().contains("at most 262144 bytes"),
        "{error}"
    );
    let tools = Answers::default().judging([open()]);
    let error = tools
        .call("echo", json!({ "a": padding }))
        .await
        .unwrap_err();
    assert!(matches!(error, ToolError::InvalidArguments(_)), "{error}");
}

#[tokio::test]
async fn arguments_that_nest_too_deeply_are_refused() {
    let open = || echo("echo", json!({ "type": "object" }));
    let nested = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([value]));
    let tools = Answers::default().judging([open()]);
    assert!(tools.call("echo", json!({ "a": nested(63) })).await.is_ok());
    for levels in [64, 120] {
        let arguments = json!({ "a": nested(levels) });
        refused(open(), &arguments.to_string()).await;
        let error = tools.call("echo", arguments).await.unwrap_err();
        assert!(matches!(error, ToolError::InvalidArguments(_)), "{error}");
    }
}

#[tokio::test]
async fn an_integral_float_within_2_to_the_53_is_an_integer() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Count {
        count: i64,
    }
    let engine = Answers::default();
    let tools = engine.judging([Tool::typed("count", "", |args: Count| async move {
        Ok::<_, io::Error>(args.count)
    })
    .unwrap()]);
    for (written, meant) in [
        ("42.0", 42_i64),
        ("-0.0", 0),
        ("4.2e1", 42),
        ("9007199254740992.0", 9_007_199_254_740_992),
        ("-9007199254740992.0", -9_007_199_254_740_992),
    ] {
        let output = tools
            .call_json("count", &format!(r#"{{"count": {written}}}"#))
            .await
            .unwrap();
        assert_eq!(output.value, json!(meant), "{written}");
        assert_eq!(
            engine.asked().last().unwrap()["args"],
            json!({ "count": meant })
        );
    }
    for written in ["9007199254740994.0", "1e300", "0.5", "1e999", "\"42\""] {
        let result = tools
            .call_json("count", &format!(r#"{{"count": {written}}}"#))
            .await;
        assert!(
            matches!(result, Err(ToolError::InvalidArguments(_))),
            "{written}"
        );
    }
}

#[tokio::test]
async fn what_came_is_cut_and_kept_on_one_line() {
    let long = format!("a\n\u{202e}{}", "x".repeat(5_000));
    let error = refused(
        refund(),
        &json!({ "customer": long, "amount": 1 }).to_string(),
    )
    .await;
    let text = error.to_string();
    assert!(
        text.chars().count() < 250 && !text.contains(['\n', '\u{202e}']),
        "{text}"
    );
    let error = refused(refund(), &json!({ long: 1 }).to_string()).await;
    assert!(error.to_string().chars().count() < 500, "{error}");
}

#[tokio::test]
async fn the_same_holds_for_arguments_that_are_json_already() {
    let tools = Answers::default().judging([refund()]);
    for arguments in [
        Value::Null,
        json!([]),
        json!({ "customer": { "id": "a" } }),
        json!({ "customer": { "id": "a" }, "amount": 1, "lines": ["x"] }),
    ] {
        let result = tools.call("refund", arguments).await;
        assert!(matches!(result, Err(ToolError::InvalidArguments(_))));
    }
}

#[tokio::test]
async fn a_reference_with_an_escaped_name_is_followed() {
    let schema = json!({
        "type": "object",
        "properties": { "a": { "$ref": "#/$defs/a%20b" } },
        "$defs": { "a b": { "type": "object", "properties": { "n": { "type": "integer" } } } },
    });
    let tools = Answers::default().judging([echo("echo", schema)]);
    let output = tools
        .call("echo", json!({ "a": { "n": null } }))
        .await
        .unwrap();
    assert_eq!(output.value, json!({ "a": {} }));
}
