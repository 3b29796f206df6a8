//! Permitted arguments cannot be written down.
use kitelogik_opa::{Permitted, Running};

fn forge(running: Running) -> Permitted<f64> {
    Permitted {
        args: 1_000_000.0,
        context: Default::default(),
        running,
    }
}

fn main() {}
