//! No text is a permit.
use kitelogik_opa::Permit;

fn main() {
    let _permit: Permit = serde_json::from_str("{}").unwrap();
}
