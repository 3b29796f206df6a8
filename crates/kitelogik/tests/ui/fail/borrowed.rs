use kitelogik::{SessionContext, governed};
use std::borrow::Cow;
use std::path::Path;

#[governed]
fn read(path: &Path, name: &String, names: &[&str], count: &u8) {}

#[governed]
fn change(text: &mut String, maybe: Option<&str>, cow: Cow<'_, str>, list: &Vec<u8>) {}

#[governed]
fn first(text: &str) -> &str {
    text
}

#[governed]
fn state(#[state] names: &Vec<String>, #[session] who: &mut SessionContext) {}

#[governed]
fn unknown(items: Vec<_>) {}

fn main() {}
