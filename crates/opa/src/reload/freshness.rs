use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kitelogik_core::{EngineError, FailClosed};

/// When the policy in force was last known to be that of its source. Read by every decision, without a lock.
pub(super) struct Freshness {
    begun: Instant,
    /// In milliseconds after `begun`.
    refreshed: AtomicU64,
    max_stale: Option<Duration>,
}

impl Freshness {
    pub(super) fn new(max_stale: Option<Duration>, refreshed: Instant) -> Self {
        Self {
            begun: refreshed,
            refreshed: AtomicU64::new(0),
            max_stale,
        }
    }

    /// Notes that what was read at this time is in force. It never goes back.
    pub(super) fn note(&self, read: Instant) {
        let after = read.saturating_duration_since(self.begun).as_millis();
        let after = u64::try_from(after).unwrap_or(u64::MAX);
        self.refreshed.fetch_max(after, Ordering::Relaxed);
    }

    /// When the policy becomes stale, if it may.
    pub(super) fn ends(&self) -> Option<Instant> {
        let refreshed = Duration::from_millis(self.refreshed.load(Ordering::Relaxed));
        self.begun
            .checked_add(refreshed)?
            .checked_add(self.max_stale?)
    }

    pub(super) fn is_stale(&self) -> bool {
        self.ends().is_some_and(|end| Instant::now() >= end)
    }

    pub(super) fn max_stale(&self) -> Option<Duration> {
        self.max_stale
    }

    pub(super) fn check(&self) -> Result<(), EngineError> {
        match self.max_stale {
            Some(limit) if self.is_stale() => Err(EngineError::new(
                FailClosed::PolicyStale,
                format!("the policy could not be refreshed for {limit:?}"),
            )),
            _ => Ok(()),
        }
    }
}
