struct Accounts;

impl Accounts {
    #[kitelogik::governed]
    async fn balance(&self, customer_id: String) -> f64 {
        0.0
    }
}

fn main() {}
