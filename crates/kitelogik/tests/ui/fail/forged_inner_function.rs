//! The body and what belongs to it have no name outside of the function.
use kitelogik::governed;

#[governed]
fn pay(amount: f64) -> f64 {
    amount
}

fn main() {
    pay::__KitelogikDefinition::pay(1.0);
    __KitelogikDefinition::pay(1.0);
    let _args = __KitelogikArgs { amount: 1.0 };
}
