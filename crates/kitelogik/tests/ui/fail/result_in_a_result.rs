use kitelogik::governed;

type Inner = Result<f64, String>;

#[governed]
fn nested() -> Result<Inner, String> {
    Ok(Ok(1.0))
}

fn main() {}
