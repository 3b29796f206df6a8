//! The same over a real HTTP conversation, on OpenAI's Chat Completions wire.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use futures_util::future::join_all;
use rig::agent::{Agent, AgentBuilder};
use rig::providers::openai::{OpenAIConfig, Route};
use serde_json::{Value, json};

use crate::desk::Desk;

/// A server that speaks the API. Its model makes one call, and then says what it was told of it.
#[derive(Clone)]
struct Provider {
    call: Value,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Provider {
    fn calling(tool: &str, arguments: &str) -> Self {
        let call = json!({
            "id": "call_1",
            "type": "function",
            "function": { "name": tool, "arguments": arguments },
        });
        Self {
            call,
            requests: Arc::default(),
        }
    }

    async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/v1/chat/completions", post(answer))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    /// An agent whose model this is.
    async fn agent(&self, desk: &Desk) -> Agent {
        // The client wants TLS even where it speaks to loopback.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let openai = OpenAIConfig::new("key")
            .with_route(Route::Chat)
            .with_base_url(self.serve().await)
            .client();
        AgentBuilder::new(openai.completion("gpt-4o"))
            .dynamic_tools(desk.per_run().dynamic_tools())
            .default_max_turns(3)
            .build()
    }
}

async fn answer(State(provider): State<Provider>, Json(request): Json<Value>) -> Json<Value> {
    let last = request["messages"].as_array().unwrap().last().unwrap();
    let answer = if last["role"] == "tool" {
        let said = json!({ "role": "assistant", "content": text_of(&last["content"]) });
        completion(said, "stop")
    } else {
        let calls = [provider.call];
        let called = json!({ "role": "assistant", "content": null, "tool_calls": calls });
        completion(called, "tool_calls")
    };
    provider.requests.lock().unwrap().push(request);
    Json(answer)
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        blocks => blocks[0]["text"].as_str().unwrap().to_owned(),
    }
}

fn completion(message: Value, finish_reason: &str) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
    })
}

/// What the model is told of the call, in the run's second request.
async fn told_of(desk: &Desk, arguments: &str) -> String {
    let provider = Provider::calling("approve_refund", arguments);
    let agent = provider.agent(desk).await;
    let reply = agent
        .prompt("refund please")
        .tool_context(desk.context("ann"))
        .await
        .unwrap();

    let requests = provider.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    let offered = &requests[0]["tools"][0]["function"];
    assert_eq!(offered["name"], "approve_refund");
    assert_eq!(offered["description"], "Refund a customer's order.");
    let told = requests[1]["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(told["tool_call_id"], "call_1");
    let told = text_of(&told["content"]);
    assert_eq!(
        reply.output(),
        told,
        "the run goes on to the model's last word"
    );
    told
}

#[tokio::test]
async fn an_allowed_call_runs() {
    let desk = Desk::open();
    let told = told_of(&desk, r#"{"customer_id": "c", "amount": 42.0}"#).await;
    assert_eq!(told, "Refunded $42.00 to c for ann");
}

#[tokio::test]
async fn a_denied_call_is_told_and_the_run_goes_on() {
    let desk = Desk::open();
    let told = told_of(&desk, r#"{"customer_id": "c", "amount": 5000}"#).await;
    assert!(
        told.starts_with("[BLOCKED] approve_refund: Refunds over $200"),
        "{told}"
    );
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn a_call_that_needs_approval_says_so() {
    let desk = Desk::open();
    let told = told_of(&desk, r#"{"customer_id": "c", "amount": 150}"#).await;
    assert!(told.ends_with("It needs a person's approval."), "{told}");
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn a_soft_refusal_asks_for_other_arguments() {
    let desk = Desk::open();
    let told = told_of(&desk, r#"{"customer_id": "c", "amount": 0}"#).await;
    assert!(
        told.ends_with("Adjust the arguments and try again."),
        "{told}"
    );
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn without_an_engine_nothing_runs() {
    let desk = Desk::without_engine();
    let told = told_of(&desk, r#"{"customer_id": "c", "amount": 42}"#).await;
    assert!(told.ends_with("The policy could not be checked."), "{told}");
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn arguments_that_are_no_json_object_reach_no_tool() {
    let desk = Desk::open();
    for arguments in [r#"{"customer_id": "#, "[1]", "\"all\""] {
        let told = told_of(&desk, arguments).await;
        assert!(!told.contains("[BLOCKED]"), "{told}");
    }
    assert_eq!(desk.entries(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_one_agent_at_once_are_each_under_the_session_of_their_own_user() {
    let desk = Desk::open();
    let call = r#"{"customer_id": "c", "amount": 42}"#;
    let agent = Provider::calling("approve_refund", call).agent(&desk).await;
    let users = (0..48).map(|user| {
        let run = agent.prompt("refund please");
        let run = match user % 3 {
            0 => run, // without a session
            _ => run.tool_context(desk.context(&format!("user_{user}"))),
        };
        async move { (user, run.await.unwrap().output()) }
    });
    for (user, told) in join_all(users).await {
        match user % 3 {
            0 => assert!(
                told.starts_with("[BLOCKED] approve_refund: no session"),
                "{told}"
            ),
            _ => assert_eq!(told, format!("Refunded $42.00 to c for user_{user}")),
        }
    }
    assert_eq!(desk.entries().len(), 32);
}
