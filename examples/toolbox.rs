//! Many tools, called by name as a model asks for them.

use std::io;

use kitelogik::prelude::*;
use kitelogik::schemars::JsonSchema;
use kitelogik::serde::{Deserialize, Serialize};
use serde_json::json;

/// Refund a customer's order.
#[governed]
async fn approve_refund(customer_id: String, amount: f64) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

/// The arguments of a closure that is a tool.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde")]
#[schemars(crate = "kitelogik::schemars")]
struct Lookup {
    /// The customer's id.
    customer_id: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let get_customer = Tool::typed(
        "get_customer",
        "Look a customer up.",
        |args: Lookup| async move {
            Ok::<_, io::Error>(json!({ "id": args.customer_id, "name": "Ada" }))
        },
    )?;
    // Known only at run time: a name, a schema, and a handler over JSON.
    let delete_customer = Tool::dynamic(
        "delete_customer",
        "Delete a customer.",
        json!({
            "type": "object",
            "properties": { "customer_id": { "type": "string" } },
            "required": ["customer_id"],
            "additionalProperties": false,
        }),
        |_| async { Ok::<_, io::Error>(json!("deleted")) },
    )?;

    // Built once; a server has one set of tools and thousands of sessions.
    let tools = Toolbox::builder()
        .tool(approve_refund)
        .tool(get_customer)
        .tool(delete_customer)
        .build()?;
    println!("tools: {}", tools.names().collect::<Vec<_>>().join(", "));

    let gate = PolicyGate::new(Embedded::load(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/policies"
    ))?);
    let session = gate.session(
        SessionContext::new("example_03")
            .role("support_agent")
            .scopes(["read_customer", "approve_refund_under_100"]),
    );
    let tools = tools.for_session(&session);

    for (name, arguments) in [
        ("get_customer", r#"{"customer_id": "cust_001"}"#),
        (
            "approve_refund",
            r#"{"customer_id": "cust_001", "amount": 42}"#,
        ),
        (
            "approve_refund",
            r#"{"customer_id": "cust_001", "amount": 5000}"#,
        ),
        (
            "approve_refund",
            r#"{"customer_id": "cust_001", "amount": "lots"}"#,
        ),
        (
            "approve_refund",
            r#"{"customer_id": "cust_001", "amount": 5000, "amount": 5}"#,
        ),
        ("delete_customer", r#"{"customer_id": "cust_001"}"#),
        ("format_disk", "{}"),
    ] {
        match tools.call_json(name, arguments).await {
            Ok(output) => println!("{}", output.text),
            Err(error) => println!("{}", error.model_text()),
        }
    }

    let plan = tools
        .evaluate_plan([
            ("get_customer", json!({ "customer_id": "cust_001" })),
            ("delete_customer", json!({ "customer_id": "cust_001" })),
        ])
        .await?;
    println!("the plan as a whole: {}", plan.verdict());
    Ok(())
}
