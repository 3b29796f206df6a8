//! One permit is for one call.
use kitelogik_opa::Permit;

fn twice(permit: Permit) -> (Permit, Permit) {
    (permit.clone(), permit)
}

fn main() {}
