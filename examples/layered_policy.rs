//! An organisation's rules before a team's: nothing the team's policy says loosens them.

use kitelogik::LayerAnswer;
use kitelogik::prelude::*;

/// Refund a customer's order.
#[governed]
async fn approve_refund(customer_id: String, amount: f64) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

/// Delete a customer.
#[governed]
async fn delete_customer(customer_id: String) -> String {
    format!("Deleted {customer_id}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let layers = concat!(env!("CARGO_MANIFEST_DIR"), "/layers");
    let engine = Layered::builder()
        .guard(
            "organisation",
            Embedded::load(format!("{layers}/organisation"))?,
        )
        .grant("team", Embedded::load(format!("{layers}/team"))?)
        .build()?;
    let session = PolicyGate::new(engine).session(SessionContext::new("example_05"));

    for amount in [20.0, 80.0] {
        report(
            approve_refund("cust_001".into(), amount)
                .run(&session)
                .await,
        );
    }
    report(delete_customer("cust_001".into()).run(&session).await);
    Ok(())
}

fn report(result: Result<String, GovernanceError>) {
    match result {
        Ok(text) => println!("{text}"),
        Err(error) => {
            println!("{error}");
            for layer in &error.decision.trace {
                match &layer.answer {
                    LayerAnswer::Asked {
                        verdict, reason, ..
                    } => {
                        println!("  {}: {verdict} ({reason})", layer.layer);
                    }
                    LayerAnswer::Skipped => println!("  {}: not asked", layer.layer),
                }
            }
        }
    }
}
