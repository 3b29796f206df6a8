//! An OPA that is killed, stopped and started again while it is asked.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use kitelogik_core::{FailClosed, GovernanceEvent, SessionContext, ToolCallInput, Verdict};
use kitelogik_opa::{OpaClient, PolicyGate, Session};
use kitelogik_opa_process::{Opa, OpaProcess};
use serde_json::{Map, Value};
use tokio::runtime::Builder;
use tokio::time::{sleep_until, timeout_at};

use super::schedule::Schedule;
use crate::Times;

const POLICY: &str = r#"
package kitelogik.main

allow if input.args.amount <= 100

deny contains "too much" if input.args.amount > 100
"#;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_millis(250);
/// What a busy machine may add to what is promised.
const SLACK: Duration = Duration::from_millis(500);

/// Outages under load: OPA is killed, started again, stopped, let go on, and restarted, each for one phase.
#[derive(Clone, Copy, Debug)]
pub struct Outages {
    /// How long each of the six phases is.
    pub phase: Duration,
    /// Questions a second.
    pub rate: u32,
    /// How far apart the client's probes are at most.
    pub probe_interval: Duration,
}

impl fmt::Display for Outages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} questions/s, killed for {:?}, stopped for {:?}, restarted, with probes every {:?}",
            self.rate, self.phase, self.phase, self.probe_interval
        )
    }
}

/// What came of [`Outages`].
#[derive(Debug)]
pub struct OutagesReport {
    settings: Outages,
    offered: usize,
    answers: Vec<Answer>,
    outages: Vec<Outage>,
}

#[derive(Clone, Debug)]
struct Answer {
    due: Instant,
    took: Duration,
    /// What OPA's policy says of it.
    right: Verdict,
    verdict: Verdict,
    code: Option<FailClosed>,
}

#[derive(Clone, Copy, Debug)]
struct Outage {
    from: Instant,
    /// OPA answers again.
    until: Instant,
}

impl Outages {
    /// Asks OPA all the while.
    ///
    /// # Errors
    ///
    /// When the load cannot be made, or a question is never answered; what answers came to is in the report.
    pub fn run(&self, opa: &Opa) -> Result<OutagesReport> {
        let server = opa.server().module("main.rego", POLICY).start()?;
        let client = OpaClient::builder()
            .base_url(server.url())
            .timeout(TIMEOUT)
            .probe_interval(self.probe_interval)
            .build()?;
        let session = PolicyGate::new(client).session(SessionContext::new("soak"));
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(self.shake(server, session))
    }

    async fn shake(&self, server: OpaProcess, session: Session) -> Result<OutagesReport> {
        let begin = Instant::now();
        let faults = {
            let phase = self.phase;
            tokio::task::spawn_blocking(move || take_away(server, begin, phase))
        };
        let answers = Arc::new(Mutex::new(Vec::new()));
        let mut asked = Vec::new();
        for (number, due) in Schedule::new(begin, self.rate, self.phase * 6)
            .times()
            .enumerate()
        {
            sleep_until(due.into()).await;
            let (session, answers) = (session.clone(), Arc::clone(&answers));
            asked.push(tokio::spawn(async move {
                let answer = ask(&session, due, number % 2 == 0).await;
                let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                answers.push(answer);
            }));
        }
        let offered = asked.len();
        let end = Instant::now() + TIMEOUT + SLACK;
        for asked in asked {
            timeout_at(end.into(), asked)
                .await
                .context("a question is never answered")??;
        }
        let outages = faults.await??;
        let answers = std::mem::take(&mut *answers.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(OutagesReport {
            settings: *self,
            offered,
            answers,
            outages,
        })
    }
}

async fn ask(session: &Session, due: Instant, little: bool) -> Answer {
    let mut args = Map::new();
    args.insert(
        "amount".to_owned(),
        Value::from(if little { 42 } else { 500 }),
    );
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("pay", args));
    let begun = Instant::now();
    let decision = session.evaluate(&event).await;
    Answer {
        due,
        took: begun.elapsed(),
        right: match little {
            true => Verdict::Allow,
            false => Verdict::Deny,
        },
        verdict: decision.verdict,
        code: decision.fail_closed,
    }
}

