//! Calls in raw JSON, as servers send them and as they should not.

use async_openai::types::chat::CreateChatCompletionResponse;
use kitelogik_openai::{ChatCall, ChatTools, ResponsesCall, ResponsesTools};
use serde_json::{Value, json};

use crate::api::{chat_answer, chat_call, function_call, response};
use crate::desk::{Desk, REFUNDED, refund};

const CUSTOM: &str =
    "Error: only functions with JSON arguments can be called, no custom tools; it did not run";
const CUT: &str = "Error: the call was cut off before it was complete; it did not run";

fn refund_call(id: &str) -> Value {
    let (name, arguments) = refund(42.0);
    chat_call(id, name, &arguments)
}

fn custom_call(id: &str) -> Value {
    json!({ "id": id, "type": "custom", "custom": { "name": "approve_refund", "input": "42" } })
}

async fn chat(desk: &Desk, calls: Vec<ChatCall>) -> Vec<Value> {
    let messages = ChatTools::new(&desk.governed()).execute_all(calls).await;
    messages
        .iter()
        .map(|message| json!(message)["content"].clone())
        .collect()
}

async fn responses(desk: &Desk, calls: Vec<ResponsesCall>) -> Vec<Value> {
    let items = ResponsesTools::new(&desk.governed())
        .execute_all(calls)
        .await;
    items.iter().map(|item| json!(item)).collect()
}

#[tokio::test]
async fn a_custom_tools_call_loses_no_other() {
    let calls = json!({ "tool_calls": [custom_call("a"), refund_call("b")] });
    let answer = chat_answer(calls, "tool_calls");
    // The reason why raw JSON is taken at all.
    assert!(serde_json::from_value::<CreateChatCompletionResponse>(answer.clone()).is_err());
    let desk = Desk::default();
    assert_eq!(
        chat(&desk, ChatCall::in_json(&answer)).await,
        [CUSTOM, REFUNDED]
    );
    let message = &answer["choices"][0]["message"];
    assert_eq!(
        chat(&desk, ChatCall::in_json(message)).await,
        [CUSTOM, REFUNDED]
    );
    assert_eq!(desk.refunds(), 2);
}

#[tokio::test]
async fn a_custom_tools_call_in_responses_gets_an_output_of_its_own_type() {
    let (name, arguments) = refund(42.0);
    let output = json!([
        { "type": "custom_tool_call", "id": "ctc", "call_id": "a", "name": name, "input": "42" },
        { "type": "reasoning", "id": "rs", "summary": [] },
        function_call("b", name, &arguments.to_string()),
    ]);
    let answer = response(output, "completed");
    let desk = Desk::default();
    let wanted = [
        json!({ "type": "custom_tool_call_output", "call_id": "a", "output": CUSTOM }),
        json!({ "type": "function_call_output", "call_id": "b", "output": REFUNDED }),
    ];
    assert_eq!(
        responses(&desk, ResponsesCall::in_json(&answer)).await,
        wanted
    );
    let typed = serde_json::from_value(answer).unwrap();
    assert_eq!(
        responses(&desk, ResponsesCall::in_response(&typed)).await,
        wanted
    );
}

#[tokio::test]
async fn no_call_of_an_answer_that_was_cut_off_runs() {
    let desk = Desk::default();
    for reason in ["length", "content_filter"] {
        let answer = chat_answer(json!({ "tool_calls": [refund_call("a")] }), reason);
        assert_eq!(chat(&desk, ChatCall::in_json(&answer)).await, [CUT]);
        let typed = serde_json::from_value(answer).unwrap();
        assert_eq!(chat(&desk, ChatCall::in_response(&typed)).await, [CUT]);
    }
    let unknown = chat_answer(json!({ "tool_calls": [refund_call("a")] }), "who_knows");
    assert_eq!(chat(&desk, ChatCall::in_json(&unknown)).await, [CUT]);

    let (name, arguments) = refund(42.0);
    for status in ["incomplete", "failed", "in_progress", "cancelled"] {
        let output = json!([function_call("a", name, &arguments.to_string())]);
        let answer = response(output, status);
        assert_eq!(
            responses(&desk, ResponsesCall::in_json(&answer)).await[0]["output"],
            CUT
        );
        let typed = serde_json::from_value(answer).unwrap();
        assert_eq!(
            responses(&desk, ResponsesCall::in_response(&typed)).await[0]["output"],
            CUT
        );
    }
    let mut call = function_call("a", name, &arguments.to_string());
    call["status"] = json!("incomplete");
    let answer = response(json!([call]), "completed");
    assert_eq!(
        responses(&desk, ResponsesCall::in_json(&answer)).await[0]["output"],
        CUT
    );
    assert_eq!(desk.refunds(), 0);
}

#[tokio::test]
async fn arguments_may_be_an_object_already() {
    let (name, arguments) = refund(42.0);
    let call = json!({ "id": "a", "function": { "name": name, "arguments": arguments } });
    let desk = Desk::default();
    assert_eq!(chat(&desk, vec![call.into()]).await, [REFUNDED]);
}

#[tokio::test]
async fn what_is_no_call_is_answered_and_never_runs() {
    let (name, arguments) = refund(42.0);
    let text = arguments.to_string();
    let desk = Desk::default();
    for call in [
        json!({}),
        json!(null),
        json!([1]),
        json!({ "id": "a" }),
        json!({ "id": "a", "type": "function" }),
        json!({ "id": "a", "type": "function", "function": { "name": name } }),
        json!({ "id": "a", "type": "function", "function": { "name": name, "arguments": [text] } }),
        json!({ "id": "a", "type": "other", "function": { "name": name, "arguments": text } }),
        json!({ "type": "function", "function": { "name": name, "arguments": text } }),
        json!({ "id": 7, "type": "function", "function": { "name": name, "arguments": text } }),
    ] {
        let answer = chat(&desk, vec![ChatCall::from(&call)]).await;
        assert!(
            answer[0]
                .as_str()
                .unwrap()
                .starts_with("Error: this is no function call"),
            "{call}"
        );
    }
    for item in [
        json!({}),
        json!({ "type": "function_call", "call_id": "a", "name": name }),
        json!({ "type": "message", "call_id": "a", "name": name, "arguments": text }),
        json!({ "type": "function_call", "name": name, "arguments": text }),
    ] {
        let answer = responses(&desk, vec![ResponsesCall::from(&item)]).await;
        let output = answer[0]["output"].as_str().unwrap();
        assert!(
            output.starts_with("Error: this is no function call"),
            "{item}"
        );
    }
    assert_eq!(desk.refunds(), 0);
}

#[test]
fn an_answer_without_calls_has_none() {
    for answer in [
        chat_answer(json!({ "content": "hello" }), "stop"),
        json!({ "choices": [] }),
        json!({ "error": { "message": "overloaded" } }),
        json!("text"),
    ] {
        assert!(ChatCall::in_json(&answer).is_empty());
        assert!(ResponsesCall::in_json(&answer).is_empty());
    }
}
