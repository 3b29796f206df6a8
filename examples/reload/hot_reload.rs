//! A policy that changes while calls are made: a better one comes into force, a broken one does not,
//! one that drops a guard waits for a person, and going back is one call.

use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use kitelogik::prelude::*;
use kitelogik::{ReloadEvent, ReloadEvents};

/// Refund a customer's order.
#[governed]
async fn approve_refund(customer_id: String, amount: f64) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

const FIRST: &str = r#"package kitelogik.userpolicy

import rego.v1

allow if {
	input.action == "approve_refund"
	is_number(input.args.amount)
	input.args.amount <= 100
}

deny contains "Refunds over $200 require manager approval" if input.args.amount > 200
"#;

/// A policy brings its own tests: a version that fails them does not come into force.
const TESTS: &str = "version: 1
input: {action: approve_refund}
tests:
  - name: a small refund is allowed
    input: {args: {amount: 42}}
    verdict: allow
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    env::set_current_dir(folder.path())?;
    fs::create_dir("policies")?;
    put(
        "refunds_test.yaml",
        &TESTS.replace("[deny, refuse]", "deny"),
    )?;
    put("refunds.rego", FIRST)?;

    let policy = Reloading::watch("policies")
        .quiet_for(Duration::from_millis(50))
        .confirm_removals(true)
        .start()
        .await?;
    let mut events = policy.events();
    let gate = PolicyGate::new(policy.clone());
    let session = gate.session(SessionContext::new("example_12").role("support_agent"));

    println!("the first version");
    refund(&session, 150.0).await;

    println!("\na version that allows more");
    put("refunds.rego", &FIRST.replace("<= 100", "<= 150"))?;
    tell(&mut events).await;
    refund(&session, 150.0).await;

    println!("\na version that does not parse");
    put("refunds.rego", &FIRST.replace("allow if {", "allow if"))?;
    tell(&mut events).await;
    refund(&session, 150.0).await;

    println!("\na version that fails its own tests");
    put("refunds.rego", &FIRST.replace("<= 100", "<= 10"))?;
    tell(&mut events).await;
    refund(&session, 150.0).await;

    println!("\na version without the guard");
    put(
        "refunds_test.yaml",
        &TESTS.replace("[deny, refuse]", "refuse"),
    )?;
    put(
        "refunds.rego",
        FIRST.split("deny").next().unwrap_or_default(),
    )?;
    tell(&mut events).await;
    refund(&session, 5000.0).await;
    println!("confirmed by a person");
    if let Some(waiting) = policy.status().waiting {
        policy.confirm(&waiting.revision)?;
    }
    tell(&mut events).await;
    refund(&session, 5000.0).await;

    println!("\nand back");
    policy.roll_back()?;
    tell(&mut events).await;
    refund(&session, 5000.0).await;

    env::set_current_dir(env::temp_dir())?;
    Ok(())
}

/// Puts a file in place whole, as a deployment should.
fn put(name: &str, text: &str) -> std::io::Result<()> {
    let beside = Path::new("policies").join(format!("{name}.tmp"));
    fs::write(&beside, text)?;
    fs::rename(&beside, Path::new("policies").join(name))
}

async fn refund(session: &Session, amount: f64) {
    match approve_refund("cust_001".into(), amount).run(session).await {
        Ok(receipt) => println!("  {receipt}"),
        Err(error) => println!(
            "  ${amount}: {} ({})",
            error.decision.reason, error.decision.verdict
        ),
    }
}

async fn tell(events: &mut ReloadEvents) {
    match events.next().await {
        Some(ReloadEvent::Reloaded(change)) => println!("  reloaded: {}", change.rules),
        Some(ReloadEvent::RolledBack(change)) => println!("  rolled back: {}", change.rules),
        Some(ReloadEvent::Waiting(change)) => println!("  waits: {}", change.rules),
        Some(ReloadEvent::Refused(error)) => println!("  refused: {error}"),
        other => println!("  {other:?}"),
    }
}
