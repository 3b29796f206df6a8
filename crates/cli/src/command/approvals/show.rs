use clap::Args;
use kitelogik_ledger::{ApprovalView, AuditEntry, Timestamp};
use serde_json::json;

use super::{ReviewerArguments, refused, text};
use crate::answer::{Answer, Outcome};
use crate::output::{Output, shown};
use crate::store::StoreArguments;

const EXAMPLES: &str = "\
Exit codes: 0 it is shown, 1 there is none of that id, 2 an error

Examples:
  kitelogik approvals show apr_…
  kitelogik approvals show apr_… --tenant acme --json";

/// Show a request: who wants what, why the policy asks, and what happened to it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// The request, as in `apr_01kb2x7c3m4qv9nd2e`
    id: String,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    reviewer: ReviewerArguments,
}

pub(super) async fn run(arguments: &Show, output: &mut Output) -> Outcome {
    let ledger = arguments.store.read().await?;
    let approvals = ledger.approvals();
    let reviewer = arguments.reviewer.reviewer();
    let found = async {
        let view = approvals.get(&arguments.id, &reviewer).await?;
        let history = approvals.history(&arguments.id, &reviewer).await?;
        Ok((view, history))
    };
    let (view, history) = match found.await {
        Ok(found) => found,
        Err(error) => return refused(&error, output),
    };
    if output.is_json() {
        output.json(&json!({"request": view, "history": history}))?;
    } else {
        print(&view, output)?;
        steps(&history, output)?;
    }
    Ok(Answer::Yes)
}

/// The request, one thing a line.
pub(super) fn print(view: &ApprovalView, output: &mut Output) -> Outcome<()> {
    let state = text::state(view, Timestamp::now(), output);
    output.line(format_args!("{} {state}", shown(&view.id)))?;
    let session = format!(
        "{} for {} as {}{}",
        view.session,
        view.principal.as_deref().unwrap_or("nobody named"),
        if view.role.is_empty() {
            "no role"
        } else {
            &view.role
        },
        view.tenant
            .as_ref()
            .map_or_else(String::new, |tenant| format!(", tenant {tenant}")),
    );
    let rules = view.rules.join(", ");
    for (name, value) in [
        ("tool", format!("{} (action {})", view.tool, view.action)),
        ("risk", view.risk_tier.to_string()),
        ("why", view.reason.clone()),
        ("rules", rules),
        ("session", session),
        ("scopes", view.scopes.join(", ")),
        ("touches", view.resources.join(", ")),
        ("asked", view.created_at.to_string()),
        ("ended", view.ended_because.clone().unwrap_or_default()),
        ("edited to", view.edited_to.clone().unwrap_or_default()),
        ("edited from", view.edited_from.clone().unwrap_or_default()),
        (
            "approvals",
            format!("{} of {}", view.approvals_had, view.approvals_needed),
        ),
    ] {
        if !value.is_empty() {
            output.line(format_args!("  {name:12}{}", shown(&value)))?;
        }
    }
    output.line("  arguments")?;
    for (name, value) in &view.arguments {
        output.line(format_args!(
            "    {}: {}",
            shown(name),
            shown(&value.to_string())
        ))?;
    }
    for said in &view.decisions {
        let note = if said.note.is_empty() {
            String::new()
        } else {
            format!(": {}", shown(&said.note))
        };
        output.line(format_args!(
            "  {} {} said {}{note}",
            said.at,
            shown(&said.by),
            said.answer
        ))?;
    }
    Ok(())
}

/// What the record says of it.
fn steps(history: &[AuditEntry], output: &mut Output) -> Outcome<()> {
    output.line("  record")?;
    for entry in history {
        let content = &entry.content;
        let by = content
            .by
            .as_ref()
            .map_or_else(String::new, |by| format!(" by {}", shown(by)));
        let why = content
            .reason
            .as_ref()
            .map_or_else(String::new, |why| format!(": {}", shown(why)));
        let step = shown(content.transition.as_deref().unwrap_or("decided"));
        output.line(format_args!("    {} {step}{by}{why}", content.at))?;
    }
    Ok(())
}
