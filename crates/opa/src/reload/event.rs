use std::sync::Arc;
use std::time::Duration;

use kitelogik_policy::RuleChanges;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::ReloadError;
use crate::telemetry;

/// Something that came of looking for a new version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReloadEvent {
    /// A new version is in force.
    Reloaded(PolicyChange),
    /// A new version drops rules that deny or ask for review: it waits until it is
    /// [confirmed](super::Reloading::confirm).
    Waiting(PolicyChange),
    /// What the source holds was refused, or the source could not be read. The version in force stays. Told once for
    /// as long as nothing else goes wrong.
    Refused(ReloadError),
    /// The version before is in force again.
    RolledBack(PolicyChange),
    /// The source has not been read for so long, or what it holds is not in force: every call is denied from here on.
    Stale {
        /// The limit that was set.
        max_stale: Duration,
    },
    /// After a refusal or staleness: what the source holds is in force, or is what was rolled back from. Where a new
    /// version ended it, that is told instead.
    Recovered {
        /// The revision in force.
        revision: Arc<str>,
    },
}

/// From one version to another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyChange {
    /// The revision that was in force before; while the other waits, the one in force.
    pub previous: Arc<str>,
    /// The revision of the other version: what decisions carry that it makes.
    pub revision: Arc<str>,
    /// What the bundle's manifest calls the version, where it is a bundle and says so.
    pub bundle_revision: Option<Arc<str>>,
    /// Which rules come and go.
    pub rules: RuleChanges,
}

/// The events of one engine, in their order, from the time of [`events`](super::Reloading::events) on.
///
/// The last 64 are kept for a reader that is slow; older ones are lost to it.
#[derive(Debug)]
pub struct ReloadEvents {
    receiver: broadcast::Receiver<ReloadEvent>,
}

/// So many events are kept for whoever does not read them at once.
pub(super) const KEPT: usize = 64;

impl ReloadEvents {
    pub(super) fn new(receiver: broadcast::Receiver<ReloadEvent>) -> Self {
        Self { receiver }
    }

    /// The next event; `None` once the engine is gone. Safe to cancel: no event is lost.
    pub async fn next(&mut self) -> Option<ReloadEvent> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl ReloadEvent {
    /// What happened, in a word, as metrics have it: `reloaded`, `waiting`, `refused`, `rolled_back`, `stale`,
    /// `recovered`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Reloaded(_) => "reloaded",
            Self::Waiting(_) => "waiting",
            Self::Refused(_) => "refused",
            Self::RolledBack(_) => "rolled_back",
            Self::Stale { .. } => "stale",
            Self::Recovered { .. } => "recovered",
        }
    }

    pub(super) fn log(&self) {
        telemetry::reload(self.as_str());
        // Nobody who listens to the log ends the watch over the policy.
        telemetry::say(|| self.written());
    }

    fn written(&self) {
        match self {
            Self::Reloaded(change) => tracing::info!(
                revision = &*change.revision,
                previous = &*change.previous,
                bundle_revision = change.bundle_revision.as_deref(),
                rules = %change.rules,
                "policy reloaded",
            ),
            Self::Waiting(change) => tracing::warn!(
                revision = &*change.revision,
                in_force = &*change.previous,
                bundle_revision = change.bundle_revision.as_deref(),
                rules = %change.rules,
                "a new policy drops rules and waits for a confirmation",
            ),
            Self::Refused(error) => {
                tracing::warn!(%error, "a new policy was refused; the last good one stays");
            }
            Self::RolledBack(change) => tracing::warn!(
                revision = &*change.revision,
                previous = &*change.previous,
                rules = %change.rules,
                "policy rolled back",
            ),
            Self::Stale { max_stale } => tracing::error!(
                ?max_stale,
                "the policy is stale: every call is denied until its source can be read and is in force",
            ),
            Self::Recovered { revision } => {
                tracing::info!(
                    revision = &**revision,
                    "the policy is that of its source again"
                );
            }
        }
    }
}
