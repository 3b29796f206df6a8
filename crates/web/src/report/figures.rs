//! What a report counts.

use std::collections::BTreeMap;
use std::time::Duration;

use kitelogik_core::RiskTier;

use super::event::{Event, VERDICTS};

/// Counts by verdict, in the order of [`VERDICTS`].
pub(crate) type Counts = [u64; VERDICTS.len()];

/// How many rows a table has; the rest is one row more.
const ROWS: usize = 20;

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) counts: Counts,
}

impl Row {
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Everything that is counted while events go by; no event is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) total: u64,
    pub(crate) verdicts: Counts,
    tools: BTreeMap<String, Counts>,
    tiers: BTreeMap<String, Counts>,
    denials: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
    approvals: BTreeMap<String, u64>,
    /// The moments of all events, with their verdicts' columns.
    pub(crate) moments: Vec<(i64, usize)>,
    /// How long decisions took without a person, in microseconds.
    pub(crate) decided: Vec<u64>,
    /// How long they took with one.
    pub(crate) waited: Vec<u64>,
}

/// How long something took, over all events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantiles {
    pub(crate) count: usize,
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl Figures {
    pub(crate) fn add(&mut self, event: &Event) {
        let column = event.verdict_column();
        let add = |counts: &mut Counts| {
            if let Some(count) = counts.get_mut(column) {
                *count += 1;
            }
        };
        self.total += 1;
        add(&mut self.verdicts);
        add(self.tools.entry(event.tool.clone()).or_default());
        add(self.tiers.entry(event.tier.clone()).or_default());
        if matches!(event.verdict.as_str(), "deny" | "refuse") {
            match event.rules.as_slice() {
                [] => *self.denials.entry("no rule".to_owned()).or_default() += 1,
                rules => {
                    for rule in rules {
                        *self.denials.entry(rule.clone()).or_default() += 1;
                    }
                }
            }
        }
        if let Some(code) = &event.fail_closed {
            *self.faults.entry(code.clone()).or_default() += 1;
        }
        *self.outcomes.entry(event.outcome.to_owned()).or_default() += 1;
        if let Some(state) = &event.approval {
            *self.approvals.entry(state.clone()).or_default() += 1;
        }
        self.moments.push((event.at.millis(), column));
        let took = u64::try_from(event.decided_in.as_micros()).unwrap_or(u64::MAX);
        if event.approval.is_some() {
            self.waited.push(took);
        } else {
            self.decided.push(took);
        }
    }

    /// The tools, the most called first.
    pub(crate) fn tools(&self) -> Vec<Row> {
        rows(&self.tools)
    }

    /// The tiers, from the most harm to the least.
    pub(crate) fn tiers(&self) -> Vec<Row> {
        let mut rows = rows(&self.tiers);
        let rank = |row: &Row| row.name.parse::<RiskTier>().ok();
        rows.sort_by_key(|row| std::cmp::Reverse(rank(row)));
        for row in &mut rows {
            row.name = row.name.replace('_', " ").to_lowercase();
        }
        rows
    }

    /// The rules that fired where a call was denied or refused, the busiest first. One denial may be of several.
    pub(crate) fn denials(&self) -> Vec<(String, u64)> {
        busiest(&self.denials)
    }

    pub(crate) fn faults(&self) -> Vec<(String, u64)> {
        busiest(&self.faults)
    }

    pub(crate) fn outcomes(&self) -> Vec<(String, u64)> {
        busiest(&self.outcomes)
    }

    pub(crate) fn approvals(&self) -> Vec<(String, u64)> {
        busiest(&self.approvals)
    }
}

/// None where there is nothing to measure.
pub(crate) fn quantiles(micros: &[u64]) -> Option<Quantiles> {
    let mut sorted = micros.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| {
        // The smallest value that so many per cent are not above.
        let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(index).copied().map(Duration::from_micros)
    };
    Some(Quantiles {
        count: sorted.len(),
        p50: at(50)?,
        p95: at(95)?,
        p99: at(99)?,
        max: at(100)?,
    })
}

fn rows(counts: &BTreeMap<String, Counts>) -> Vec<Row> {
    let mut rows: Vec<Row> = counts
        .iter()
        .map(|(name, counts)| Row {
            name: name.clone(),
            counts: *counts,
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.total()));
    if rows.len() > ROWS {
        let rest = rows.split_off(ROWS);
        let mut sum = Counts::default();
        for row in &rest {
            for (sum, count) in sum.iter_mut().zip(row.counts) {
                *sum += count;
            }
        }
        rows.push(Row {
            name: format!("{} others", rest.len()),
            counts: sum,
        });
    }
    rows
}

fn busiest(counts: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut list: Vec<(String, u64)> = counts
        .iter()
        .map(|(name, count)| (name.clone(), *count))
        .collect();
    list.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if list.len() > ROWS {
        let rest = list.split_off(ROWS);
        let sum = rest.iter().map(|(_, count)| count).sum();
        list.push((format!("{} others", rest.len()), sum));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let micros: Vec<u64> = (1..=100).collect();
        let found = quantiles(&micros).unwrap();
        assert_eq!(found.p50, Duration::from_micros(50));
        assert_eq!(found.p99, Duration::from_micros(99));
        assert_eq!(found.max, Duration::from_micros(100));
        assert_eq!(quantiles(&[7]).unwrap().p95, Duration::from_micros(7));
        assert_eq!(quantiles(&[]), None);
    }

    #[test]
    fn what_a_table_leaves_out_is_one_row() {
        let many = (0..30).map(|index| (format!("t{index:02}"), [1, 0, 0, index]));
        let rows = rows(&many.collect());
        assert_eq!(rows.len(), 21);
        assert_eq!(rows.first().unwrap().name, "t29");
        assert_eq!(rows.last().unwrap().name, "10 others");
        assert_eq!(rows.iter().map(Row::total).sum::<u64>(), 30 + 435);
    }
}
