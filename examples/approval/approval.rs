//! An agent asks for a refund of $150, waits until a person approves it, and goes on.
//!
//! ```text
//! cargo run --example approval
//! ```
//!
//! in one terminal, and what it prints in another one; or `kitelogik serve`, and a browser. With
//! `-- --auto` somebody else in the program approves, for a machine without a person. `-- --store STORE`
//! says where the ledger is: by default `sqlite:kitelogik.db`, where the program `kitelogik` looks.

use std::process::ExitCode;

use kitelogik::ledger::{Ledger, Reviewer};
use kitelogik::prelude::*;
use kitelogik::{AuditFailure, blocked_text};
use serde_json::{Value, json};

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

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Some((store, auto)) = arguments() else {
        eprintln!("usage: approval [--auto] [--store STORE]");
        return Ok(ExitCode::from(2));
    };
    let ledger = Ledger::open(&store).await?;
    let gate = PolicyGate::builder(Embedded::load(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../policies"
    ))?)
    .audit(ledger.audit(), AuditFailure::Deny)
    .approver(ledger.approvals().waiting())
    .build();
    let session = gate.session(
        SessionContext::new("example_approval")
            .principal("sam@example.com")
            .role("support_agent")
            .scopes(["read_customer", "approve_refund_under_100"]),
    );
    let tools = Toolbox::builder().tool(approve_refund).build()?;

    let people = tokio::spawn(people(ledger.clone(), store, auto));
    agent(&tools.for_session(&session)).await;
    people.abort();
    ledger.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// What a model does, without a model: it asks for a refund, and reads what comes back.
async fn agent(tools: &GovernedToolbox) {
    let mut arguments = json!({"customer_id": "cust_001", "amount": 150.0});
    for _ in 0..3 {
        println!("agent: approve_refund {arguments}");
        match tools
            .call_json("approve_refund", &arguments.to_string())
            .await
        {
            Ok(output) => {
                println!("agent reads: {}", output.text);
                println!("agent: the customer has the money; I go on.");
                return;
            }
            Err(ToolError::Denied(error)) => {
                let text = blocked_text(&error);
                println!("agent reads: {text}");
                // A reviewer may want other arguments; a model reads them in the text.
                match wanted(&text) {
                    Some(others) => arguments = others,
                    None if text.contains("(request ") => {
                        println!("agent: I ask again.");
                    }
                    None => return,
                }
            }
            Err(error) => {
                println!("agent reads: {error}");
                return;
            }
        }
    }
}

/// The arguments that a reviewer asks for.
fn wanted(text: &str) -> Option<Value> {
    let (_, rest) = text.split_once("other arguments: ")?;
    let (arguments, _) = rest.rsplit_once("}.")?;
    serde_json::from_str(&format!("{arguments}}}")).ok()
}

/// Tells a person how to decide, for each request that comes; and, if told so, is that person.
async fn people(ledger: Ledger, store: String, auto: bool) {
    // Not the one whom the session acts for: nobody approves their own call.
    let ann = Reviewer::new("ann@example.com");
    let mut requests = ledger.approvals().watch(&ann);
    let mut told = None;
    while let Ok(request) = requests.next().await {
        let id = &request.id;
        // It is told again that the request is there when the agent begins to wait.
        if told.replace((id.clone(), request.state)) == Some((id.clone(), request.state)) {
            continue;
        }
        println!(
            "{id}: {} ({}, {} by {})",
            request.state,
            request.reason,
            request.tool,
            request.principal.as_deref().unwrap_or(&request.session),
        );
        if request.decided_at.is_some() {
            continue;
        }
        println!("  approve it in another terminal:");
        println!(
            "    cargo run -p kitelogik-cli -- approvals approve {id} --store {store} --as ann@example.com"
        );
        println!("  or on a page:");
        println!("    cargo run -p kitelogik-cli -- serve --store {store}");
        if auto {
            println!("  or, as `--auto` says, ann@example.com does it here");
            // As another process would: by a handle of its own.
            let Ok(elsewhere) = Ledger::open(&store).await else {
                return;
            };
            let approved = elsewhere.approvals().approve(id, &ann, "as agreed").await;
            if let Err(error) = approved {
                println!("{error}");
            }
        }
    }
}

/// Where the ledger is, and whether the program approves by itself.
fn arguments() -> Option<(String, bool)> {
    let mut store = "sqlite:kitelogik.db".to_owned();
    let mut auto = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--auto" => auto = true,
            "--store" => store = arguments.next()?,
            _ => return None,
        }
    }
    Some((store, auto))
}
