//! `kitelogik audit`.

mod export;
mod filter;
mod query;
mod report;
mod rotate;
mod show;
mod stats;
mod tail;
mod text;
mod upkeep;
mod verify;

use clap::{Args, Subcommand};

use crate::answer::Outcome;
use crate::output::Output;
use crate::store::runtime;

pub(super) use filter::FilterArguments;

const EXAMPLES: &str = "\
Examples:
  kitelogik audit query --session support-1 --from 2h
  kitelogik audit verify
  kitelogik audit report --session support-1 -o report.html

`kitelogik audit help COMMAND` has examples of each.";

/// Read the record of decisions, prove that it is whole, and keep it in order
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Tail(tail::Tail),
    Query(query::Query),
    Show(show::Show),
    Stats(stats::Stats),
    Report(report::Report),
    Verify(verify::Verify),
    Export(export::Export),
    Checkpoint(upkeep::Checkpoint),
    Retain(upkeep::Retain),
    RotateKey(rotate::RotateKey),
}

pub(crate) fn run(arguments: &Audit, output: &mut Output) -> Outcome {
    if let Action::Verify(verify) = &arguments.action
        && let Some(answer) = verify::of_file(verify, output)
    {
        return answer;
    }
    runtime()?.block_on(async {
        match &arguments.action {
            Action::Tail(tail) => tail::run(tail, output).await,
            Action::Query(query) => query::run(query, output).await,
            Action::Show(show) => show::run(show, output).await,
            Action::Stats(stats) => stats::run(stats, output).await,
            Action::Report(report) => report::run(report, output).await,
            Action::Verify(verify) => verify::run(verify, output).await,
            Action::Export(export) => export::run(export, output).await,
            Action::Checkpoint(checkpoint) => upkeep::checkpoint(checkpoint, output).await,
            Action::Retain(retain) => upkeep::retain(retain, output).await,
            Action::RotateKey(key) => rotate::rotate(key, output).await,
        }
    })
}
