//! Load that does not wait for answers, while policies are swapped and OPA is killed, stopped and restarted.
//!
//! Calls come at times that were fixed before. A call that could not be asked in time, because the one before it took
//! so long, is late from the time it should have been asked: what is slow cannot hide by slowing the load down.

mod outages;
mod schedule;
mod swaps;

use std::time::Duration;

use anyhow::{Result, ensure};
use kitelogik_opa_process as opa_process;

pub use outages::{Outages, OutagesReport};
pub use swaps::{Swaps, SwapsReport};

/// How long to shake.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// How long policies are swapped under load
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    seconds: u64,
    /// How many decisions a second are offered meanwhile
    #[arg(long, default_value_t = 20_000, value_name = "COUNT")]
    rate: u32,
}

/// The latest that 99 of 100 decisions may come while policies are swapped.
const LATE: Duration = Duration::from_millis(1);
/// What a denial may take at the median while OPA is known to be gone.
const SLOW_DENIAL: Duration = Duration::from_micros(50);

/// Shakes, prints what came of it, and says whether it held.
///
/// # Errors
///
/// The first promise that was not kept.
pub fn run(arguments: &Arguments) -> Result<()> {
    let swaps = Swaps {
        time: Duration::from_secs(arguments.seconds),
        rate: arguments.rate,
        every: Duration::from_secs(1),
    };
    println!("swapping policies: {swaps}");
    let mut swapped = swaps.run()?;
    println!("  {swapped}");
    swapped.hold()?;
    let opa = opa_process::find()?;
    let outages = Outages {
        phase: Duration::from_secs(2),
        rate: 400,
        probe_interval: Duration::from_millis(500),
    };
    println!("taking OPA away: {outages}");
    let outaged = outages.run(&opa)?;
    println!("  {outaged}");
    outaged.hold()?;
    let late = swapped.late();
    ensure!(
        late < LATE,
        "99 of 100 decisions came within {late:?} only, not within {LATE:?}"
    );
    let denial = outaged.denial();
    ensure!(
        denial < SLOW_DENIAL,
        "a denial took {denial:?} at the median while OPA was known to be gone, not under {SLOW_DENIAL:?}"
    );
    println!("everything held");
    Ok(())
}
