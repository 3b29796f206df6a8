//! How many instructions a decision takes: a slowdown shows on any machine, however busy it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use kitelogik_core::GovernanceEvent;
use kitelogik_opa::{Embedded, PolicyGate, Session};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use crate::decision::{alone, composed};
use crate::{Call, Rules};

/// What to count.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The file with what was counted before
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// Writes what is counted into that file, instead of holding it to what is there
    #[arg(long)]
    update: bool,
}

/// How many more instructions than before are a slowdown, in per cent.
const TOLERANCE: u64 = 5;

/// How often each call is decided while instructions are counted, after as many times for the caches.
const PASSES: usize = 20;

const CASES: [(&str, bool, usize); 4] = [
    ("rules_only_10", false, 10),
    ("rules_only_10000", false, 10_000),
    ("builtin_bundle_10", true, 10),
    ("builtin_bundle_10000", true, 10_000),
];

#[derive(Debug, Default, Deserialize, Serialize)]
struct Baseline {
    /// What it was counted with: another compiler counts otherwise.
    rustc: String,
    /// Instructions of one decision of the gate, the mean of all calls.
    instructions: BTreeMap<String, u64>,
}

/// Counts under Valgrind, and holds the counts to those of the baseline.
///
/// # Errors
///
/// When there is no Valgrind, or a decision takes more than 5 per cent more instructions than the baseline says.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut counted = Baseline {
        rustc: output(Command::new("rustc").arg("--version"))?
            .trim()
            .to_owned(),
        ..Baseline::default()
    };
    for (case, ..) in CASES {
        let count = under_valgrind(case)?;
        println!("{case}: {count} instructions a decision");
        counted.instructions.insert(case.to_owned(), count);
    }
    if arguments.update {
        let text = serde_json::to_string_pretty(&counted)? + "\n";
        return Ok(fs::write(&arguments.baseline, text)?);
    }
    compare(&counted, &read(&arguments.baseline)?)
}

fn read(path: &Path) -> Result<Baseline> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

fn compare(counted: &Baseline, before: &Baseline) -> Result<()> {
    if counted.rustc != before.rustc {
        eprintln!(
            "note: the baseline is of {}, this is {}",
            before.rustc, counted.rustc
        );
    }
    let mut slower = Vec::new();
    for (case, count) in &counted.instructions {
        let before = before
            .instructions
            .get(case)
            .with_context(|| format!("the baseline has no `{case}`; `--update` writes it anew"))?;
        if count.saturating_mul(100) > before.saturating_mul(100 + TOLERANCE) {
            slower.push(format!("{case}: {count} instead of {before}"));
        } else if count.saturating_mul(100 + TOLERANCE) < before.saturating_mul(100) {
            println!("{case}: {before} before; `--update` keeps what was won");
        }
    }
    ensure!(
        slower.is_empty(),
        "decisions take more than {TOLERANCE} % more instructions than before: {}",
        slower.join(", ")
    );
    Ok(())
}

fn under_valgrind(case: &str) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args([
            "--tool=callgrind",
            "--quiet",
            "--toggle-collect=*counted_decisions*",
        ])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(env::current_exe()?)
        .args(["count", case]);
    let decisions: u64 = output(&mut valgrind)
        .context("Valgrind is needed to count instructions")?
        .trim()
        .parse()?;
    let text = fs::read_to_string(&file)?;
    let total: u64 = text
        .lines()
        .find_map(|line| line.strip_prefix("summary: "))
        .context("callgrind wrote no summary")?
        .trim()
        .parse()?;
    ensure!(total > 0 && decisions > 0, "nothing was counted");
    Ok(total / decisions)
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(
        output.status.success(),
        "{:?} failed ({})",
        command.get_program(),
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Decides what is counted `case`, and prints how many decisions are counted.
///
/// # Errors
///
/// When there is no such case.
pub fn count(case: &str, passes: Option<usize>) -> Result<()> {
    let Some((_, builtin, rules)) = CASES.iter().find(|(name, ..)| *name == case) else {
        bail!("there is no case `{case}`");
    };
    let rules = Rules::new(*rules);
    let calls = Call::all(&rules);
    let policy = match builtin {
        true => composed(&rules)?,
        false => alone(&rules)?,
    };
    let gate = PolicyGate::new(Embedded::new(policy)?);
    let asked: Vec<(Session, GovernanceEvent)> = calls
        .into_iter()
        .map(|call| (gate.session(call.context), call.event))
        .collect();
    let passes = passes.unwrap_or(PASSES);
    decisions(&asked, passes)?;
    counted_decisions(&asked, passes)?;
    println!("{}", asked.len() * passes);
    Ok(())
}

/// The function that callgrind looks at, by its name.
#[inline(never)]
fn counted_decisions(asked: &[(Session, GovernanceEvent)], passes: usize) -> Result<()> {
    decisions(asked, passes)
}

fn decisions(asked: &[(Session, GovernanceEvent)], passes: usize) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        for _ in 0..passes {
            for (session, event) in asked {
                std::hint::black_box(session.evaluate(event).await);
            }
        }
    });
    Ok(())
}
