//! `kitelogik eval`.

use clap::Args;
use kitelogik_core::{EventDocument, PolicyDecision};

use crate::answer::{Failure, Outcome};
use crate::decisions::{self, Tally};
use crate::engine::{Engine, Judge, ServerArguments};
use crate::events::{EventArguments, Events, is_stdin};
use crate::output::Output;
use crate::policy::PolicyArguments;

const EXAMPLES: &str = "\
Exit codes:
  0  allowed; of several events, all of them
  1  not allowed
  2  an error, also where a decision says `fail_closed`: nobody could know

Examples:
  kitelogik eval --action approve_refund --role support_agent --arg customer_id=cust_001 --arg amount=42
  kitelogik eval -p refunds.rego --no-builtin --action approve_refund --args '{\"amount\": 42}'
  kitelogik eval -p policies --event agent.plan --depth 0 --step read_customer --step approve_refund
  kitelogik eval -i event.json
  kitelogik eval -i events.jsonl --json
  echo '{\"action\": \"approve_refund\"}' | kitelogik eval -i -
  kitelogik eval -i events.jsonl --engine opa --url http://localhost:8181";

/// Print what a policy decides about an event
///
/// An event is the policy's input document. What its `context` leaves out takes the session's default; the
/// delegation depth of an agent event is never filled in. Unknown keys are errors.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Eval {
    #[command(flatten)]
    event: EventArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Who decides
    #[arg(
        long,
        value_name = "ENGINE",
        default_value = "embedded",
        help_heading = "Policy"
    )]
    engine: Engine,
    #[command(flatten)]
    server: ServerArguments,
}

pub(crate) fn run(arguments: &Eval, output: &mut Output) -> Outcome {
    if arguments.policy.reads_stdin() && arguments.event.source().is_some_and(is_stdin) {
        return Err(Failure::new(
            "standard input can be read once: give `-` once, and files for the rest",
        ));
    }
    let judge = match arguments.engine {
        Engine::Embedded => Judge::embedded(arguments.policy.load(output)?)?,
        Engine::Opa if arguments.policy.given_files() => {
            return Err(Failure::new(
                "with `--engine opa` the server has the policy: leave `--policy`, `--data` and `--no-builtin` out",
            ));
        }
        Engine::Opa => Judge::server(arguments.server.client(arguments.policy.entry_point())?)?,
    };
    let mut tally = Tally::default();
    let Some(path) = arguments.event.source() else {
        let document = arguments.event.described()?;
        let decision = judge.decide(&document);
        tally.count(&decision);
        print(&document, &decision, true, output)?;
        return Ok(tally.answer());
    };
    let mut events = Events::open(path)?;
    let single = !output.is_json() && events.is_single();
    let mut progress = output.progress("events");
    for document in events {
        let document = document?;
        let decision = judge.decide(&document);
        tally.count(&decision);
        print(&document, &decision, single, output)?;
        if is_stdin(path) {
            // Whoever sends events one by one waits for each answer.
            output.flush()?;
        }
        progress.step();
    }
    Ok(tally.answer())
}

fn print(
    document: &EventDocument,
    decision: &PolicyDecision,
    single: bool,
    output: &mut Output,
) -> Outcome<()> {
    if output.is_json() {
        output.json(decision)
    } else if single {
        decisions::block(document, decision, output)
    } else {
        decisions::line(document, decision, output)
    }
}
