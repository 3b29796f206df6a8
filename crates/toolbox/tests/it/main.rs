//! What the toolbox promises, proven through its public API.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod acceptance;
mod answers;
mod api_rules;
mod approvals;
mod arguments;
mod blocked;
mod calls;
mod catalogue;
mod choices;
mod closed;
mod definitions;
mod error_texts;
mod hostile_schemas;
mod listeners;
mod plan;
mod registry;
mod sanitiser;
mod strict_nulls;
