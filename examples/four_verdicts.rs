//! The four verdicts, told apart: allow, deny, require approval, refuse. And the fifth case, in
//! which nobody could know.

use kitelogik::prelude::*;

/// Refund a customer's order.
#[governed]
async fn approve_refund(customer_id: String, amount: f64) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

fn tell(error: &GovernanceError) -> String {
    let decision = &error.decision;
    if let Some(code) = decision.fail_closed {
        return format!("could not be checked ({code}): {}", decision.reason);
    }
    match decision.verdict {
        Verdict::Allow => "allowed".to_owned(),
        Verdict::Deny => format!("denied for good: {}", decision.reason),
        Verdict::RequireApproval => format!("a person decides: {}", decision.reason),
        Verdict::Refuse => format!("not like this: {}", decision.reason),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = PolicyGate::new(Embedded::load(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/policies"
    ))?);
    let context = SessionContext::new("example_04")
        .role("support_agent")
        .scopes(["approve_refund_under_100"]);
    let session = gate.session(context.clone());

    // NaN is no JSON: in Rego it would be null, and `null <= 100` is true.
    for amount in [42.0, 5000.0, 150.0, -5.0, f64::NAN] {
        match approve_refund("cust_001".into(), amount)
            .run(&session)
            .await
        {
            Ok(receipt) => println!("{amount:>6}  {receipt}"),
            Err(error) => println!("{amount:>6}  {}", tell(&error)),
        }
    }

    // No server answers at this address: the call is denied, and says why.
    let unreachable = PolicyGate::new(OpaClient::new("http://127.0.0.1:9")?);
    let session = unreachable.session(context);
    match approve_refund("cust_001".into(), 42.0).run(&session).await {
        Ok(receipt) => println!("{receipt}"),
        Err(error) => println!("    42  {}", tell(&error)),
    }
    Ok(())
}
