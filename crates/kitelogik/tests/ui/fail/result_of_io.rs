use kitelogik::governed;
use std::io;

#[governed]
async fn read(name: String) -> io::Result<f64> {
    let _ = name;
    Ok(1.0)
}

fn main() {}
