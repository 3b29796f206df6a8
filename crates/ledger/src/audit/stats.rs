use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{LedgerError, Timestamp};

use super::filter::AuditFilter;
use super::{AuditLog, AuditRecord};

/// How many sessions are counted one by one: beyond, the number is a lower bound.
const MAX_SESSIONS: usize = 100_000;

/// What happened, in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditStats {
    /// How many decisions.
    pub decisions: u64,
    /// Of how many sessions; counted up to 100,000.
    pub sessions: u64,
    /// When the first was asked for.
    pub first: Option<Timestamp>,
    /// When the last was asked for.
    pub last: Option<Timestamp>,
    /// By verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// By risk tier.
    pub tiers: BTreeMap<String, u64>,
    /// By tool and verdict.
    pub tools: BTreeMap<String, BTreeMap<String, u64>>,
    /// Denials and refusals by the rules that fired; of several rules, each counts.
    pub denied_by: BTreeMap<String, u64>,
    /// By why nobody could know.
    pub fail_closed: BTreeMap<String, u64>,
    /// By outcome; `open` for calls that run or crashed.
    pub outcomes: BTreeMap<String, u64>,
    /// How long the gate took.
    pub latency: Latency,
}

/// How long the gate took to decide, in microseconds, waiting for people included.
///
/// Percentiles are exact to one part in sixteen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// Half of the decisions took no longer.
    pub p50_us: u64,
    /// 95 of 100 took no longer.
    pub p95_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl AuditLog {
    /// Counts the records of `filter`. Its limit and order do not apply.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn stats(&self, filter: &AuditFilter) -> Result<AuditStats, LedgerError> {
        let mut counting = Counting::default();
        self.each(filter, |record| {
            counting.add(record);
            Ok(())
        })
        .await?;
        Ok(counting.finish())
    }
}

#[derive(Default)]
struct Counting {
    stats: AuditStats,
    sessions: BTreeSet<String>,
    /// How many took so long, by [`bucket`].
    latencies: BTreeMap<u64, u64>,
}

impl Counting {
    fn add(&mut self, record: &AuditRecord) {
        let stats = &mut self.stats;
        let verdict = record.verdict.as_str();
        stats.decisions = stats.decisions.saturating_add(1);
        stats.first = Some(stats.first.map_or(record.at, |first| first.min(record.at)));
        stats.last = Some(stats.last.map_or(record.at, |last| last.max(record.at)));
        count(&mut stats.verdicts, verdict);
        count(&mut stats.tiers, record.tier.as_str());
        count(stats.tools.entry(record.tool.clone()).or_default(), verdict);
        if record.verdict.strength() > 1 {
            let named = record.rules.iter().map(String::as_str);
            let rule = record.rule.as_deref().filter(|_| record.rules.is_empty());
            named
                .chain(rule)
                .for_each(|rule| count(&mut stats.denied_by, rule));
        }
        if let Some(code) = record.fail_closed {
            count(&mut stats.fail_closed, code.as_str());
        }
        if let Some(outcome) = record.outcome {
            count(&mut stats.outcomes, super::batch::outcome_name(outcome));
        } else if record.is_open {
            count(&mut stats.outcomes, "open");
        }
        if self.sessions.len() < MAX_SESSIONS {
            self.sessions.insert(record.session.clone());
        }
        stats.latency.max_us = stats.latency.max_us.max(record.decided_in_us);
        let bucket = self
            .latencies
            .entry(bucket(record.decided_in_us))
            .or_default();
        *bucket = bucket.saturating_add(1);
    }

    fn finish(mut self) -> AuditStats {
        self.stats.sessions = self.sessions.len() as u64;
        let percentile = |hundredths: u64| {
            let wanted = self
                .stats
                .decisions
                .saturating_mul(hundredths)
                .div_ceil(100);
            let mut passed = 0_u64;
            for (bucket, count) in &self.latencies {
                passed = passed.saturating_add(*count);
                if passed >= wanted {
                    return (*bucket).min(self.stats.latency.max_us);
                }
            }
            self.stats.latency.max_us
        };
        let (p50, p95, p99) = (percentile(50), percentile(95), percentile(99));
        self.stats.latency.p50_us = p50;
        self.stats.latency.p95_us = p95;
        self.stats.latency.p99_us = p99;
        self.stats
    }
}

fn count(figures: &mut BTreeMap<String, u64>, name: &str) {
    match figures.get_mut(name) {
        Some(figure) => *figure = figure.saturating_add(1),
        None => {
            figures.insert(name.to_owned(), 1);
        }
    }
}

/// The largest figure that counts as the same: its first five binary digits are.
fn bucket(micros: u64) -> u64 {
    let dropped = (u64::BITS - micros.leading_zeros()).saturating_sub(5);
    micros | ((1_u64 << dropped) - 1)
}
