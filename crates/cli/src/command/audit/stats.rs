use std::collections::BTreeMap;

use clap::Args;

use super::{FilterArguments, text};
use crate::answer::{Answer, Outcome};
use crate::output::{Output, shown, style};
use crate::store::StoreArguments;

/// So many rules and tools are named where people read; `--json` names all.
const NAMED: usize = 10;

const EXAMPLES: &str = "\
Exit codes: 0 counted, 1 there is nothing to count, 2 an error

Examples:
  kitelogik audit stats
  kitelogik audit stats --from 7d --tool approve_refund --json";

/// Count decisions: by verdict, tier, tool, rule and outcome, and how long they took
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Stats {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    filter: FilterArguments,
}

pub(super) async fn run(arguments: &Stats, output: &mut Output) -> Outcome {
    let ledger = arguments.store.read().await?;
    let stats = ledger.audit().stats(&arguments.filter.filter()).await?;
    let answer = Answer::yes_if(stats.decisions > 0);
    if output.is_json() {
        output.json(&stats)?;
        return Ok(answer);
    }
    output.line(format_args!(
        "{} of {}",
        text::number(stats.decisions, "decision"),
        text::number(stats.sessions, "session")
    ))?;
    if let (Some(first), Some(last)) = (stats.first, stats.last) {
        output.line(format_args!(
            "from {} to {}",
            text::time(first),
            text::time(last)
        ))?;
    }
    counted("verdict", &stats.verdicts, output)?;
    counted("risk tier", &stats.tiers, output)?;
    let tools: BTreeMap<String, u64> = stats
        .tools
        .iter()
        .map(|(tool, verdicts)| (tool.clone(), verdicts.values().sum()))
        .collect();
    counted("tool", &tools, output)?;
    counted("denied or refused by", &stats.denied_by, output)?;
    counted("fault", &stats.fail_closed, output)?;
    counted("outcome", &stats.outcomes, output)?;
    if stats.decisions > 0 {
        let latency = &stats.latency;
        output.line(format_args!(
            "decided within {} (p50), {} (p95), {} (p99), {} at most; waiting for people included",
            text::micros(latency.p50_us),
            text::micros(latency.p95_us),
            text::micros(latency.p99_us),
            text::micros(latency.max_us)
        ))?;
    }
    Ok(answer)
}

fn counted(what: &str, counts: &BTreeMap<String, u64>, output: &mut Output) -> Outcome<()> {
    if counts.is_empty() {
        return Ok(());
    }
    let mut list: Vec<(&String, &u64)> = counts.iter().collect();
    list.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let head = output.paint(style::PLAIN, what);
    output.line(head)?;
    for (name, count) in list.iter().take(NAMED) {
        output.line(format_args!("  {count:>8} {}", shown(name)))?;
    }
    if list.len() > NAMED {
        output.line(format_args!("           and {} more", list.len() - NAMED))?;
    }
    Ok(())
}
