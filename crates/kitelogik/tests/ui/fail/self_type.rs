struct Money(f64);

impl Money {
    #[kitelogik::governed]
    fn of(amount: f64) -> Self {
        Money(amount)
    }
}

fn main() {}
