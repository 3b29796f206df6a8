//! An agent that handles personal data.

use kitelogik::prelude::*;

/// Look a customer up.
#[governed]
async fn get_customer(customer_id: String) -> String {
    format!("{customer_id}: Ada, customer since 2019")
}

/// Post a message to a channel.
#[governed]
async fn post_message(channel: String, text: String) -> String {
    format!("posted to {channel}: {text}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = PolicyGate::new(Embedded::load("policies")?);
    let session = gate.session(
        SessionContext::new("first_session")
            .role("support_agent")
            .scopes(["handle_pii"]),
    );
    let tools = Toolbox::builder()
        .tool(get_customer)
        .tool(post_message)
        .build()?;
    let tools = tools.for_session(&session);

    // What a model asks for. With a real one, these are the tool calls of its answer, and what is printed here goes back
    // to it.
    let calls = [
        ("get_customer", r#"{"customer_id": "cust_001"}"#),
        (
            "post_message",
            r#"{"channel": "support", "text": "the parcel has arrived"}"#,
        ),
        (
            "post_message",
            r#"{"channel": "support", "text": "write to ada@example.org"}"#,
        ),
        (
            "post_message",
            r#"{"channel": "support", "text": "her number is 078-05-1120"}"#,
        ),
    ];
    for (name, arguments) in calls {
        match tools.call_json(name, arguments).await {
            Ok(output) => println!("{}", output.text),
            Err(error) => println!("{}", error.model_text()),
        }
    }
    Ok(())
}
