//! Charts, drawn here as SVG: numbers become places.

use std::time::Duration;

use kitelogik_ledger::Timestamp;

use super::event::VERDICTS;
use super::figures::Counts;
use crate::moment::{Moment, span};

/// How many bars a chart has.
const BARS: usize = 60;

/// The width and the height of the bars' field.
pub(crate) const WIDTH: u32 = 900;
pub(crate) const HEIGHT: u32 = 150;

/// One part of a bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) class: &'static str,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) title: String,
}

/// Bars over an axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chart {
    pub(crate) parts: Vec<Part>,
    /// The height of the highest bar, as a number of events.
    pub(crate) highest: u64,
    /// What stands below the axis, and where.
    pub(crate) labels: Vec<(f64, String)>,
}

/// How many events there were, over time, by verdict.
pub(crate) fn timeline(moments: &[(i64, usize)]) -> Chart {
    let Some(first) = moments.iter().map(|(at, _)| *at).min() else {
        return Chart::default();
    };
    let last = moments.iter().map(|(at, _)| *at).max().unwrap_or(first);
    let bars = i64::try_from(BARS).unwrap_or(1);
    let step = ((last - first) / bars + 1).max(1);
    let mut counted = vec![Counts::default(); BARS];
    for (at, column) in moments {
        let bar = usize::try_from((at - first) / step).unwrap_or(0);
        if let Some(count) = counted.get_mut(bar).and_then(|bar| bar.get_mut(*column)) {
            *count += 1;
        }
    }
    let moment = |bar: usize| {
        let offset = i64::try_from(bar).unwrap_or(0).saturating_mul(step);
        Moment(Timestamp::from_millis(first.saturating_add(offset)))
    };
    let labels = vec![
        (0.0, moment(0).to_string()),
        (
            f64::from(WIDTH),
            Moment(Timestamp::from_millis(last)).to_string(),
        ),
    ];
    stacked(&counted, labels, |bar, verdict, count| {
        format!("{}: {count} {verdict}", moment(bar))
    })
}

/// How many decisions took how long: each bar stands for times half as long again as the one before.
pub(crate) fn times(micros: &[u64]) -> Chart {
    const FACTOR: f64 = 1.5;
    let bar_of = |micros: u64| {
        let mut bar = 0;
        let mut bound = FACTOR;
        while bound <= micros as f64 && bar < BARS - 1 {
            bound *= FACTOR;
            bar += 1;
        }
        bar
    };
    let bars: Vec<usize> = micros.iter().map(|micros| bar_of(*micros)).collect();
    let (Some(first), Some(last)) = (bars.iter().min(), bars.iter().max()) else {
        return Chart::default();
    };
    let mut counted = vec![0_u64; last - first + 1];
    for bar in &bars {
        if let Some(count) = counted.get_mut(bar - first) {
            *count += 1;
        }
    }
    let from = |bar: usize| {
        let power = i32::try_from(bar + first).unwrap_or(0);
        FACTOR.powi(power)
    };
    let width = f64::from(WIDTH) / counted.len() as f64;
    let labels = (0..=counted.len())
        .step_by(counted.len().div_ceil(6))
        .map(|bar| (bar as f64 * width, short(from(bar))))
        .collect();
    let counted: Vec<Counts> = counted.into_iter().map(|count| [count, 0, 0, 0]).collect();
    let mut chart = stacked(&counted, labels, |bar, _, count| {
        format!(
            "{count} took {} to {}",
            short(from(bar)),
            short(from(bar + 1))
        )
    });
    for part in &mut chart.parts {
        part.class = "time";
    }
    chart
}

/// A time in the unit that suits it.
pub(crate) fn short(micros: f64) -> String {
    if micros < 1000.0 {
        format!("{micros:.0} µs")
    } else if micros < 1_000_000.0 {
        format!("{:.1} ms", micros / 1000.0)
    } else {
        span(Duration::from_micros(micros as u64))
    }
}

fn stacked(
    bars: &[Counts],
    labels: Vec<(f64, String)>,
    title: impl Fn(usize, &str, u64) -> String,
) -> Chart {
    let highest = bars.iter().map(|bar| bar.iter().sum()).max().unwrap_or(0);
    let width = f64::from(WIDTH) / bars.len().max(1) as f64;
    let scale = f64::from(HEIGHT) / (highest.max(1)) as f64;
    let mut parts = Vec::new();
    for (index, bar) in bars.iter().enumerate() {
        let mut y = f64::from(HEIGHT);
        for ((class, label), count) in VERDICTS.iter().zip(bar) {
            if *count == 0 {
                continue;
            }
            let height = *count as f64 * scale;
            y -= height;
            parts.push(Part {
                class,
                x: index as f64 * width + width * 0.1,
                y,
                width: width * 0.8,
                height,
                title: title(index, label, *count),
            });
        }
    }
    Chart {
        parts,
        highest,
        labels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_in_a_bar_and_no_bar_leaves_the_field() {
        let moments: Vec<(i64, usize)> =
            (0..1000).map(|at| (at * 977, (at % 4) as usize)).collect();
        let chart = timeline(&moments);
        let area: f64 = chart.parts.iter().map(|part| part.height).sum();
        let each = f64::from(HEIGHT) / chart.highest as f64;
        assert_eq!((area / each).round(), 1000.0);
        for part in &chart.parts {
            assert!(
                part.x >= 0.0 && part.x + part.width <= f64::from(WIDTH),
                "{part:?}"
            );
            assert!(
                part.y > -0.001 && part.y + part.height <= f64::from(HEIGHT) + 0.001,
                "{part:?}"
            );
        }
    }

    #[test]
    fn one_event_and_none_have_a_chart() {
        assert_eq!(timeline(&[(5, 0)]).parts.len(), 1);
        assert_eq!(timeline(&[]), Chart::default());
        assert_eq!(times(&[12]).parts.len(), 1);
        assert_eq!(times(&[]), Chart::default());
    }
}
