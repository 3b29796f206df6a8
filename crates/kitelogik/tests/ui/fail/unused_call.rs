#![deny(unused_must_use)]

use kitelogik::governed;

#[governed]
fn pay(amount: f64) -> f64 {
    amount
}

fn main() {
    pay(1.0);
}
