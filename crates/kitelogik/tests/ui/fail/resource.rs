#![allow(unused_imports)]

use kitelogik::{SessionContext, governed};
use std::sync::Arc;

#[governed(resource = "pathh")]
fn read(path: String) {}

#[governed(resource = ["from", "target.path"])]
fn copy(from: String, to: String) {}

#[governed(resource = "root")]
fn list(#[state] root: Arc<str>, path: String) {}

#[governed(resource = "who")]
fn mine(#[session] who: &SessionContext) {}

#[governed(resource = "path")]
fn none() {}

fn main() {}