/// Lets OPA answer for a phase and takes it away for one, in three ways.
fn take_away(mut server: OpaProcess, begin: Instant, phase: Duration) -> Result<Vec<Outage>> {
    let wait_for = |phases: u32| {
        std::thread::sleep((begin + phase * phases).saturating_duration_since(Instant::now()));
    };
    let mut outages = Vec::new();
    wait_for(1);
    let from = Instant::now();
    server.kill()?;
    wait_for(2);
    server.restart()?;
    outages.push(Outage {
        from,
        until: Instant::now(),
    });
    wait_for(3);
    let from = Instant::now();
    server.pause()?;
    wait_for(4);
    server.resume()?;
    outages.push(Outage {
        from,
        until: Instant::now(),
    });
    wait_for(5);
    let from = Instant::now();
    server.restart()?;
    outages.push(Outage {
        from,
        until: Instant::now(),
    });
    // The last questions are asked before it ends.
    wait_for(6);
    std::thread::sleep(TIMEOUT);
    Ok(outages)
}

impl OutagesReport {
    /// Checks what must hold on any machine: every question answered within its time, right or denied with the code
    /// of an engine that does not answer, and within one probe interval after OPA is back nothing but right.
    ///
    /// # Errors
    ///
    /// What does not hold.
    pub fn hold(&self) -> Result<()> {
        ensure!(
            self.answers.len() == self.offered,
            "{} of {} questions were answered",
            self.answers.len(),
            self.offered
        );
        for answer in &self.answers {
            self.holds(answer)?;
        }
        for outage in &self.outages {
            let within = |answer: &&Answer| answer.due > outage.from && answer.due < outage.until;
            ensure!(
                self.answers
                    .iter()
                    .filter(within)
                    .any(|answer| answer.code.is_some()),
                "an outage went unnoticed"
            );
        }
        Ok(())
    }

    fn holds(&self, answer: &Answer) -> Result<()> {
        ensure!(
            answer.took < TIMEOUT + SLACK,
            "an answer took {:?}, where {TIMEOUT:?} are given",
            answer.took
        );
        match answer.code {
            None => ensure!(
                answer.verdict == answer.right,
                "{:?}, and {:?} is right",
                answer.verdict,
                answer.right
            ),
            Some(code) => {
                ensure!(
                    answer.verdict == Verdict::Deny,
                    "{code} and {:?}",
                    answer.verdict
                );
                match code {
                    FailClosed::EngineUnreachable | FailClosed::EngineTimeout => {}
                    other => bail!("an OPA that does not answer is `{other}`"),
                }
                let excused = self.outages.iter().any(|outage| {
                    let from = outage.from.checked_sub(TIMEOUT).unwrap_or(outage.from);
                    let until = outage.until + self.settings.probe_interval + SLACK;
                    (from..=until).contains(&answer.due)
                });
                ensure!(
                    excused,
                    "a denial with `{code}` while OPA had been back for longer than a probe interval"
                );
            }
        }
        Ok(())
    }

    /// What a denial took at the median while OPA had been gone for longer than a question may take.
    pub fn denial(&self) -> Duration {
        let mut times = Times::default();
        for answer in &self.answers {
            let known = self.outages.iter().any(|outage| {
                answer.due > outage.from + TIMEOUT + TIMEOUT && answer.due < outage.until
            });
            if known && answer.code.is_some() {
                times.add(answer.took);
            }
        }
        Duration::from_secs_f64(times.percentile(0.5) / 1e6)
    }

    /// How long after the end of an outage the first right answer was asked for; the longest of all.
    fn recovery(&self) -> Result<Duration> {
        let recovery = |outage: &Outage| {
            self.answers
                .iter()
                .filter(|answer| answer.code.is_none() && answer.due > outage.until)
                .map(|answer| answer.due.duration_since(outage.until))
                .min()
        };
        self.outages
            .iter()
            .map(recovery)
            .collect::<Option<Vec<_>>>()
            .and_then(|times| times.into_iter().max())
            .ok_or_else(|| anyhow!("no answer after an outage"))
    }
}

impl fmt::Display for OutagesReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let denied = self.answers.iter().filter(|answer| answer.code.is_some());
        write!(
            formatter,
            "{} questions, {} answered, {} denied because nobody could know; a denial {:.0} us at the median once OPA was \
             known to be gone; right answers again after {}",
            self.offered,
            self.answers.len(),
            denied.count(),
            self.denial().as_secs_f64() * 1e6,
            self.recovery()
                .map_or_else(|error| error.to_string(), |time| format!("{time:?}")),
        )
    }
}
