//! Opening a permit uses it up.
use kitelogik_opa::Permit;

fn twice(permit: Permit) {
    let _once = permit.open::<()>("pay", "pay");
    let _again = permit.open::<()>("pay", "pay");
}

fn main() {}
