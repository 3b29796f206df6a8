//! What the gate and its engines promise, proven through their public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod approval;
#[cfg(all(feature = "embedded", feature = "rest"))]
mod builtins;
#[cfg(feature = "embedded")]
mod cases;
#[cfg(feature = "embedded")]
mod conformance;
#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "embedded")]
mod explain;
#[cfg(all(feature = "embedded", feature = "rest"))]
mod fallback;
mod forgery;
mod gate;
mod kill_switch;
mod layered;
#[cfg(feature = "embedded")]
mod limits;
mod listeners;
mod policy_change;
#[cfg(feature = "reload")]
mod reload;
#[cfg(feature = "rest")]
mod rest;
#[cfg(feature = "embedded")]
mod rules;
mod shadow;
