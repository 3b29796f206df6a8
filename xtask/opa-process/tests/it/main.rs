//! The lookup, the servers and their authorization policy, with real OPA processes.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod http;
mod lookup;
mod process;
mod queries_only;
mod skip;
