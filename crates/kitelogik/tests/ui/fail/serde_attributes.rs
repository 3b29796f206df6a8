use kitelogik::governed;

#[governed]
fn skipped(#[serde(skip)] token: String, #[serde(skip_serializing)] other: String) {}

#[governed]
fn two_names(#[serde(rename(serialize = "a", deserialize = "b"))] name: String) {}

fn main() {}
