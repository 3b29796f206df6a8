use std::collections::HashMap;

use clap::Args;
use kitelogik_ledger::{ApprovalFilter, ApprovalState, ApprovalView, Timestamp};

use super::{ReviewerArguments, refused, text};
use crate::answer::{Answer, Failure, Outcome};
use crate::output::Output;
use crate::store::StoreArguments;

const EXAMPLES: &str = "\
First come the requests that wait, then each change as it happens. With --json, one request a line.

Exit codes: 0 ended as asked; of one request, that it was approved; 1 it was denied or expired, or is not there; 2 an error

Examples:
  kitelogik approvals watch --count 1
  kitelogik approvals watch apr_… --json";

/// Watch requests come, and what becomes of them
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Watch {
    /// Only this request, until it is decided
    id: Option<String>,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    reviewer: ReviewerArguments,
    /// End after so many lines. Default: when interrupted
    #[arg(long, value_name = "N", conflicts_with = "id")]
    count: Option<usize>,
}

pub(super) async fn run(arguments: &Watch, output: &mut Output) -> Outcome {
    let ledger = arguments.store.read().await?;
    let approvals = ledger.approvals();
    let reviewer = arguments.reviewer.reviewer();
    // Watched before it is looked at: nothing falls in between.
    let mut changes = approvals.watch(&reviewer);
    if let Some(id) = &arguments.id {
        loop {
            let view = match approvals.get(id, &reviewer).await {
                Ok(view) => view,
                Err(error) => return refused(&error, output),
            };
            if view.state != ApprovalState::Pending {
                print(&view, output)?;
                let approved = matches!(view.state, ApprovalState::Approved | ApprovalState::Used);
                return Ok(Answer::yes_if(approved));
            }
            let left = Timestamp::now().until(view.expires_at);
            if let Ok(Err(error)) = tokio::time::timeout(left, changes.next()).await {
                return Err(Failure::new(error));
            }
        }
    }
    let mut left = arguments.count.unwrap_or(usize::MAX);
    let pending = ApprovalFilter::pending().limit(ApprovalFilter::MAX_LIMIT);
    let waiting = match approvals.list(&pending, &reviewer).await {
        Ok(waiting) => waiting,
        Err(error) => return refused(&error, output),
    };
    let mut waiting = waiting.into_iter();
    // What waits is read here and told of there, and told of again after a lost connection.
    let mut told = HashMap::new();
    while left > 0 {
        let view = match waiting.next() {
            Some(view) => view,
            None => changes.next().await.map_err(Failure::new)?,
        };
        if told.get(&view.id) == Some(&view) {
            continue;
        }
        print(&view, output)?;
        left -= 1;
        if view.state.is_open() {
            told.insert(view.id.clone(), view);
        } else {
            told.remove(&view.id);
        }
    }
    Ok(Answer::Yes)
}

fn print(view: &ApprovalView, output: &mut Output) -> Outcome<()> {
    if output.is_json() {
        output.json(view)?;
    } else {
        let line = text::line(view, Timestamp::now(), output);
        output.line(line)?;
    }
    output.flush()
}
