//! Only the gate grants.
use kitelogik_opa::Permit;

fn main() {
    let _grant = Permit::grant;
}
