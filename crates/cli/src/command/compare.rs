//! `kitelogik compare`.

use clap::Args;
use kitelogik_core::{EventDocument, FailClosed, PolicyDecision};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Failure, Outcome};
use crate::engine::{Judge, ServerArguments};
use crate::events::{EventArguments, Events};
use crate::output::{Output, shown, style};
use crate::policy::PolicyArguments;

const EXAMPLES: &str = "\
Compared are the verdict, risk tier, reason, rule and rule names, and the `fail_closed` code. Where the policies lie is
left out: the built-in bundle protects the files of a policy, and those of the server are elsewhere.

Exit codes: 0 the same answers, 1 a difference, 2 an error, also where the server cannot be asked

Examples:
  kitelogik compare -i events.jsonl --url http://localhost:8181
  kitelogik compare -p policies -i events.jsonl --json
  kitelogik compare --action approve_refund --arg amount=42";

/// Ask the embedded engine and an OPA server about the same events, and list where they differ
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compare {
    #[command(flatten)]
    event: EventArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    server: ServerArguments,
}

pub(crate) fn run(arguments: &Compare, output: &mut Output) -> Outcome {
    let events: Vec<EventDocument> = match arguments.event.source() {
        Some(path) => Events::open(path)?.collect::<Outcome<_>>()?,
        None => vec![arguments.event.described()?],
    };
    let embedded = Judge::embedded(arguments.policy.load_for_comparison(output)?)?;
    let server = Judge::server(arguments.server.client(arguments.policy.entry_point())?)?;
    let mut differing = 0_usize;
    let mut listed = Vec::new();
    let mut progress = output.progress("events");
    for (index, event) in events.iter().enumerate() {
        let here = embedded.decide(event);
        let there = server.decide(event);
        if let Some(
            FailClosed::EngineUnreachable | FailClosed::EngineTimeout | FailClosed::EngineProtocol,
        ) = there.fail_closed
        {
            let detail = there.detail.as_deref().unwrap_or(&there.reason);
            return Err(Failure::new(format_args!("event {}: {detail}", index + 1)));
        }
        progress.step();
        let differences = differences(&here, &there);
        if differences.is_empty() {
            continue;
        }
        differing += 1;
        if output.is_json() {
            let fields: Map<String, Value> = differences
                .into_iter()
                .map(|(field, here, there)| {
                    (field.to_owned(), json!({"embedded": here, "opa": there}))
                })
                .collect();
            listed.push(json!({
                "event": index + 1,
                "action": event.event.action(),
                "fields": fields,
                "embedded": &*here,
                "opa": &*there,
            }));
        } else {
            output.line(format_args!(
                "event {}: {}",
                index + 1,
                shown(event.event.action())
            ))?;
            for (field, here, there) in differences {
                output.line(format_args!("  {field}"))?;
                output.line(format_args!("    embedded {}", text(&here)))?;
                output.line(format_args!("    opa      {}", text(&there)))?;
            }
        }
    }
    drop(progress);
    if output.is_json() {
        output.json(&json!({"events": events.len(), "differences": listed}))?;
    } else {
        let summary = format!("{differing} of {} events differ", events.len());
        let style = if differing == 0 {
            style::YES
        } else {
            style::NO
        };
        output.line(output.paint(style, summary))?;
    }
    Ok(Answer::yes_if(differing == 0))
}

/// What differs, in the embedded engine's answer and in the server's.
fn differences(here: &PolicyDecision, there: &PolicyDecision) -> Vec<(&'static str, Value, Value)> {
    let fields = [
        ("verdict", json!(here.verdict), json!(there.verdict)),
        ("risk_tier", json!(here.risk_tier), json!(there.risk_tier)),
        ("reason", json!(here.reason), json!(there.reason)),
        (
            "rule_matched",
            json!(here.rule_matched),
            json!(there.rule_matched),
        ),
        ("rules", json!(here.rules), json!(there.rules)),
        (
            "fail_closed",
            json!(here.fail_closed),
            json!(there.fail_closed),
        ),
    ];
    fields
        .into_iter()
        .filter(|(_, here, there)| here != there)
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Null => "(none)".to_owned(),
        other => shown(&other.to_string()),
    }
}
