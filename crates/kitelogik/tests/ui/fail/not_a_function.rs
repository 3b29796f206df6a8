#[kitelogik::governed]
struct Refund;

fn main() {}
