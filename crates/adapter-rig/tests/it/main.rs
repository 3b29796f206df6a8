//! What governed tools on a real rig agent promise, proven through the public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod approvals;
mod bypass;
mod desk;
mod errors;
mod hook;
mod sessions;
mod verdicts;
mod wire;
