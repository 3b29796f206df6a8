use std::time::Duration;

use kitelogik_core::{EngineError, FailClosed};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many questions may be under way at an endpoint, and how many may wait for it.
pub(super) struct Places {
    asking: Semaphore,
    waiting: Semaphore,
    most: usize,
}

/// Leave to send one question; given back when it is dropped.
pub(super) struct Place<'a> {
    /// Whether it had to be waited for: what was known of the endpoint before may have changed.
    pub(super) waited: bool,
    _permit: SemaphorePermit<'a>,
}

/// For each question under way so many may wait.
const WAITING: usize = 16;

impl Places {
    pub(super) fn new(most: usize) -> Self {
        // What a semaphore can hold is more than any machine has connections.
        let most = most.min(Semaphore::MAX_PERMITS / WAITING);
        Self {
            asking: Semaphore::new(most),
            waiting: Semaphore::new(most * WAITING),
            most,
        }
    }

    /// A place, waited for no longer than `limit`.
    pub(super) async fn take(&self, limit: Duration) -> Result<Place<'_>, EngineError> {
        if let Ok(permit) = self.asking.try_acquire() {
            return Ok(Place {
                waited: false,
                _permit: permit,
            });
        }
        let _queued = self
            .waiting
            .try_acquire()
            .map_err(|_| self.full(format_args!("{} more are waiting", self.most * WAITING)))?;
        match tokio::time::timeout(limit, self.asking.acquire()).await {
            Ok(Ok(permit)) => Ok(Place {
                waited: true,
                _permit: permit,
            }),
            _ => Err(self.full(format_args!("none ended within {limit:?}"))),
        }
    }

    fn full(&self, more: std::fmt::Arguments<'_>) -> EngineError {
        EngineError::new(
            FailClosed::LimitExceeded,
            format!("{} questions are under way, and {more}", self.most),
        )
    }
}
