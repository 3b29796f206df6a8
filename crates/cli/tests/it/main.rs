//! What the `kitelogik` program promises, proven by running it.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod approvals;
mod bundle;
mod check;
mod compile;
mod eval;
mod examples;
mod explain;
mod init;
mod json;
mod program;
mod read_only;
mod record;
mod sanitize;
mod serve;
mod serve_oidc;
mod serve_tls;
mod shell;
mod testing;
mod tutorial;
mod versions;
