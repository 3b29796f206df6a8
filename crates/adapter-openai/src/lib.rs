//! Governed tools for OpenAI function calling, and for whoever speaks its API.
//!
//! [`ChatTools`] (Chat Completions) and [`ResponsesTools`] (Responses) are a session's
//! [`GovernedToolbox`](kitelogik_toolbox::GovernedToolbox) in the types of `async-openai`: `tools`
//! gives the definitions to send, `execute` and `execute_all` turn the model's calls into the
//! messages that answer them. Each call is put to the gate first. One that is not let through is
//! answered with `[BLOCKED] …`, which the model can read, so its loop goes on.
//!
//! ```
//! use async_openai::types::chat::ChatCompletionRequestMessage;
//! use kitelogik::prelude::*;
//! use kitelogik_openai::{ChatCall, ChatTools};
//! use serde_json::{Value, json};
//!
//! /// Refund a customer's order.
//! #[governed]
//! async fn approve_refund(customer_id: String, amount: f64) -> String {
//!     format!("Refunded ${amount:.2} to {customer_id}")
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = r#"
//!     package kitelogik.userpolicy
//!     import rego.v1
//!     allow if { input.action == "approve_refund"; is_number(input.args.amount); input.args.amount <= 100 }
//!     deny contains "Refunds over $100 need a manager" if input.args.amount > 100
//! "#;
//! let gate = PolicyGate::new(Embedded::new(Policy::builder().rego("refunds.rego", policy).build()?)?);
//! let session = gate.session(SessionContext::new("example_01").role("support_agent"));
//!
//! // Built once …
//! let toolbox = Toolbox::builder().tool(approve_refund).build()?;
//! // … and bound to a session for each conversation.
//! let tools = ChatTools::new(&toolbox.for_session(&session));
//!
//! let request_tools = tools.tools(); // for `CreateChatCompletionRequest::tools`
//! # assert_eq!(request_tools.len(), 1);
//! # let asked = |id: &str, amount: f64| json!({
//! #     "id": id, "type": "function", "function": {
//! #         "name": "approve_refund",
//! #         "arguments": json!({ "customer_id": "cust_001", "amount": amount }).to_string(),
//! #     },
//! # });
//! # let response = json!({ "choices": [{ "finish_reason": "tool_calls", "message": {
//! #     "role": "assistant", "tool_calls": [asked("call_1", 42.0), asked("call_2", 5000.0)],
//! # } }] });
//!
//! // `response`: what the API answered; here the model asks to refund 42 and 5000 dollars.
//! let answers = tools.execute_all(ChatCall::in_json(&response)).await;
//!
//! let texts: Vec<Value> = serde_json::to_value(&answers)?
//!     .as_array().unwrap().iter().map(|answer| answer["content"].clone()).collect();
//! assert_eq!(texts[0], "Refunded $42.00 to cust_001");
//! assert_eq!(
//!     texts[1],
//!     "[BLOCKED] approve_refund: Refunds over $100 need a manager. This is final; do not retry.",
//! );
//! # let _: Vec<ChatCompletionRequestMessage> = answers;
//! # Ok(())
//! # }
//! ```
//!
//! # What a call may be
//!
//! * async-openai's types: [`ChatCall::in_response`] and [`ResponsesCall::in_response`] find all of
//!   an answer; `execute` takes a single one of its call types too.
//! * Raw JSON: [`ChatCall::in_json`] and [`ResponsesCall::in_json`], for other clients, and because
//!   one call of a custom tool makes async-openai refuse to read the whole answer.
//! * What a stream brings in pieces: [`ChatGatherer`] and [`ResponsesGatherer`]. Only complete
//!   arguments are judged.
//!
//! # What the model reads
//!
//! There is one answer for each call, in the order of the calls, whatever happens to the others.
//!
//! | the call | its answer |
//! |---|---|
//! | ran | the result: text as it is, anything else as JSON; sanitised |
//! | was not let through | `[BLOCKED] …`, or what [`ChatTools::blocked_text`] makes of the decision |
//! | names no tool, has other arguments than the tool takes, failed or panicked | `Error: …` |
//! | was cut off, is one of a custom tool, or is no call at all | `Error: …; it did not run` |
//!
//! # Only the types
//!
//! This crate has no HTTP client and brings none: it uses async-openai's types alone. Use its
//! client, by switching on its features, or any other. async-openai's feature `byot` must stay off
//! in the whole build where its typed streams are used: it makes them wait for the end, silently.
//!
//! Its examples `openai_loop` and `openai_streaming` are whole conversations over HTTP.

mod call;
mod chat;
mod execute;
mod reply;
mod responses;

pub use chat::{ChatCall, ChatGatherer, ChatTools, GatheredChat};
pub use execute::DEFAULT_CONCURRENCY;
pub use responses::{ResponsesCall, ResponsesGatherer, ResponsesTools};
