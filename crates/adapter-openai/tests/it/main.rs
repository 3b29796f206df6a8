//! What the adapter promises, proven through its public API and over HTTP.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod api;
mod approvals;
mod calls;
mod conversations;
mod definitions;
mod desk;
mod raw;
mod streams;
