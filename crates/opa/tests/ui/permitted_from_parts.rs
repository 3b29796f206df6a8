//! Permitted arguments come apart, and not together again.
use kitelogik_opa::Permitted;

fn again(permitted: Permitted<f64>) -> Permitted<f64> {
    let (_, context, running) = permitted.into_parts();
    Permitted::from((1_000_000.0, context, running))
}

fn main() {}
