//! What a permit is for cannot be changed.
use kitelogik_opa::Permit;

fn redirect(permit: &mut Permit) {
    permit.granted.tool = String::from("another");
}

fn main() {}
