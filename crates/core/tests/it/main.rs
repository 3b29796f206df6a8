//! What the types of the core promise, proven through their public API.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod document;
mod input;
mod json;
mod masking;
mod result;
mod strongest;
mod text;
mod told;
