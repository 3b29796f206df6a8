//! A new policy every second, while decisions are made.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use kitelogik_core::{GovernanceEvent, PolicyDecision, SessionContext, ToolCallInput, Verdict};
use kitelogik_opa::{PolicyGate, Reloading, Session};
use kitelogik_policy::Policy;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::runtime::Builder;

use super::schedule::Schedule;
use crate::{Rules, Times};

/// Threads that decide.
const THREADS: u32 = 2;
/// Rules that every version has besides its own.
const RULES: usize = 200;

/// Policies that are swapped under load.
#[derive(Clone, Copy, Debug)]
pub struct Swaps {
    /// How long.
    pub time: Duration,
    /// Decisions offered a second.
    pub rate: u32,
    /// A new version comes so often.
    pub every: Duration,
}

impl fmt::Display for Swaps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} decisions/s for {:?} on {THREADS} threads, a new version every {:?}",
            self.rate, self.time, self.every
        )
    }
}

/// What came of [`Swaps`].
#[derive(Debug, Default)]
pub struct SwapsReport {
    offered: usize,
    times: Times,
    /// How many decisions each version made.
    versions: HashMap<usize, usize>,
    written: usize,
    /// The first of those that were wrong, and how many there were.
    wrong: Option<String>,
    wrongs: usize,
}

impl Swaps {
    /// Puts the gate under load.
    ///
    /// # Errors
    ///
    /// When the load cannot be made; what decisions came to is in the report.
    pub fn run(&self) -> Result<SwapsReport> {
        let folder = tempfile::tempdir()?;
        let policies = folder.path().join("policies");
        fs::create_dir(&policies)?;
        let count = self.time.as_nanos() / self.every.as_nanos().max(1);
        let versions = Versions::new(usize::try_from(count)?.max(1), &folder)?;
        versions.put(0, &policies)?;
        // Policies are read and compiled here, away from the threads that decide.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let engine = runtime.block_on(
            Reloading::watch(&policies)
                .quiet_for(Duration::from_millis(50))
                .start(),
        )?;
        let gate = PolicyGate::new(engine);
        let begin = Instant::now() + Duration::from_millis(20);
        let done = AtomicBool::new(false);
        let mut report = SwapsReport {
            written: versions.texts.len(),
            ..SwapsReport::default()
        };
        thread::scope(|scope| {
            let deciding: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (gate, versions) = (&gate, &versions);
                    scope.spawn(move || self.decide(thread, begin, gate, versions))
                })
                .collect();
            let writing = scope.spawn(|| versions.write(&policies, begin, self.every, &done));
            for thread in deciding {
                report.add(thread.join().map_err(|_| anyhow!("a thread panicked"))??);
            }
            done.store(true, Ordering::Release);
            writing.join().map_err(|_| anyhow!("the writer panicked"))?
        })?;
        Ok(report)
    }

    fn decide(
        &self,
        thread: u32,
        begin: Instant,
        gate: &PolicyGate,
        versions: &Versions,
    ) -> Result<SwapsReport> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let session = gate.session(SessionContext::new("soak").role("support_agent"));
        let mut report = SwapsReport::default();
        let rate = (self.rate / THREADS).max(1);
        // The threads' times lie between each other's.
        let offset = Duration::from_secs(1) / rate / THREADS * thread;
        runtime.block_on(async {
            for (number, due) in Schedule::new(begin + offset, rate, self.time)
                .times()
                .enumerate()
            {
                if let Some(wait) = due.checked_duration_since(Instant::now()) {
                    thread::sleep(wait);
                }
                // Around the limits of the versions: each decides these calls otherwise.
                let amount = number % (versions.texts.len() + 1);
                let decision = ask(&session, amount).await;
                report.times.add(due.elapsed());
                report.offered += 1;
                match versions.made(&decision, amount) {
                    Ok(version) => *report.versions.entry(version).or_default() += 1,
                    Err(error) => report.note(&error),
                }
            }
        });
        Ok(report)
    }
}

async fn ask(session: &Session, amount: usize) -> std::sync::Arc<PolicyDecision> {
    let mut args = Map::new();
    args.insert("amount".to_owned(), Value::from(amount));
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("pay", args));
    session.evaluate(&event).await
}

/// Version *n* allows amounts up to *n*, and says that it is version *n*.
struct Versions {
    texts: Vec<String>,
    /// The number of each revision.
    numbers: HashMap<String, usize>,
}

