//! A permit cannot be written down.
use kitelogik_opa::Permit;

fn main() {
    let _permit = Permit {};
}
