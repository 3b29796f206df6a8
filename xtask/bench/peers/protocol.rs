//! What a peer is told and what it says: JSON, a line each.
//!
//! First comes `{"policy": text, "calls": [input document, …]}`, answered with
//! `{"verdicts": […], "load_ms": number, "memory_bytes": number | null}`; then, over and over,
//! `{"budget_us": number}`, answered with `{"nanoseconds": [number, …]}`, one for each call. It ends where its input ends.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Another engine.
pub(crate) trait Peer: Sized {
    /// A call as this engine takes it.
    type Call;

    fn load(policy: &str) -> Result<Self>;

    fn call(document: &Value) -> Result<Self::Call>;

    /// `ALLOW`, `DENY` or `REFUSE`.
    fn decide(&self, call: &Self::Call) -> Result<&'static str>;
}

pub(crate) fn serve<P: Peer>() -> Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let mut next = || -> Result<Option<Value>> {
        let Some(line) = lines.next() else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_str(&line?)?))
    };
    let Some(task) = next()? else { return Ok(()) };
    let policy = task["policy"].as_str().context("no policy")?;
    let documents = task["calls"].as_array().context("no calls")?;
    let before = crate::memory::resident_bytes();
    let begun = Instant::now();
    let peer = P::load(policy)?;
    let load_ms = begun.elapsed().as_secs_f64() * 1e3;
    let memory = crate::memory::resident_bytes()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    let calls: Vec<P::Call> = documents.iter().map(P::call).collect::<Result<_>>()?;
    let verdicts: Vec<&str> = calls
        .iter()
        .map(|call| peer.decide(call))
        .collect::<Result<_>>()?;
    answer(&json!({"verdicts": verdicts, "load_ms": load_ms, "memory_bytes": memory}))?;
    while let Some(task) = next()? {
        let budget = task["budget_us"].as_u64().context("no budget")?;
        let times = crate::times::timed(&calls, Duration::from_micros(budget), |call| {
            peer.decide(call)
        })?;
        answer(&json!({"nanoseconds": times.nanoseconds()}))?;
    }
    Ok(())
}

fn answer(value: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}
