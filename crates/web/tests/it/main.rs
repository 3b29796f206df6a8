//! What the page and the API promise, proven by asking them.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod api;
mod browser;
mod decisions;
mod door;
mod escaping;
mod headers;
mod house;
mod http;
#[cfg(feature = "oidc")]
mod oidc;
mod pictures;
mod records;
mod slow;
#[cfg(feature = "tls")]
mod tls;
