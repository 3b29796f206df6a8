//! What the crate promises, through its public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[cfg(feature = "bundle")]
mod bundle;
mod check;
mod composition;
mod conformance;
mod engine;
mod limits;
mod loading;
mod rego;
mod rule_changes;
mod rules;
mod rules_schema;
mod rules_text;
mod snapshot;
mod starters;
mod syntax;
mod testing;
mod writing;
