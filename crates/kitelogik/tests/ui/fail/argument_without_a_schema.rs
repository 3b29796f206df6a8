use kitelogik::governed;
use kitelogik::serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(crate = "kitelogik::serde")]
struct Money(f64);

#[governed]
fn pay(amount: Money) -> f64 {
    amount.0
}

fn main() {}
