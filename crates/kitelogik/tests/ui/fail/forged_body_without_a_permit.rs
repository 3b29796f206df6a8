//! The body takes permitted arguments: arguments alone do not run it.
use kitelogik::toolbox::{Call, GovernedFunction};
use kitelogik::governed;

#[governed]
fn pay(amount: f64) -> f64 {
    amount
}

fn run<F: GovernedFunction>(_: Call<F>, state: F::State, args: F::Args) {
    F::body(state, args);
}

fn main() {}
