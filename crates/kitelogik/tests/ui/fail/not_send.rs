use kitelogik::governed;
use std::future::ready;
use std::rc::Rc;

#[governed]
async fn held(amount: f64) -> f64 {
    let shared = Rc::new(amount);
    ready(()).await;
    *shared
}

#[governed]
fn state(#[state] shared: Rc<f64>) -> f64 {
    *shared
}

fn main() {}
