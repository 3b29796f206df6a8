#![allow(unused_imports)]

use kitelogik::{SessionContext, governed};

#[governed]
fn both(#[state] #[session] who: String) {}

#[governed]
fn twice(#[session] one: &SessionContext, #[session] other: &SessionContext) {}

#[governed]
fn attributes(#[state] #[serde(default)] number: u8, #[session] #[schemars(range(min = 1))] who: &SessionContext) {}

#[governed]
fn value(#[state(shared)] number: u8) {}

fn main() {}
