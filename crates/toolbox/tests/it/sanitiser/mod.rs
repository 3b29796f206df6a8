//! What the sanitiser finds, what it leaves alone, and what it promises for any text at all.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod attacks;
mod clean;
mod disguises;
mod promises;
mod rules;
mod tool_output;
