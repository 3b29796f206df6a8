use std::path::PathBuf;

use clap::Args;
use kitelogik_ledger::Timestamp;
use serde_json::json;

use super::filter::moment;
use super::text;
use crate::answer::{Answer, Failure, Outcome};
use crate::files::{NewFile, replace};
use crate::output::{Output, shown, style};
use crate::store::StoreArguments;

const CHECKPOINT_EXAMPLES: &str = "\
A checkpoint says where every chain ends at this moment. Kept where the store's writers cannot write, it proves later
that nothing before it was changed, removed or cut off: `kitelogik audit verify --checkpoint FILE`.

Exit codes: 0 signed, 2 an error

Examples:
  kitelogik audit checkpoint
  kitelogik audit checkpoint -o checkpoint.json";

/// Sign a checkpoint, to be kept elsewhere
#[derive(Args, Debug)]
#[command(after_help = CHECKPOINT_EXAMPLES)]
pub(super) struct Checkpoint {
    #[command(flatten)]
    store: StoreArguments,
    /// The file to write. Default: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn checkpoint(arguments: &Checkpoint, output: &mut Output) -> Outcome {
    let ledger = arguments.store.open().await?;
    let checkpoint = ledger.audit().checkpoint().await?;
    ledger.close().await?;
    match &arguments.output {
        Some(path) => {
            let mut content = serde_json::to_vec_pretty(&checkpoint).map_err(Failure::new)?;
            content.push(b'\n');
            replace(&[NewFile {
                path: path.clone(),
                content,
            }])?;
            let path = path.display().to_string();
            if output.is_json() {
                output.json(&json!({"checkpoint": checkpoint.number, "file": path}))?;
            } else {
                output.line(format_args!("wrote {}", shown(&path)))?;
            }
        }
        None => output.json(&checkpoint)?,
    }
    Ok(Answer::Yes)
}

const RETAIN_EXAMPLES: &str = "\
Removed are whole segments: everything up to the last checkpoint that was signed before. That checkpoint is left, so
that the rest still verifies, and an entry that the ledger's key signs tells of the removal. Requests for approval that
were over by then go with them, and an entry tells how many.

The steps of a request whose time is not over stay, and with them all that was sealed since it was made.

Exit codes: 0 removed, 2 an error, also where there is no such checkpoint, or where the record was cut without the key

Examples:
  kitelogik audit retain --before 0s
  kitelogik audit retain --before 0s --json";

/// Remove old entries, up to a checkpoint, and old requests for approval
#[derive(Args, Debug)]
#[command(after_help = RETAIN_EXAMPLES)]
pub(super) struct Retain {
    #[command(flatten)]
    store: StoreArguments,
    /// Keep what is younger: `2026-11-24`, or so long ago, as in `90d`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    before: Timestamp,
}

pub(super) async fn retain(arguments: &Retain, output: &mut Output) -> Outcome {
    let ledger = arguments.store.open().await?;
    let retained = ledger.retain(arguments.before).await;
    ledger.close().await?;
    let retained = retained?;
    if output.is_json() {
        output.json(&json!({
            "checkpoint": retained.checkpoint,
            "removed": retained.removed,
            "approvals": retained.approvals,
        }))?;
    } else {
        let removed = text::number(retained.removed, "entry");
        let removed = output.paint(style::PLAIN, removed);
        output.line(format_args!(
            "{removed} removed, up to checkpoint {}",
            retained.checkpoint
        ))?;
        let removed = text::number(retained.approvals, "request");
        let removed = output.paint(style::PLAIN, removed);
        output.line(format_args!("{removed} for approval removed"))?;
    }
    Ok(Answer::Yes)
}
