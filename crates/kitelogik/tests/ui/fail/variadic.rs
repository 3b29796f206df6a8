#![allow(varargs_without_pattern)]

use kitelogik::governed;

#[governed]
unsafe extern "C" fn print(format: String, ...) {}

fn main() {}
