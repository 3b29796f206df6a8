use kitelogik::governed;

struct Receipt;

#[governed]
fn pay(amount: f64) -> Receipt {
    let _ = amount;
    Receipt
}

struct Problem;

#[governed]
fn fail(amount: f64) -> Result<f64, Problem> {
    let _ = amount;
    Err(Problem)
}

fn main() {}
