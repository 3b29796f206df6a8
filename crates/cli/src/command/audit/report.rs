use std::path::PathBuf;

use clap::Args;
use kitelogik_ledger::{Ledger, VerifyOptions};
use kitelogik_web::{ChainState, Report as Document};
use serde_json::json;

use super::FilterArguments;
use crate::answer::{Answer, Failure, Outcome};
use crate::files::{NewFile, replace};
use crate::output::{Output, shown};
use crate::store::StoreArguments;

/// How many decisions are read at once.
const BATCH: usize = 1000;

const EXAMPLES: &str = "\
One HTML file that needs nothing else: no script, nothing loaded. It shows what happened over time, by verdict, tool, tier
and rule, how long decisions took, and whether the chain of the record is whole.

Exit codes: 0 written, 1 written, and the chain is broken, 2 an error

Examples:
  kitelogik audit report --session support-1 -o report.html
  kitelogik audit report --from 7d -o week.html
  kitelogik audit report --from 2026-11-01 --to 2026-12-01 --no-verify -o november.html";

/// Write a picture of what happened in a session or a period
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Report {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    filter: FilterArguments,
    /// The file to write. Default: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Do not look at the chain; the report says so
    #[arg(long)]
    no_verify: bool,
}

pub(super) async fn run(arguments: &Report, output: &mut Output) -> Outcome {
    let ledger = arguments.store.read().await?;
    let (chain, intact) = if arguments.no_verify {
        (ChainState::unknown("it was not looked at"), true)
    } else {
        verified(&ledger, output).await?
    };
    let mut document = Document::new(subject(&arguments.filter), chain.clone());
    let mut filter = arguments.filter.filter().oldest_first();
    filter.limit = Some(BATCH);
    let mut progress = output.progress("decisions");
    loop {
        let found = ledger.audit().query(&filter).await?;
        for record in &found.records {
            progress.step();
            document.add(record);
        }
        filter.after = found.next;
        if filter.after.is_none() {
            break;
        }
    }
    drop(progress);
    let html = document.html().map_err(Failure::new)?;
    match &arguments.output {
        None if output.is_json() => output.json(&json!({"chain": chain, "html": html}))?,
        Some(path) => {
            replace(&[NewFile {
                path: path.clone(),
                content: html.into_bytes(),
            }])?;
            let path = path.display().to_string();
            if output.is_json() {
                output.json(&json!({"chain": chain, "file": path}))?;
            } else {
                output.line(format_args!("wrote {}", shown(&path)))?;
            }
        }
        None => output.document(&html)?,
    }
    Ok(Answer::yes_if(intact))
}

async fn verified(ledger: &Ledger, output: &Output) -> Outcome<(ChainState, bool)> {
    let mut progress = output.progress("entries");
    let found = ledger
        .audit()
        .verify(&VerifyOptions::new(), |count| progress.at(count))
        .await?;
    Ok((ChainState::of(&found), found.is_intact()))
}

/// What the report is about.
fn subject(filter: &FilterArguments) -> String {
    match (&filter.session, filter.from, filter.to) {
        (Some(session), _, _) => format!("Session {session}"),
        (None, Some(from), Some(to)) => format!("Decisions from {from} to {to}"),
        (None, Some(from), None) => format!("Decisions since {from}"),
        (None, None, Some(to)) => format!("Decisions before {to}"),
        (None, None, None) => "All decisions".to_owned(),
    }
}
