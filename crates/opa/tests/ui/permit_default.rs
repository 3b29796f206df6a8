//! There is no permit by default.
use kitelogik_opa::Permit;

fn main() {
    let _permit = Permit::default();
}
