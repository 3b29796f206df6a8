//! An agent with the tools of its role.

use kitelogik::prelude::*;

/// Look a customer up.
#[governed]
async fn get_customer(customer_id: String) -> String {
    format!("{customer_id}: Ada, customer since 2019")
}

/// Refund a customer's order. The amount is in US dollars.
#[governed]
async fn approve_refund(customer_id: String, amount: f64) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

/// Send a customer a notification.
#[governed]
async fn send_notification(customer_id: String, text: String) -> String {
    format!("told {customer_id}: {text}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = PolicyGate::new(Embedded::load("policies")?);
    let session = gate.session(SessionContext::new("first_session").role("billing_agent"));
    let tools = Toolbox::builder()
        .tool(get_customer)
        .tool(approve_refund)
        .tool(send_notification)
        .build()?;
    let tools = tools.for_session(&session);

    // What a model asks for. With a real one, these are the tool calls of its answer, and what is printed here goes back
    // to it.
    let calls = [
        ("get_customer", r#"{"customer_id": "cust_001"}"#),
        (
            "approve_refund",
            r#"{"customer_id": "cust_001", "amount": 42}"#,
        ),
        (
            "send_notification",
            r#"{"customer_id": "cust_001", "text": "hello"}"#,
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
