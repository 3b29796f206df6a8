use kitelogik::{Toolbox, governed};
use std::sync::Arc;

#[governed]
fn balance(#[state] ledger: Arc<String>, customer_id: &str) -> usize {
    ledger.len() + customer_id.len()
}

fn plain(customer_id: String) -> usize {
    customer_id.len()
}

fn main() {
    let _ = Toolbox::builder().tool(balance);
    let _ = Toolbox::builder().tool_with(balance, 7);
    let _ = Toolbox::builder().tool(plain);
}
