//! A stand-in for the model: a local server that speaks Chat Completions and follows a script.
#![expect(
    clippy::indexing_slicing,
    reason = "reading a member that JSON lacks gives null"
)]

use std::fmt::Write;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// Starts it on a free port of this machine, and gives its base URL.
pub(crate) async fn serve() -> std::io::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    let router = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

/// What the model says after as many answers as the conversation has of it already.
async fn answer(Json(request): Json<Value>) -> Response {
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let turns = messages
        .iter()
        .filter(|message| message["role"] == "assistant")
        .count();
    let last_read = messages
        .last()
        .and_then(|message| message["content"].as_str());
    let refund = |amount: f64| json!({ "customer_id": "cust_001", "amount": amount });
    let message = match turns {
        0 => asks(&[
            ("get_customer", json!({ "customer_id": "cust_001" })),
            ("approve_refund", refund(42.0)),
        ]),
        1 => asks(&[("approve_refund", refund(5000.0))]),
        _ => json!({
            "role": "assistant",
            "content": format!(
                "The $42 are on their way. The $5,000 are not: {}",
                last_read.unwrap_or("nobody told me why.")
            ),
        }),
    };
    let finish_reason = if turns < 2 { "tool_calls" } else { "stop" };
    if request["stream"] == true {
        return streamed(&message, finish_reason);
    }
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish_reason });
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [choice],
    });
    Json(answer).into_response()
}

fn asks(calls: &[(&str, Value)]) -> Value {
    let call = |(number, (name, arguments)): (usize, &(&str, Value))| {
        json!({
            "id": format!("call_{name}_{number}"),
            "type": "function",
            "function": { "name": name, "arguments": arguments.to_string() },
        })
    };
    let calls: Vec<Value> = calls.iter().enumerate().map(call).collect();
    json!({ "role": "assistant", "content": null, "tool_calls": calls })
}

/// The message in pieces, as the API sends it: a few characters at a time.
fn streamed(message: &Value, finish_reason: &str) -> Response {
    let mut deltas = vec![json!({ "role": "assistant" })];
    for piece in pieces(&message["content"]) {
        deltas.push(json!({ "content": piece }));
    }
    let calls = message["tool_calls"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for (index, call) in calls.iter().enumerate() {
        deltas.push(json!({ "tool_calls": [{
            "index": index, "id": call["id"], "type": "function",
            "function": { "name": call["function"]["name"], "arguments": "" },
        }] }));
        for piece in pieces(&call["function"]["arguments"]) {
            let function = json!({ "arguments": piece });
            deltas.push(json!({ "tool_calls": [{ "index": index, "function": function }] }));
        }
    }
    let chunk = |delta: &Value, finish_reason: Option<&str>| {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": "scripted",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
        })
    };
    let mut chunks: Vec<Value> = deltas.iter().map(|delta| chunk(delta, None)).collect();
    chunks.push(chunk(&json!({}), Some(finish_reason)));
    let mut body = String::new();
    for chunk in chunks {
        // Writing to memory cannot fail.
        let _ = write!(body, "data: {chunk}\n\n");
    }
    body.push_str("data: [DONE]\n\n");
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn pieces(text: &Value) -> Vec<String> {
    let characters: Vec<char> = text.as_str().unwrap_or_default().chars().collect();
    characters
        .chunks(8)
        .map(|piece| piece.iter().collect())
        .collect()
}
