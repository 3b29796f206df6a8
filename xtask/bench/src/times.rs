//! How long answers took.

use std::time::{Duration, Instant};

/// How long each of many answers took.
#[derive(Clone, Debug, Default)]
pub struct Times {
    nanoseconds: Vec<u64>,
}

impl Times {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.nanoseconds
            .push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds one that was measured elsewhere.
    pub fn add_nanoseconds(&mut self, nanoseconds: u64) {
        self.nanoseconds.push(nanoseconds);
    }

    /// Adds all of `other`.
    pub fn append(&mut self, mut other: Self) {
        self.nanoseconds.append(&mut other.nanoseconds);
    }

    /// All of them, in nanoseconds.
    pub fn nanoseconds(&self) -> &[u64] {
        &self.nanoseconds
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.nanoseconds.len()
    }

    /// The time in microseconds that this share of all stayed within: 0.5 is the median. None took no time.
    pub fn percentile(&mut self, share: f64) -> f64 {
        self.nanoseconds.sort_unstable();
        let last = self.nanoseconds.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        self.nanoseconds
            .get(place)
            .map_or(0.0, |nanoseconds| *nanoseconds as f64 / 1_000.0)
    }
}

/// Asks about each of `calls` in turn, over and over until `budget` has passed, and each at least once.
///
/// # Errors
///
/// The first that `ask` gives.
pub fn timed<C, T, E>(
    calls: &[C],
    budget: Duration,
    mut ask: impl FnMut(&C) -> Result<T, E>,
) -> Result<Times, E> {
    let mut times = Times::default();
    let begun = Instant::now();
    loop {
        for call in calls {
            let asked = Instant::now();
            let answer = ask(call);
            times.add(asked.elapsed());
            drop(std::hint::black_box(answer?));
        }
        if begun.elapsed() >= budget {
            return Ok(times);
        }
    }
}

/// As [`timed`], where asking is asynchronous.
///
/// # Errors
///
/// The first that `ask` gives.
pub async fn timed_async<C, T, E>(
    calls: &[C],
    budget: Duration,
    ask: impl AsyncFn(&C) -> Result<T, E>,
) -> Result<Times, E> {
    let mut times = Times::default();
    let begun = Instant::now();
    loop {
        for call in calls {
            let asked = Instant::now();
            let answer = ask(call).await;
            times.add(asked.elapsed());
            drop(std::hint::black_box(answer?));
        }
        if begun.elapsed() >= budget {
            return Ok(times);
        }
    }
}
