use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::breaker::BreakerState;
use crate::telemetry;

/// One of an [`OpaClient`](super::OpaClient)'s servers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStatus {
    /// Its base URL.
    pub url: String,
    /// Whether it is asked.
    pub breaker: BreakerState,
}

/// That a server is no longer asked, is being tried, or is asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerChange {
    /// The server's base URL.
    pub endpoint: String,
    /// What it was.
    pub from: BreakerState,
    /// What it is.
    pub to: BreakerState,
    /// What the last probe met, as an error's code and detail; none where the server answers.
    pub reason: Option<String>,
}

impl BreakerState {
    /// The state in one word, as logs and metrics name it: `closed`, `open`, `half_open`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl BreakerChange {
    /// Tells logs and metrics: loudly where a server was lost or is back, not at each probe in between.
    pub(super) fn log(&self) {
        let (endpoint, from, to) = (&self.endpoint, self.from.as_str(), self.to.as_str());
        let reason = self.reason.as_deref();
        telemetry::breaker(endpoint, self.to);
        match (self.from, self.to) {
            (_, BreakerState::Closed) => {
                tracing::info!(endpoint, from, to, "OPA answers: it is asked again");
            }
            (BreakerState::Closed, _) => {
                tracing::warn!(
                    endpoint,
                    from,
                    to,
                    reason,
                    "OPA does not answer: it is not asked"
                );
            }
            _ => tracing::debug!(endpoint, from, to, reason, "OPA is being tried"),
        }
    }
}

/// Whoever wants to hear of changes.
#[derive(Clone)]
pub(super) struct Observer(Arc<dyn Fn(&BreakerChange) + Send + Sync>);

impl Observer {
    pub(super) fn new(observer: impl Fn(&BreakerChange) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observer))
    }

    /// Changes are told while futures are dropped as well, where a panic would end the process.
    pub(super) fn tell(&self, change: &BreakerChange) {
        if catch_unwind(AssertUnwindSafe(|| (self.0)(change))).is_err() {
            tracing::error!("the observer of OPA's breaker panicked");
        }
    }
}
