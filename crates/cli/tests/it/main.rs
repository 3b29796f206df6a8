//! What the `kitelogik` program promises, proven by running it.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod compile;
mod eval;
mod program;
mod sanitize;
mod shell;
mod versions;
