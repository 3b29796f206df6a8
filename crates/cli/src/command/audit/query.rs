use clap::Args;
use kitelogik_ledger::{Cursor, Order};

use super::{FilterArguments, text};
use crate::answer::{Answer, Outcome};
use crate::output::Output;
use crate::store::StoreArguments;

const EXAMPLES: &str = "\
Each line begins with the decision's id, for `audit show`. With --json, one decision a line, with its arguments as they
were recorded.

Exit codes: 0 there are some, 1 there are none, 2 an error

Examples:
  kitelogik audit query
  kitelogik audit query --session support-1 --verdict deny --oldest
  kitelogik audit query --from 2h --tool approve_refund --limit 5 --json";

/// List decisions, newest first
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Query {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    filter: FilterArguments,
    /// Oldest first
    #[arg(long)]
    oldest: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    limit: u64,
    /// Go on where a list before ended
    #[arg(long, value_name = "PLACE")]
    after: Option<Cursor>,
}

pub(super) async fn run(arguments: &Query, output: &mut Output) -> Outcome {
    let mut filter = arguments.filter.filter();
    filter.limit = usize::try_from(arguments.limit).ok();
    filter.after = arguments.after;
    if arguments.oldest {
        filter.order = Order::OldestFirst;
    }
    let ledger = arguments.store.read().await?;
    let found = ledger.audit().query(&filter).await?;
    for record in &found.records {
        if output.is_json() {
            output.json(record)?;
        } else {
            text::line(record, output)?;
        }
    }
    if let Some(next) = found.next {
        output.warn(format_args!("there are more: go on with `--after {next}`"));
    }
    Ok(Answer::yes_if(!found.records.is_empty()))
}
