//! A call's arguments stay in it until it is run.
use kitelogik::governed;

#[governed]
fn pay(amount: f64) -> f64 {
    amount
}

fn main() {
    let call = pay(1.0);
    let _args = call.args;
}
