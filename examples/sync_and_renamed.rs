//! A plain `fn`, a name of its own in the policy, a path that the policy judges, state, and the
//! caller's identity.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use kitelogik::prelude::*;

type Accounts = Arc<Mutex<BTreeMap<String, f64>>>;

/// The policy knows this as `approve_refund`. Neither model nor policy sees `accounts` or `who` as
/// arguments.
#[governed(action = "approve_refund")]
fn pay_back(
    #[state] accounts: Accounts,
    #[session] who: &SessionContext,
    /// The customer's id.
    customer_id: &str,
    /// Amount in US dollars.
    amount: f64,
) -> Result<f64, io::Error> {
    let mut accounts = accounts
        .lock()
        .map_err(|_| io::Error::other("the accounts are locked"))?;
    let balance = accounts
        .get_mut(customer_id)
        .ok_or_else(|| io::Error::other(format!("no customer `{customer_id}`")))?;
    *balance += amount;
    println!(
        "  (paid by the {} of session {})",
        who.user_role, who.session_id
    );
    Ok(*balance)
}

/// Read a report. `resource` says which argument is the path that the policy judges.
#[governed(resource = "path")]
fn read_report(path: String) -> String {
    format!("contents of {path}")
}

const POLICY: &str = r#"
package kitelogik.userpolicy

import rego.v1

allow if {
	input.action == "approve_refund"
	input.args.amount <= 100
}

allow if {
	input.action == "read_report"
	startswith(input.resource_path, "reports/")
}
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::builder().rego("example.rego", POLICY).build()?;
    let gate = PolicyGate::new(Embedded::new(policy)?);
    let session = gate.session(SessionContext::new("example_02").role("clerk"));
    let accounts: Accounts = Arc::new(Mutex::new(BTreeMap::from([("cust_001".into(), 0.0)])));

    // The body of a `fn` runs off the async threads.
    match pay_back(accounts.clone(), "cust_001", 8.0)
        .run(&session)
        .await
    {
        Ok(balance) => println!("balance: {balance}"),
        Err(error) => println!("{error}"),
    }
    // The function's own error is not a denial.
    match pay_back(accounts, "cust_999", 8.0).run(&session).await {
        Err(CallError::Failed(error)) => println!("failed: {error}"),
        other => println!("{other:?}"),
    }

    for path in ["reports/2026-10.csv", "reports/../.env"] {
        match read_report(path.into()).run(&session).await {
            Ok(text) => println!("{text}"),
            Err(error) => println!("{path}: {error}"),
        }
    }
    Ok(())
}
