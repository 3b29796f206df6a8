use kitelogik::governed;

#[governed(sanitize = false, resource = "fil")]
unsafe fn everything<T>(&self, file: &mut String, (a, b): (u8, u8)) -> impl Sized {}

fn main() {}
