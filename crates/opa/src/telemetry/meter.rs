//! What is counted and measured, through the `metrics` facade.

use std::time::Duration;

use kitelogik_core::{Outcome, Verdict};
use metrics::{counter, gauge, histogram};

pub(super) fn decided(verdict: Verdict, code: Option<&'static str>) {
    let labels = [
        ("verdict", verdict.as_str()),
        ("code", code.unwrap_or("none")),
    ];
    counter!("kitelogik_decisions_total", &labels).increment(1);
}

pub(super) fn answered(engine: Option<&str>, verdict: Verdict, took: Duration) {
    let engine = engine.unwrap_or("unknown").to_owned();
    histogram!("kitelogik_decision_duration_seconds", "engine" => engine, "verdict" => verdict.as_str())
        .record(took);
}

pub(super) fn ended(outcome: Outcome) {
    counter!("kitelogik_outcomes_total", "outcome" => outcome.as_str()).increment(1);
}

pub(super) fn flipped(old: Verdict, new: Verdict) {
    counter!("kitelogik_shadow_flips_total", "old" => old.as_str(), "new" => new.as_str())
        .increment(1);
}

#[cfg(feature = "reload")]
pub(super) fn reload(event: &'static str) {
    counter!("kitelogik_reloads_total", "event" => event).increment(1);
}

/// 1 for the state that the endpoint is in, 0 for the others.
#[cfg(feature = "rest")]
pub(super) fn breaker(endpoint: &str, state: crate::BreakerState) {
    use crate::BreakerState::{Closed, HalfOpen, Open};
    for one in [Closed, Open, HalfOpen] {
        let labels = [
            ("endpoint", endpoint.to_owned()),
            ("state", one.as_str().to_owned()),
        ];
        gauge!("kitelogik_breaker_state", &labels).set(if one == state { 1.0 } else { 0.0 });
    }
}

pub(super) fn stops(count: usize) {
    gauge!("kitelogik_kill_switch_stops").set(u32::try_from(count).unwrap_or(u32::MAX));
}
