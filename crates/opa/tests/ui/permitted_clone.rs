//! What a permit yielded is there once.
use kitelogik_opa::Permitted;

fn twice(permitted: Permitted<f64>) -> (Permitted<f64>, Permitted<f64>) {
    (permitted.clone(), permitted)
}

fn main() {}
