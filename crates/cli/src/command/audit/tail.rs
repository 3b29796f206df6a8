use clap::Args;
use futures_util::StreamExt as _;

use super::text;
use crate::answer::{Answer, Outcome};
use crate::output::Output;
use crate::store::StoreArguments;

const EXAMPLES: &str = "\
Shown are all entries: decisions, outcomes, steps of approvals, changes of the gate. Each line begins with an id: that of
a decision, for `audit show`, or of a request, for `approvals show`. With --json, one entry a line. It goes on until it
is interrupted.

Exit codes: 0 interrupted, 2 an error

Examples:
  kitelogik audit tail
  kitelogik audit tail -n 50 --json";

/// Show the last decisions, and what is recorded from then on
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Tail {
    #[command(flatten)]
    store: StoreArguments,
    /// How many decisions of before are shown
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    lines: u16,
}

pub(super) async fn run(arguments: &Tail, output: &mut Output) -> Outcome {
    let ledger = arguments.store.read().await?;
    let audit = ledger.audit();
    let position = audit.position().await?;
    if arguments.lines > 0 {
        let mut filter = kitelogik_ledger::AuditFilter::all();
        filter.limit = Some(usize::from(arguments.lines));
        let before = audit.query(&filter).await?.records;
        for record in before.iter().rev() {
            if output.is_json() {
                output.json(record)?;
            } else {
                text::line(record, output)?;
            }
        }
    }
    output.flush()?;
    let mut entries = audit.tail(position);
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(Answer::Yes),
            next = entries.next() => {
                let Some(entry) = next else { return Ok(Answer::Yes) };
                let entry = entry?;
                if output.is_json() {
                    output.json(&entry)?;
                } else {
                    text::entry(&entry, output)?;
                }
                output.flush()?;
            }
        }
    }
}
