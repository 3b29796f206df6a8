//! When calls come.

use std::time::{Duration, Instant};

/// Times at a fixed distance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    begin: Instant,
    distance: Duration,
    count: u32,
}

impl Schedule {
    /// `rate` a second for `time`, from `begin` on.
    pub(super) fn new(begin: Instant, rate: u32, time: Duration) -> Self {
        let distance = Duration::from_secs(1) / rate.max(1);
        let count = time.as_nanos() / distance.as_nanos().max(1);
        Self {
            begin,
            distance,
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    /// The times.
    pub(super) fn times(self) -> impl Iterator<Item = Instant> {
        (0..self.count).map(move |number| self.begin + self.distance * number)
    }
}
