//! Whether two threads decide twice as much as one.

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
        let one = per_second(&gate, &calls, 1, turn)?;
        let two = per_second(&gate, &calls, 2, turn)?;
        pairs.push((two / one, one, two));
    }
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, one, two) = pairs.get(pairs.len() / 2).context("no round")?;
    report.line(Line::threads("kitelogik", RULES, 1, *one, None));
    report.line(Line::threads("kitelogik", RULES, 2, *two, Some(*ratio)));
    Ok(())
}

/// How many decisions so many threads make in a second, each with a runtime of its own, all of one gate.
fn per_second(gate: &PolicyGate, calls: &[Call], threads: usize, turn: Duration) -> Result<f64> {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| one_thread(gate, calls, turn, &barrier)))
            .collect();
        let mut sum = 0.0;
        for thread in running {
            sum += thread
                .join()
                .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(sum)
    })
}

fn one_thread(gate: &PolicyGate, calls: &[Call], turn: Duration, start: &Barrier) -> Result<f64> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let asked = asked(gate, calls);
    start.wait();
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
    Ok(count / begun.elapsed().as_secs_f64())
}
