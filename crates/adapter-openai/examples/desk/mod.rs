//! What both conversations are about: two tools, their policy, and where the model is.

use std::error::Error;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use kitelogik::prelude::*;
use kitelogik_openai::{ChatCall, ChatTools};

use crate::scripted;

pub(crate) const TASK: &str =
    "Customer cust_001 wants $42 back for a late parcel, and $5,000 for the annoyance. See to it.";

/// Look a customer up.
#[governed]
async fn get_customer(
    /// The customer's id, e.g. `cust_001`.
    customer_id: String,
) -> String {
    format!("{customer_id}: Ada, customer since 2019")
}

/// Refund a customer's order.
#[governed]
async fn approve_refund(
    /// The customer's id, e.g. `cust_001`.
    customer_id: String,
    /// Amount in US dollars.
    amount: f64,
) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

/// The tools of one conversation.
pub(crate) fn tools() -> Result<ChatTools, Box<dyn Error>> {
    let gate = PolicyGate::new(Embedded::load(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/policies"
    ))?);
    let toolbox = Toolbox::builder()
        .tool(get_customer)
        .tool(approve_refund)
        .build()?;
    let session = gate.session(
        SessionContext::new("example_openai")
            .role("support_agent")
            .scopes(["read_customer", "approve_refund_under_100"]),
    );
    Ok(ChatTools::new(&toolbox.for_session(&session)))
}

/// A client and the model to ask: what `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODEL` say,
/// or else the scripted server.
pub(crate) async fn model() -> Result<(Client<OpenAIConfig>, String), Box<dyn Error>> {
    // One provider of cryptography for the process; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (url, model) = match std::env::var("OPENAI_BASE_URL") {
        Ok(url) => {
            let model = std::env::var("OPENAI_MODEL");
            (url, model.unwrap_or_else(|_| "gpt-4o-mini".to_owned()))
        }
        Err(_) => (scripted::serve().await?, "scripted".to_owned()),
    };
    println!("model {model} at {url}\n");
    let key = std::env::var("OPENAI_API_KEY").unwrap_or_else(|_| "none".to_owned());
    let config = OpenAIConfig::new().with_api_base(url).with_api_key(key);
    Ok((Client::with_config(config), model))
}

/// A call as a line to print.
pub(crate) fn shown(call: &ChatCall) -> String {
    format!("{}({})", call.name(), call.arguments().unwrap_or("…"))
}
