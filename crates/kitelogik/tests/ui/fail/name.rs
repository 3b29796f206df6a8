use kitelogik::governed;

#[governed]
fn größe() {}

fn main() {}
