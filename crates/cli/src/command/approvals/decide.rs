use clap::{ArgGroup, Args};
use kitelogik_core::json;
use kitelogik_ledger::{ApprovalError, ApprovalView, Ledger, Reviewer};
use serde_json::{Map, Value};

use super::{ReviewerArguments, refused, show};
use crate::answer::{Answer, Failure, Outcome};
use crate::events::json_or_text;
use crate::output::Output;
use crate::store::StoreArguments;

const APPROVE_EXAMPLES: &str = "\
The call may run once, before the request expires; the policy is asked again first.

Exit codes: 0 approved, or one of the approvals that are needed, 1 refused, 2 an error

Examples:
  kitelogik approvals approve apr_…
  kitelogik approvals approve apr_… --as ann@example.com --note \"as agreed by telephone\"";

const DENY_EXAMPLES: &str = "\
One person is enough. The same call asked again within five minutes is denied as well.

Exit codes: 0 denied, 1 refused, 2 an error

Examples:
  kitelogik approvals deny apr_… --note \"not without a receipt\"";

const EDIT_EXAMPLES: &str = "\
The call as it was asked for is denied; the agent is told the arguments you want, and a call with exactly those is
judged anew and may use your approval.

Exit codes: 0 edited, 1 refused, 2 an error

Examples:
  kitelogik approvals edit apr_… --set amount=100 --note \"100 at most\"
  kitelogik approvals edit apr_… --arguments '{\"customer_id\": \"cust_001\", \"amount\": 100}'";

/// Whom to decide about, and what to say.
#[derive(Args, Debug)]
struct Decision {
    /// The request, as in `apr_01kb2x7c3m4qv9nd2e`
    id: String,
    /// What others shall read of why
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    reviewer: ReviewerArguments,
}

/// Approve a call
#[derive(Args, Debug)]
#[command(after_help = APPROVE_EXAMPLES)]
pub(super) struct Approve {
    #[command(flatten)]
    decision: Decision,
}

/// Deny a call
#[derive(Args, Debug)]
#[command(after_help = DENY_EXAMPLES)]
pub(super) struct Deny {
    #[command(flatten)]
    decision: Decision,
}

/// Deny a call, and approve it with other arguments
#[derive(Args, Debug)]
#[command(after_help = EDIT_EXAMPLES, group = ArgGroup::new("wanted").args(["set", "arguments"]).required(true))]
pub(super) struct Edit {
    #[command(flatten)]
    decision: Decision,
    /// An argument to change; the value is JSON, or else text. May be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// All arguments, as a JSON object
    #[arg(long, value_name = "JSON")]
    arguments: Option<String>,
}

pub(super) async fn approve(arguments: &Approve, output: &mut Output) -> Outcome {
    let Decision { id, note, .. } = &arguments.decision;
    let (ledger, reviewer) = arguments.decision.open().await?;
    let decided = ledger.approvals().approve(id, &reviewer, note).await;
    finish(&ledger, decided, output).await
}

pub(super) async fn deny(arguments: &Deny, output: &mut Output) -> Outcome {
    let Decision { id, note, .. } = &arguments.decision;
    let (ledger, reviewer) = arguments.decision.open().await?;
    let decided = ledger.approvals().deny(id, &reviewer, note).await;
    finish(&ledger, decided, output).await
}

pub(super) async fn edit(arguments: &Edit, output: &mut Output) -> Outcome {
    let Decision { id, note, .. } = &arguments.decision;
    let (ledger, reviewer) = arguments.decision.open().await?;
    let edited = async {
        let wanted = match &arguments.arguments {
            Some(text) => object(text)?,
            None => match ledger.approvals().get(id, &reviewer).await {
                Ok(view) => changed(view.arguments, &arguments.set)?,
                Err(error) => return Ok(Err(error)),
            },
        };
        Ok(ledger.approvals().edit(id, &reviewer, wanted, note).await)
    };
    let decided: Outcome<_> = edited.await;
    let decided = decided?;
    finish(&ledger, decided, output).await
}

impl Decision {
    async fn open(&self) -> Outcome<(Ledger, Reviewer)> {
        Ok((self.store.open().await?, self.reviewer.reviewer()))
    }
}

/// Shows what became of it.
async fn finish(
    ledger: &Ledger,
    decided: Result<ApprovalView, ApprovalError>,
    output: &mut Output,
) -> Outcome {
    let answer = match decided {
        Ok(view) if output.is_json() => output.json(&view).map(|()| Answer::Yes),
        Ok(view) => show::print(&view, output).map(|()| Answer::Yes),
        Err(error) => refused(&error, output),
    };
    ledger.close().await.map_err(Failure::new)?;
    answer
}

fn object(text: &str) -> Outcome<Map<String, Value>> {
    let problem = |problem: String| Failure::new(format_args!("--arguments: {problem}"));
    match json::parse(text, json::DEFAULT_MAX_DEPTH) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(problem("expected a JSON object".to_owned())),
        Err(error) => Err(problem(error.to_string())),
    }
}

/// `arguments` with what `set` changes in them. Only what is there can be changed: a slip of the pen must not make a call
/// with another argument.
fn changed(mut arguments: Map<String, Value>, set: &[String]) -> Outcome<Map<String, Value>> {
    for pair in set {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Failure::new(format_args!(
                "--set: expected NAME=VALUE, got `{pair}`"
            )));
        };
        let Some(argument) = arguments.get_mut(name) else {
            return Err(Failure::new(format_args!(
                "--set: the call has no argument `{name}`; give all arguments with `--arguments`"
            )));
        };
        *argument = json_or_text("set", value)?;
    }
    Ok(arguments)
}
