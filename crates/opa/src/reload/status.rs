use std::sync::Arc;
use std::time::SystemTime;

use super::{PolicyChange, ReloadError};

/// What is in force, and what became of the last look at the source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReloadStatus {
    /// The revision in force: what decisions carry.
    pub revision: Arc<str>,
    /// What the bundle's manifest calls the version, where it is a bundle and says so.
    pub bundle_revision: Option<Arc<str>>,
    /// The bundle's place in the order of its versions, where it says so.
    pub sequence: Option<u64>,
    /// Since when it is in force.
    pub since: SystemTime,
    /// When the source was last read with the outcome that what it holds is in force.
    pub refreshed: SystemTime,
    /// When the source was last looked at, whatever came of it.
    pub attempted: SystemTime,
    /// Why what the source holds is not in force; `None` where it is, or waits.
    pub problem: Option<ReloadError>,
    /// The version that waits for [`confirm`](super::Reloading::confirm): a new one that drops rules, or the one that
    /// was rolled back from.
    pub waiting: Option<PolicyChange>,
    /// Whether a roll-back holds: what the source held then is not taken again.
    pub rolled_back: bool,
    /// Whether calls are denied because the policy could not be refreshed for too long.
    pub stale: bool,
    /// Whether somebody still looks for new versions: not once the runtime is gone that it was started on.
    pub watching: bool,
}
