//! What loading a policy takes: each in a process of its own.

use std::env;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use kitelogik_opa::Embedded;
use serde::Deserialize;

use super::report::{Line, Report};
use super::{ALONE, composed, plain};
use crate::{Rules, resident_bytes};

const SYSTEMS: [&str; 2] = ["kitelogik", "regorus"];

#[derive(Deserialize)]
struct Loaded {
    load_ms: f64,
    memory_bytes: Option<u64>,
}

pub(super) fn measure(report: &mut Report, rules: usize) -> Result<()> {
    for system in SYSTEMS {
        let output = Command::new(env::current_exe()?)
            .args(["load", system, &rules.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot measure how {system} loads"))?;
        ensure!(output.status.success(), "{system} does not load");
        let loaded: Loaded = serde_json::from_slice(&output.stdout)?;
        report.line(Line::load(
            system,
            rules,
            loaded.load_ms,
            loaded.memory_bytes,
        ));
    }
    Ok(())
}

/// Loads so many rules, from their text to an engine that can decide, and prints what it took.
///
/// # Errors
///
/// When there is no such system, or the policy does not load.
pub fn load(system: &str, rules: usize) -> Result<()> {
    let rules = Rules::new(rules);
    let before = resident_bytes();
    let begun = Instant::now();
    // Kept, for the memory to be looked at while it is there.
    let loaded: Box<dyn std::any::Any> = match system {
        "kitelogik" => Box::new(Embedded::new(composed(&rules)?)?),
        "regorus" => Box::new(plain::compile(&rules.rego(ALONE))?),
        other => bail!("no system is called `{other}`"),
    };
    let load_ms = begun.elapsed().as_secs_f64() * 1e3;
    let memory_bytes = resident_bytes()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    drop(loaded);
    println!(
        "{}",
        serde_json::json!({"load_ms": load_ms, "memory_bytes": memory_bytes})
    );
    Ok(())
}
