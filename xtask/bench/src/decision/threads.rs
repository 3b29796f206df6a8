//! Whether two threads decide twice as much as one.

use std::fs;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kitelogik_opa::{Embedded, PolicyGate};
use tokio::runtime::Builder;

use super::composed;
use super::gate::asked;
use super::report::{Line, Report};
use crate::{Call, Rules};

const RULES: usize = 1_000;

pub(super) fn measure(report: &mut Report, quick: bool) -> Result<()> {
    let rules = Rules::new(RULES);
    let calls = Call::all(&rules);
    let gate = PolicyGate::new(Embedded::new(composed(&rules)?)?);
    let (rounds, turn) = match quick {
        true => (1, Duration::from_millis(20)),
        false => (15, Duration::from_millis(200)),
    };
    let mut pairs = Vec::new();
    for _ in 0..rounds {
        let one = made(&gate, &calls, 1, turn)?;
        let two = made(&gate, &calls, 2, turn)?;
        pairs.push((two.per_second / one.per_second, one, two));
    }
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, one, two) = pairs.get(pairs.len() / 2).context("no round")?;
    report.line(Line::threads("kitelogik", RULES, 1, one, None));
    report.line(Line::threads("kitelogik", RULES, 2, two, Some(*ratio)));
    Ok(())
}

/// What threads made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    /// All of them together.
    pub(super) per_second: f64,
    /// The processor's time that one decision took, in microseconds: how they get in each other's way shows in it also
    /// where the machine has other work to do. 0 where the system does not say.
    pub(super) processor_us: f64,
}

/// What so many threads make, each with a runtime of its own, all of one gate.
fn made(gate: &PolicyGate, calls: &[Call], threads: usize, turn: Duration) -> Result<Made> {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| one_thread(gate, calls, turn, &barrier)))
            .collect();
        let mut sum = Made::default();
        for thread in running {
            let made = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            sum.per_second += made.per_second;
            sum.processor_us = sum.processor_us.max(made.processor_us);
        }
        Ok(sum)
    })
}

fn one_thread(gate: &PolicyGate, calls: &[Call], turn: Duration, start: &Barrier) -> Result<Made> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let asked = asked(gate, calls);
    start.wait();
    let processor = processor_ns();
    let begun = Instant::now();
    let mut count = 0.0;
    runtime.block_on(async {
        while begun.elapsed() < turn {
            for (session, event) in &asked {
                std::hint::black_box(session.evaluate(event).await);
                count += 1.0;
            }
        }
    });
    let elapsed = begun.elapsed().as_secs_f64();
    Ok(Made {
        per_second: count / elapsed,
        processor_us: (processor_ns() - processor) / count / 1e3,
    })
}

/// The processor's time that this thread had so far, in nanoseconds.
fn processor_ns() -> f64 {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = statistics.split(' ').next();
    first.and_then(|time| time.parse().ok()).unwrap_or(0.0)
}
