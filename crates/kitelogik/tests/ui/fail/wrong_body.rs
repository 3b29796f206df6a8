use kitelogik::governed;

#[governed]
async fn pay(amount: f64) -> String {
    amount
}

#[governed]
fn who(#[session] who: &String) -> String {
    who.clone()
}

fn main() {}
