use kitelogik::governed;

#[governed(sanitize = false)]
fn misspelt() {}

#[governed(risk = "low", action = "")]
fn unknown() {}

#[governed(action)]
fn without_value() {}

#[governed(sanitise = "no")]
fn wrong_value() {}

#[governed(action = "a", action = "b")]
fn twice() {}

#[governed(crate = "kitelogik")]
fn path() {}

#[governed(name = "to do")]
fn name() {}

#[governed(resource = [])]
fn nothing() {}

#[governed(resource = 3)]
fn number() {}

fn main() {}
