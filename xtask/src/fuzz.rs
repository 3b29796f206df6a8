//! `cargo xtask fuzz`: random policies, compiled, interpreted, reduced and asked of OPA, for as long as there is time.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, shown, succeed};
use crate::provision;

/// The tests that hold them against each other.
const PROPERTIES: &str = "random_policies";
/// Where the test begins, and how many policies it looks at.
const FIRST: &str = "KITELOGIK_PROGRAM_FIRST";
const POLICIES: &str = "KITELOGIK_PROGRAM_POLICIES";
/// The seeds between two lines of progress; each is two policies, one with twenty events and one with ten.
const BLOCK: u64 = 500;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long to go on; the policies that were begun are finished
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_080))]
    minutes: u64,
    /// The first seed; by default another one in each run. Each is two policies with their events
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

/// Runs the property, block by block.
///
/// # Errors
///
/// When there is no OPA, and when the answers differ anywhere: the seeds are in the message.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let opa = provision::provide()?;
    let test = ["test", "-p", "kitelogik-rego", "--test", "it"];
    succeed(cargo()?.args(test).arg("--no-run"))?;
    let first = match arguments.seed {
        Some(seed) => seed,
        None => random()?,
    };
    println!("from seed {first}, for {} minutes", arguments.minutes);
    let time = Duration::from_secs(arguments.minutes.saturating_mul(60));
    let begun = Instant::now();
    let mut next = first;
    let mut differ = BTreeSet::new();
    while begun.elapsed() < time {
        let mut command = cargo()?;
        command
            .args(test)
            .args(["--quiet", PROPERTIES, "--", "--nocapture"])
            .env("OPA_BIN", opa.path())
            .env(FIRST, next.to_string())
            .env(POLICIES, BLOCK.to_string())
            .stderr(Stdio::piped());
        let output = command
            .output()
            .with_context(|| format!("cannot run `{}`", shown(&command)))?;
        if !output.status.success() {
            let told = [output.stdout, output.stderr].concat();
            let told = String::from_utf8_lossy(&told);
            println!("{told}");
            let seeds = seeds(&told);
            if seeds.is_empty() {
                bail!("the run that begins with seed {next} failed, and names no seed");
            }
            differ.extend(seeds);
        }
        next = next.saturating_add(BLOCK);
        println!(
            "{:>6.0?}: {} seeds, of two policies with 30 events each, {} differ",
            begun.elapsed(),
            next.saturating_sub(first),
            differ.len()
        );
    }
    let again: Vec<String> = differ
        .iter()
        .map(|seed| {
            format!(
                "{FIRST}={seed} {POLICIES}=1 cargo test -p kitelogik-rego --test it random_policies"
            )
        })
        .collect();
    if !again.is_empty() {
        bail!(
            "{} policies differ; one by one:\n{}",
            again.len(),
            again.join("\n")
        );
    }
    Ok(())
}

/// The seeds that the test tells of.
fn seeds(told: &str) -> BTreeSet<u64> {
    told.lines()
        .filter_map(|line| {
            let (_, after) = line.split_once(", seed ")?;
            after.split(':').next()?.parse().ok()
        })
        .collect()
}

fn random() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // Long enough apart that runs do not overlap, and short enough to type.
    Ok(now.context("the clock is before 1970")?.as_secs() * 1_000)
}

#[cfg(test)]
mod tests {
    use super::seeds;

    #[test]
    fn the_seeds_of_all_differences_are_found() {
        let told = "2 differ:\nDIFFERENT, seed 17: None\ninput, {}\n\nNO ERROR, seed 4: x, seed";
        assert_eq!(seeds(told), [4, 17].into());
    }
}
