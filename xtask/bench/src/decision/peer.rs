//! An engine in a program of its own (`peers/protocol.rs`), which times itself as we are timed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kitelogik_core::Verdict;
use serde::Deserialize;
use serde_json::{Value, json};

use super::System;
use super::report::Line;
use crate::{Call, Times};

pub(super) struct Peer {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    greeting: Greeting,
}

#[derive(Deserialize)]
struct Greeting {
    verdicts: Vec<String>,
    load_ms: f64,
    memory_bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Turn {
    nanoseconds: Vec<u64>,
}

impl Peer {
    pub(super) fn start(
        name: &'static str,
        folder: &Path,
        policy: &str,
        calls: &[Call],
    ) -> Result<Self> {
        let program = folder.join(format!("kitelogik-bench-{name}"));
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run `{}`", program.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("a child without pipes");
        };
        let mut peer = Self {
            name,
            child,
            input,
            output: BufReader::new(output),
            greeting: Greeting {
                verdicts: Vec::new(),
                load_ms: 0.0,
                memory_bytes: None,
            },
        };
        let documents: Vec<Value> = calls
            .iter()
            .map(|call| serde_json::to_value(call.input()))
            .collect::<Result<_, _>>()?;
        let greeting = peer.ask(&json!({"policy": policy, "calls": documents}))?;
        peer.greeting = serde_json::from_str(&greeting)?;
        Ok(peer)
    }

    /// What loading the policy took.
    pub(super) fn loaded(&self, rules: usize) -> Line {
        Line::load(
            self.name,
            rules,
            self.greeting.load_ms,
            self.greeting.memory_bytes,
        )
    }

    fn ask(&mut self, question: &Value) -> Result<String> {
        writeln!(self.input, "{question}")?;
        self.input.flush()?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        if answer.is_empty() {
            bail!("{} ended without an answer", self.name);
        }
        Ok(answer)
    }
}

impl System for Peer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn verdicts(&mut self) -> Result<Vec<Verdict>> {
        let verdicts = self.greeting.verdicts.iter();
        verdicts
            .map(|verdict| match verdict.as_str() {
                "ALLOW" => Ok(Verdict::Allow),
                "DENY" => Ok(Verdict::Deny),
                "REFUSE" => Ok(Verdict::Refuse),
                other => bail!("{} says `{other}`", self.name),
            })
            .collect()
    }

    fn time(&mut self, budget: Duration) -> Result<Times> {
        let budget = u64::try_from(budget.as_micros())?;
        let answer = self.ask(&json!({ "budget_us": budget }))?;
        let turn: Turn = serde_json::from_str(&answer)?;
        let mut times = Times::default();
        for nanoseconds in turn.nanoseconds {
            times.add_nanoseconds(nanoseconds);
        }
        Ok(times)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself: nothing more can be done.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
