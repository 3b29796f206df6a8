//! A server that speaks the API's wire, and a client of async-openai that talks to it.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What the server says next.
pub(crate) enum Reply {
    Whole(Value),
    /// Server-sent events, ended as the API ends them.
    Stream(Vec<Value>),
}

#[derive(Clone)]
pub(crate) struct Api {
    address: String,
    script: Script,
}

#[derive(Clone, Default)]
struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Api {
    /// A server that gives these replies, one after the other, to whoever asks.
    pub(crate) async fn serve(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Script {
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            ..Script::default()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, script }
    }

    pub(crate) fn client(&self) -> Client<OpenAIConfig> {
        // The client wants TLS even where it speaks to loopback.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = OpenAIConfig::new()
            .with_api_key("none")
            .with_api_base(&self.address);
        Client::with_config(config)
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.script.requests.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Script>, Json(request): Json<Value>) -> Response {
    script.requests.lock().unwrap().push(request);
    let reply = script.replies.lock().unwrap().pop_front().unwrap();
    match reply {
        Reply::Whole(body) => Json(body).into_response(),
        Reply::Stream(events) => {
            let mut body = String::new();
            for event in events {
                if let Some(kind) = event.get("type").and_then(Value::as_str) {
                    writeln!(body, "event: {kind}").unwrap();
                }
                write!(body, "data: {event}\n\n").unwrap();
            }
            body.push_str("data: [DONE]\n\n");
            ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
        }
    }
}

/// A tool call of Chat Completions.
pub(crate) fn chat_call(id: &str, name: &str, arguments: &Value) -> Value {
    json!({
        "id": id,
        "type": "function",
        "function": { "name": name, "arguments": arguments.to_string() },
    })
}

/// An answer of Chat Completions.
pub(crate) fn chat_answer(message: Value, finish_reason: &str) -> Value {
    let mut message = message;
    message["role"] = json!("assistant");
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
    })
}

/// A chunk of a streamed answer.
pub(crate) fn chat_chunk(delta: Value, finish_reason: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
    })
}

/// A streamed answer with one call, its arguments in small pieces.
pub(crate) fn chat_stream(id: &str, name: &str, arguments: &Value) -> Vec<Value> {
    let call = |call: Value| chat_chunk(json!({ "tool_calls": [call] }), None);
    let mut chunks = vec![
        chat_chunk(json!({ "role": "assistant", "content": null }), None),
        call(json!({
            "index": 0, "id": id, "type": "function",
            "function": { "name": name, "arguments": "" },
        })),
    ];
    let text = arguments.to_string();
    let pieces = text
        .as_bytes()
        .chunks(3)
        .map(|piece| std::str::from_utf8(piece).unwrap());
    chunks.extend(
        pieces.map(|piece| call(json!({ "index": 0, "function": { "arguments": piece } }))),
    );
    chunks.push(chat_chunk(json!({}), Some("tool_calls")));
    chunks
}

/// A function call of Responses.
pub(crate) fn function_call(call_id: &str, name: &str, arguments: &str) -> Value {
    json!({
        "type": "function_call", "id": format!("fc_{call_id}"), "call_id": call_id, "name": name,
        "arguments": arguments, "status": "completed",
    })
}

/// A message of Responses.
pub(crate) fn said(text: &str) -> Value {
    json!({
        "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }],
    })
}

/// A response of Responses.
pub(crate) fn response(output: Value, status: &str) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m",
        "status": status, "output": output,
    })
}

/// A streamed response with one call, its arguments in small pieces.
pub(crate) fn response_stream(call_id: &str, name: &str, arguments: &Value) -> Vec<Value> {
    let text = arguments.to_string();
    let done = function_call(call_id, name, &text);
    let item_id = &done["id"];
    let mut begun = function_call(call_id, name, "");
    begun["status"] = json!("in_progress");
    let mut events = vec![
        json!({ "type": "response.created", "response": response(json!([]), "in_progress") }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": begun }),
    ];
    let pieces = text
        .as_bytes()
        .chunks(3)
        .map(|piece| std::str::from_utf8(piece).unwrap());
    events.extend(pieces.map(|piece| {
        json!({
            "type": "response.function_call_arguments.delta",
            "item_id": item_id, "output_index": 0, "delta": piece,
        })
    }));
    events.push(json!({
        "type": "response.function_call_arguments.done",
        "item_id": item_id, "output_index": 0, "name": name, "arguments": text,
    }));
    events.push(json!({ "type": "response.output_item.done", "output_index": 0, "item": done }));
    events.push(json!({
        "type": "response.completed", "response": response(json!([done]), "completed"),
    }));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}
