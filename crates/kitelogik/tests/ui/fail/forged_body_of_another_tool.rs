//! What a permit for one tool yielded does not run another.
use kitelogik::toolbox::{Call, GovernedFunction, Opened};
use kitelogik::governed;

#[governed]
fn look(amount: f64) -> f64 {
    amount
}

#[governed]
fn pay(amount: f64) -> f64 {
    amount
}

fn run<A: GovernedFunction, B: GovernedFunction>(state: B::State, opened: Opened<A>) {
    B::body(state, opened);
}

fn make<F: GovernedFunction>(_: Call<F>) {
    let _opened = Opened::<F> {};
}

fn main() {
    make(look(1.0));
}
