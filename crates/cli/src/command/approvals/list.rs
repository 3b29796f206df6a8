use clap::Args;
use kitelogik_ledger::{ApprovalFilter, ApprovalState, Timestamp};

use super::{ReviewerArguments, refused, text};
use crate::answer::{Answer, Outcome};
use crate::output::Output;
use crate::store::StoreArguments;

/// How many are listed at most: one less than the ledger gives at once.
const MAX_LIMIT: i64 = 9_999;

const EXAMPLES: &str = "\
With --json, one request a line.

Exit codes: 0 there are some, 1 there are none, 2 an error

Examples:
  kitelogik approvals list
  kitelogik approvals list --store sqlite:kitelogik.db --tenant acme
  kitelogik approvals list --all --newest --limit 5
  kitelogik approvals list --state denied --state expired --session s1 --json";

/// List requests: those that wait for a person, oldest first
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    reviewer: ReviewerArguments,
    /// Those in this state; may be repeated. Default: pending
    #[arg(long = "state", value_name = "STATE", conflicts_with = "all")]
    states: Vec<ApprovalState>,
    /// Those in every state
    #[arg(long)]
    all: bool,
    /// Those of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Those of this tool
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// Those of sessions that act for this person or service
    #[arg(long, value_name = "WHO")]
    principal: Option<String>,
    /// Newest first
    #[arg(long)]
    newest: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=MAX_LIMIT))]
    limit: u16,
}

pub(super) async fn run(arguments: &List, output: &mut Output) -> Outcome {
    let limit = usize::from(arguments.limit);
    // One more tells whether there are more.
    let mut filter = ApprovalFilter::all().limit(limit.saturating_add(1));
    filter.states.clone_from(&arguments.states);
    if filter.states.is_empty() && !arguments.all {
        filter.states.push(ApprovalState::Pending);
    }
    filter.session.clone_from(&arguments.session);
    filter.tool.clone_from(&arguments.tool);
    filter.principal.clone_from(&arguments.principal);
    filter.newest_first = arguments.newest;
    let ledger = arguments.store.read().await?;
    let reviewer = arguments.reviewer.reviewer();
    let mut found = match ledger.approvals().list(&filter, &reviewer).await {
        Ok(found) => found,
        Err(error) => return refused(&error, output),
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let now = Timestamp::now();
    for view in &found {
        if output.is_json() {
            output.json(view)?;
        } else {
            let line = text::line(view, now, output);
            output.line(line)?;
        }
    }
    if found.is_empty() && !output.is_json() {
        output.line("no requests")?;
    }
    if more {
        output.warn("there are more: say how many to list with `--limit`, or which");
    }
    Ok(Answer::yes_if(!found.is_empty()))
}
