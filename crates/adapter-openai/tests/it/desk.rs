//! A desk that refunds, and the policies that it may be under.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use kitelogik::Approver;
use kitelogik::prelude::*;
use serde_json::{Value, json};

const POLICY: &str = r#"
package kitelogik.userpolicy

import rego.v1

allow if {
	input.action in {"approve_refund", "wait", "fail", "explode"}
	object.get(input.args, "amount", 0) <= 200
}

hitl contains "Refunds between $100 and $200 need a second pair of eyes" if {
	input.args.amount > 100
	input.args.amount <= 200
}

deny contains "Refunds over $200 require manager approval" if input.args.amount > 200
"#;

pub(crate) const REFUNDED: &str = "Refunded $42.00 to cust_001";
pub(crate) const DENIED: &str = "[BLOCKED] approve_refund: Refunds over $200 require manager \
                                 approval. This is final; do not retry.";
pub(crate) const NEEDS_APPROVAL: &str = "[BLOCKED] approve_refund: Refunds between $100 and $200 \
                                         need a second pair of eyes. It needs a person's approval.";
pub(crate) const REFUSED: &str = "[BLOCKED] delete_customer: no rule allows this call. Adjust the \
                                  arguments and try again.";
pub(crate) const ENGINE_DOWN: &str = "[BLOCKED] approve_refund: the policy engine could not be \
                                      reached. The policy could not be checked.";

/// Refund a customer's order.
#[governed]
async fn approve_refund(
    #[state] desk: Desk,
    /// The customer's id, e.g. `cust_001`.
    customer_id: String,
    /// Amount in US dollars.
    amount: f64,
) -> String {
    desk.refunds.fetch_add(1, Ordering::SeqCst);
    format!("Refunded ${amount:.2} to {customer_id}")
}

/// Delete a customer.
#[governed]
async fn delete_customer(customer_id: String) -> String {
    customer_id
}

/// Waits until as many calls wait as it says.
#[governed]
async fn wait(#[state] desk: Desk, calls: usize) -> usize {
    desk.most.fetch_max(
        desk.waiting.fetch_add(1, Ordering::SeqCst) + 1,
        Ordering::SeqCst,
    );
    while desk.most.load(Ordering::SeqCst) < calls {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    desk.waiting.fetch_sub(1, Ordering::SeqCst);
    calls
}

/// Fails.
#[governed]
async fn fail() -> Result<String, std::io::Error> {
    Err(std::io::Error::other("the till is empty"))
}

/// Panics.
#[governed]
async fn explode() -> String {
    panic!("secret detail")
}

/// What the tools have done.
#[derive(Clone, Default)]
pub(crate) struct Desk {
    pub(crate) refunds: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
    /// How many calls of `wait` there were at the same time, at most.
    pub(crate) most: Arc<AtomicUsize>,
}

impl Desk {
    pub(crate) fn toolbox(&self) -> Toolbox {
        Toolbox::builder()
            .tool_with(approve_refund, self.clone())
            .tool(delete_customer)
            .tool_with(wait, self.clone())
            .tool(fail)
            .tool(explode)
            .build()
            .unwrap()
    }

    /// The tools under the policy.
    pub(crate) fn governed(&self) -> GovernedToolbox {
        static GATE: LazyLock<PolicyGate> = LazyLock::new(|| PolicyGate::new(engine()));
        self.under(&GATE)
    }

    /// The tools under the policy, and people who are asked by `approver`.
    pub(crate) fn reviewed(&self, approver: impl Approver + 'static) -> GovernedToolbox {
        self.under(&PolicyGate::builder(engine()).approver(approver).build())
    }

    /// The tools under an OPA server that is not there.
    pub(crate) fn without_engine(&self) -> GovernedToolbox {
        self.under(&PolicyGate::new(OpaClient::new(dead_address()).unwrap()))
    }

    pub(crate) fn refunds(&self) -> usize {
        self.refunds.load(Ordering::SeqCst)
    }

    fn under(&self, gate: &PolicyGate) -> GovernedToolbox {
        self.toolbox()
            .for_session(&gate.session(SessionContext::new("test")))
    }
}

fn engine() -> Embedded {
    let policy = Policy::builder().rego("refunds.rego", POLICY);
    Embedded::new(policy.build().unwrap()).unwrap()
}

pub(crate) fn refund(amount: f64) -> (&'static str, Value) {
    let arguments = json!({ "customer_id": "cust_001", "amount": amount });
    ("approve_refund", arguments)
}

/// A port that was free a moment ago, and that nothing listens on.
fn dead_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
