use std::time::{Duration, Instant};

/// What one decision has of time; all that happens on its way shares it.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    begin: Instant,
    limit: Duration,
}

impl Deadline {
    pub(super) fn within(limit: Duration) -> Self {
        Self {
            begin: Instant::now(),
            limit,
        }
    }

    pub(super) fn left(self) -> Duration {
        self.limit.saturating_sub(self.begin.elapsed())
    }
}
