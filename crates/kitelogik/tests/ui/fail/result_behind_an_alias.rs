use kitelogik::governed;

type Reply = Result<f64, String>;

#[governed]
fn reply() -> Reply {
    Ok(1.0)
}

fn main() {}
