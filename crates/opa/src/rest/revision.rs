use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kitelogik_core::PolicyDecision;

/// Which revision the last answer named, and when.
#[derive(Default)]
pub(super) struct LastRevision(Mutex<Option<(Option<Arc<str>>, Instant)>>);

impl LastRevision {
    /// Keeps the decision's revision, as one and the same text for as long as it stays.
    pub(super) fn note(&self, decision: &mut PolicyDecision) {
        let mut seen = self.lock();
        if let Some((last, _)) = &*seen
            && *last == decision.revision
        {
            decision.revision.clone_from(last);
        }
        *seen = Some((decision.revision.clone(), Instant::now()));
    }

    pub(super) fn last(&self) -> Option<Arc<str>> {
        self.lock()
            .as_ref()
            .and_then(|(revision, _)| revision.clone())
    }

    /// The revision, if that answer is not older than `window`.
    #[cfg(feature = "embedded")]
    pub(super) fn within(&self, window: std::time::Duration) -> Option<Arc<str>> {
        let seen = self.lock();
        let (revision, at) = seen.as_ref()?;
        (at.elapsed() <= window).then(|| revision.clone()).flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Option<Arc<str>>, Instant)>> {
        // It is replaced whole: nothing half-written can be seen.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
