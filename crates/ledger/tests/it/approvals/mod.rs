//! Approvals, on every store there is.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod asking;
#[cfg(feature = "postgres")]
mod cut;
mod deciding;
pub(crate) mod desk;
mod editing;
mod forgery;
mod gate;
mod interrupted;
mod notices;
mod processes;
mod retention;
mod store;
mod using;
mod waiting;
