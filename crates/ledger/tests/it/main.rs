//! The ledger, on both stores.

mod approvals;
mod audit;
mod stores;
