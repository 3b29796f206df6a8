//! The judged arguments cannot be exchanged for others.
use kitelogik_opa::Permitted;

fn exchange(mut permitted: Permitted<f64>) -> Permitted<f64> {
    permitted.args = 1_000_000.0;
    permitted
}

fn main() {}
