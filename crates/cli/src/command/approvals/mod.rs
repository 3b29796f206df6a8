//! `kitelogik approvals`.

mod decide;
mod list;
mod show;
mod text;
mod watch;

use clap::{Args, Subcommand};
use kitelogik_ledger::{ApprovalError, Reviewer};
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::output::{Output, shown, style};
use crate::store::runtime;
use crate::user;

const EXAMPLES: &str = "\
Examples:
  kitelogik approvals list
  kitelogik approvals show apr_…
  kitelogik approvals approve apr_… --note \"as agreed by telephone\"";

/// List, show and decide the calls that wait for a person
///
/// Whoever can read the ledger's key can decide in anybody's name: keep it, and this command, from the agent
/// (SECURITY.md). For people who share neither, there is `kitelogik serve`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Approvals {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::List),
    Show(show::Show),
    Approve(decide::Approve),
    Deny(decide::Deny),
    Edit(decide::Edit),
    Watch(watch::Watch),
}

/// Who looks, and whose requests they see.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reviewer")]
struct ReviewerArguments {
    /// Your name, as it is recorded. Default: the user who runs this
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Your role, for a policy that says who may decide what
    #[arg(long = "as-role", value_name = "ROLE", default_value = "")]
    role: String,
    /// See the requests of this tenant only; may be repeated. Default: all
    #[arg(long = "tenant", value_name = "TENANT")]
    tenants: Vec<String>,
}

impl ReviewerArguments {
    fn reviewer(&self) -> Reviewer {
        let name = self.name.clone().unwrap_or_else(user::name);
        let reviewer = Reviewer::new(name).role(&self.role);
        if self.tenants.is_empty() {
            reviewer
        } else {
            reviewer.tenants(&self.tenants)
        }
    }
}

pub(crate) fn run(arguments: &Approvals, output: &mut Output) -> Outcome {
    let runtime = runtime()?;
    runtime.block_on(async {
        match &arguments.action {
            Action::List(list) => list::run(list, output).await,
            Action::Show(show) => show::run(show, output).await,
            Action::Approve(approve) => decide::approve(approve, output).await,
            Action::Deny(deny) => decide::deny(deny, output).await,
            Action::Edit(edit) => decide::edit(edit, output).await,
            Action::Watch(watch) => watch::run(watch, output).await,
        }
    })
}

/// Tells that it was refused, which is an answer; or that there is none.
fn refused(error: &ApprovalError, output: &mut Output) -> Outcome {
    let code = match error {
        ApprovalError::NotFound { .. } => "not_found",
        ApprovalError::NotPending { .. } => "not_pending",
        ApprovalError::AlreadyApproved { .. } => "already_approved",
        ApprovalError::OwnCall { .. } => "own_call",
        ApprovalError::NotAllowed { .. } => "not_allowed",
        ApprovalError::Edit { .. } => "not_editable",
        ApprovalError::Forged { .. } => "forged",
        other => return Err(Failure::new(other)),
    };
    let message = error.to_string();
    if output.is_json() {
        output.json(&json!({"refused": code, "message": message}))?;
    } else {
        let refused = output.paint(style::NO, "refused:");
        output.line(format_args!("{refused} {}", shown(&message)))?;
    }
    Ok(Answer::No)
}