const FILE: &str = "pay.rego";

impl Versions {
    fn new(count: usize, folder: &TempDir) -> Result<Self> {
        let rules = Rules::new(RULES).rego("kitelogik.userpolicy");
        let texts: Vec<String> = (0..count)
            .map(|version| {
                format!(
                    "{rules}\nallow if {{ input.action == \"pay\"; input.args.amount <= {version} }}\n\
                     deny contains \"too much\" if {{ input.action == \"pay\"; input.args.amount > {version} }}\n\
                     rules contains \"version_{version}\" if input.action == \"pay\"\n"
                )
            })
            .collect();
        let alone = folder.path().join("alone");
        fs::create_dir(&alone)?;
        let mut numbers = HashMap::new();
        for (number, text) in texts.iter().enumerate() {
            fs::write(alone.join(FILE), text)?;
            numbers.insert(Policy::load(&alone)?.revision().to_owned(), number);
        }
        ensure!(numbers.len() == count, "two versions are alike");
        Ok(Self { texts, numbers })
    }

    /// Puts a version in place, whole.
    fn put(&self, version: usize, policies: &Path) -> Result<()> {
        let text = self.texts.get(version).context("no such version")?;
        let made = policies.with_extension("new");
        fs::write(&made, text)?;
        Ok(fs::rename(made, policies.join(FILE))?)
    }

    fn write(
        &self,
        policies: &Path,
        begin: Instant,
        every: Duration,
        done: &AtomicBool,
    ) -> Result<()> {
        for version in 1..self.texts.len() {
            let due = begin + every * u32::try_from(version)?;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if done.load(Ordering::Acquire) {
                break;
            }
            self.put(version, policies)?;
        }
        Ok(())
    }

    /// Which version made the decision, as it alone would.
    fn made(&self, decision: &PolicyDecision, amount: usize) -> Result<usize, String> {
        if let Some(code) = decision.fail_closed {
            return Err(format!("{code}: {:?}", decision.detail));
        }
        let revision = decision.revision.as_deref().unwrap_or_default();
        let Some(version) = self.numbers.get(revision) else {
            return Err(format!("revision `{revision}` is no version's"));
        };
        let wanted = if amount <= *version {
            Verdict::Allow
        } else {
            Verdict::Deny
        };
        let name = format!("version_{version}");
        if decision.verdict == wanted && decision.rules.iter().eq([&name]) {
            return Ok(*version);
        }
        Err(format!(
            "version {version} does not say {:?} to {amount}, with the rules {:?}",
            decision.verdict, decision.rules
        ))
    }
}

impl SwapsReport {
    /// Checks what must hold on any machine: no error, every decision by one of the versions and as that decides, and
    /// every second version seen at least.
    ///
    /// # Errors
    ///
    /// What does not hold.
    pub fn hold(&self) -> Result<()> {
        if let Some(wrong) = &self.wrong {
            return Err(anyhow!("{} wrong decisions, first: {wrong}", self.wrongs));
        }
        ensure!(self.offered > 0, "nothing was offered");
        ensure!(
            self.times.count() == self.offered,
            "{} of {} calls were answered",
            self.times.count(),
            self.offered
        );
        ensure!(
            self.versions.len() * 2 >= self.written,
            "{} of {} versions came into force",
            self.versions.len(),
            self.written
        );
        Ok(())
    }

    /// What 99 of 100 decisions took, from the time they were due.
    pub fn late(&mut self) -> Duration {
        Duration::from_secs_f64(self.times.percentile(0.99) / 1e6)
    }

    fn add(&mut self, other: Self) {
        self.offered += other.offered;
        self.times.append(other.times);
        for (version, count) in other.versions {
            *self.versions.entry(version).or_default() += count;
        }
        self.wrongs += other.wrongs;
        self.wrong = self.wrong.take().or(other.wrong);
    }

    fn note(&mut self, wrong: &str) {
        self.wrongs += 1;
        self.wrong.get_or_insert_with(|| wrong.to_owned());
    }
}

impl fmt::Display for SwapsReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.times.clone();
        write!(
            formatter,
            "{} decisions by {} of {} versions, {} wrong; p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, longest {:.0} us",
            self.offered,
            self.versions.len(),
            self.written,
            self.wrongs,
            times.percentile(0.5),
            times.percentile(0.99),
            times.percentile(0.999),
            times.percentile(1.0),
        )
    }
}
