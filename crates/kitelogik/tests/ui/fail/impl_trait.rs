#![allow(unused_imports)]

use kitelogik::governed;
use std::future::Future;

#[governed]
fn greet(name: impl ToString, all: Vec<impl ToString>) -> impl ToString {
    name.to_string()
}

#[governed]
fn later(name: String) -> impl Future<Output = String> {
    async move { name }
}

fn main() {}
