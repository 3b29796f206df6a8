use clap::Args;

use super::text;
use crate::answer::{Answer, Outcome};
use crate::output::{Output, shown};
use crate::store::StoreArguments;

const EXAMPLES: &str = "\
Exit codes: 0 shown, 1 there is no such decision, 2 an error

Examples:
  kitelogik audit show 01890000-0000-7000-8000-000000000000
  kitelogik audit show 01890000-0000-7000-8000-000000000000 --json";

/// Show one decision with all that is recorded
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// The decision's id, with which each line of `audit query` begins
    id: String,
    #[command(flatten)]
    store: StoreArguments,
}

pub(super) async fn run(arguments: &Show, output: &mut Output) -> Outcome {
    let ledger = arguments.store.read().await?;
    let found = ledger.audit().get(&arguments.id).await?;
    match &found {
        Some(record) if output.is_json() => output.json(record)?,
        Some(record) => text::block(record, output)?,
        None if output.is_json() => output.json(&serde_json::Value::Null)?,
        None => output.line(format_args!("no decision `{}`", shown(&arguments.id)))?,
    }
    Ok(Answer::yes_if(found.is_some()))
}
