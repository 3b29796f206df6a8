//! What `#[governed]` and the facade promise, proven through their public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod blocking;
mod calls;
mod evidence;
mod explain;
mod judged;
mod outcomes;
mod parameters;
mod telemetry;
mod ui;
