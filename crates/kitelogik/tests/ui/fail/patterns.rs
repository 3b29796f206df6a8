use kitelogik::governed;

struct Point {
    x: i64,
}

#[governed]
fn pair((left, right): (i64, i64)) {}

#[governed]
fn point(Point { x }: Point, _: u8, ref name: String) {}

fn main() {}
