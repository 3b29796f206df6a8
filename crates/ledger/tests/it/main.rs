//! The ledger, on both stores.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod approvals;
mod audit;
mod crash;
mod stores;
mod tls;
