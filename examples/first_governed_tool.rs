//! A plain function, governed: every call is decided by Rego before its body runs.
//!
//! `cargo run --example first_governed_tool` decides in process; with `-- --opa [URL]` the same
//! program asks an OPA server, which `cargo xtask opa serve` starts with the same policy.

use std::process::ExitCode;

use kitelogik::prelude::*;

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
    let Some(gate) = gate()? else {
        eprintln!("usage: first_governed_tool [--opa [URL]]");
        return Ok(ExitCode::from(2));
    };
    let session = gate.session(
        SessionContext::new("example_01")
            .role("support_agent")
            .scopes(["read_customer", "approve_refund_under_100"]),
    );

    for amount in [42.0, 5000.0] {
        match approve_refund("cust_001".into(), amount)
            .run(&session)
            .await
        {
            Ok(receipt) => println!("{receipt}"),
            Err(error) => {
                let decision = &error.decision;
                println!("BLOCKED: {error}");
                println!("  risk_tier   = {}", decision.risk_tier);
                println!(
                    "  rule_matched = {}",
                    decision.rule_matched.as_deref().unwrap_or("-")
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The gate that the command line asks for: in process, or before an OPA server.
fn gate() -> Result<Option<PolicyGate>, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Ok(match arguments.as_slice() {
        [] => Some(PolicyGate::new(Embedded::load(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/policies"
        ))?)),
        ["--opa"] => Some(PolicyGate::new(OpaClient::default())),
        ["--opa", url] => Some(PolicyGate::new(OpaClient::new(*url)?)),
        _ => None,
    })
}
