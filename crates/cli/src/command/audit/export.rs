use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kitelogik_ledger::ExportFormat;
use serde_json::json;

use super::FilterArguments;
use crate::answer::{Answer, Failure, Outcome};
use crate::files::Growing;
use crate::output::{JsonStream, Output, shown};
use crate::store::StoreArguments;

const EXAMPLES: &str = "\
Exit codes: 0 written, 2 an error

Examples:
  kitelogik audit export --from 7d -o decisions.jsonl
  kitelogik audit export --format opa --session support-1
  kitelogik audit export --format chain -o chain.jsonl";

/// Write decisions as JSON Lines, the oldest first
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    filter: FilterArguments,
    /// What each line is
    #[arg(long, value_name = "FORMAT", default_value = "decisions")]
    format: Format,
    /// The file to write, whole or not at all. Default: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A decision with its outcome
    Decisions,
    /// An event of OPA's decision log
    Opa,
    /// An entry of a chain, so that anybody can verify them; no filter applies
    Chain,
}

pub(super) async fn run(arguments: &Export, output: &mut Output) -> Outcome {
    let format = match arguments.format {
        Format::Decisions => ExportFormat::JsonLines,
        Format::Opa => ExportFormat::OpaDecisionLog,
        Format::Chain => ExportFormat::Chain,
    };
    let ledger = arguments.store.read().await?;
    let filter = arguments.filter.filter().oldest_first();
    match &arguments.output {
        Some(path) => {
            let mut file = Growing::begin(path)?;
            let count = ledger.audit().export(format, &filter, &mut file).await?;
            file.finish()?;
            let path = path.display().to_string();
            if output.is_json() {
                output.json(&json!({"lines": count, "file": path}))?;
            } else {
                output.line(format_args!("wrote {count} lines to {}", shown(&path)))?;
            }
        }
        None => {
            // Printed as it is read, and not gathered: a record may be long.
            let mut printed = JsonStream::new();
            ledger.audit().export(format, &filter, &mut printed).await?;
            printed
                .flush()
                .map_err(|error| Failure::of_output(&error))?;
        }
    }
    Ok(Answer::Yes)
}
