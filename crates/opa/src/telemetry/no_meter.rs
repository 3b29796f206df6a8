//! Nothing is counted.

use std::time::Duration;

use kitelogik_core::{Outcome, Verdict};

pub(super) fn decided(_: Verdict, _: Option<&'static str>) {}
pub(super) fn answered(_: Option<&str>, _: Verdict, _: Duration) {}
pub(super) fn ended(_: Outcome) {}
pub(super) fn flipped(_: Verdict, _: Verdict) {}
#[cfg(feature = "reload")]
pub(super) fn reload(_: &'static str) {}
#[cfg(feature = "rest")]
pub(super) fn breaker(_: &str, _: crate::BreakerState) {}
pub(super) fn stops(_: usize) {}
