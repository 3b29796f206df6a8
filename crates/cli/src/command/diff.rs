//! `kitelogik diff`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use kitelogik_core::PolicyDecision;
use kitelogik_policy::PolicyBuilder;
use serde_json::{Value, json};

use crate::answer::{Answer, Failure, Outcome};
use crate::decisions::style_of;
use crate::engine::Judge;
use crate::events::Events;
use crate::output::{Output, shown};
use crate::policy::PolicyOptions;

/// So many events are named for each kind of flip where people read; `--json` names all.
const NAMED: usize = 5;

const EXAMPLES: &str = "\
A decision flips where its verdict changes, or where the policy fails on only one of the two sides.
Flips are grouped by the rules that brought them about: those that fire on one side only.

Exit codes: 0 nothing flips, 1 something does, 2 an error

Examples:
  kitelogik diff policies.old policies -i events.jsonl
  kitelogik diff policies-1.tar.gz policies-2.tar.gz -i events.jsonl --json
  kitelogik diff policies.old policies -i - < events.jsonl";

/// Tell which decisions flip between two versions of a policy
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Diff {
    /// The old version: a directory, a file or a bundle
    old: PathBuf,
    /// The new version
    new: PathBuf,
    /// A file with one event as a JSON document, or with one a line (JSON Lines); `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    input: PathBuf,
    #[command(flatten)]
    options: PolicyOptions,
}

struct Flip {
    event: usize,
    action: String,
    old: Arc<PolicyDecision>,
    new: Arc<PolicyDecision>,
}

pub(crate) fn run(arguments: &Diff, output: &mut Output) -> Outcome {
    if [&arguments.old, &arguments.new]
        .iter()
        .chain(&arguments.options.data.iter().collect::<Vec<_>>())
        .any(|path| path.as_os_str() == "-")
    {
        return Err(Failure::new("`diff` reads no policy from standard input"));
    }
    let load = |path: &PathBuf| -> Outcome<Judge> {
        let paths = std::slice::from_ref(path);
        // The built-in bundle protects the place a policy is read from, and the two are in two places.
        let policy = arguments
            .options
            .load_with(paths, output, PolicyBuilder::for_elsewhere)?;
        Judge::embedded(policy)
    };
    let old = load(&arguments.old)?;
    let new = load(&arguments.new)?;
    let mut groups: BTreeMap<String, Vec<Flip>> = BTreeMap::new();
    let mut events = 0;
    let mut flips = 0;
    let mut progress = output.progress("events");
    for document in Events::open(&arguments.input)? {
        let document = document?;
        events += 1;
        progress.step();
        let before = old.decide(&document);
        let after = new.decide(&document);
        if outcome(&before) == outcome(&after) {
            continue;
        }
        flips += 1;
        groups
            .entry(cause(&before, &after))
            .or_default()
            .push(Flip {
                event: events,
                action: document.event.action().to_owned(),
                old: before,
                new: after,
            });
    }
    drop(progress);
    if output.is_json() {
        print_json(events, &groups, output)?;
    } else {
        print(events, flips, &groups, output)?;
    }
    Ok(Answer::yes_if(flips == 0))
}

/// What a caller notices: the verdict, and whether anybody could know.
fn outcome(decision: &PolicyDecision) -> (&'static str, bool) {
    (decision.verdict.as_str(), decision.fail_closed.is_some())
}

/// The rules that fire on one side only; where none has a name, the rule that decides.
fn cause(old: &PolicyDecision, new: &PolicyDecision) -> String {
    if let Some(code) = new.fail_closed {
        return format!("the new policy fails: {code}");
    }
    if let Some(code) = old.fail_closed {
        return format!("the old policy failed: {code}");
    }
    let one_side = |rules: &PolicyDecision, others: &PolicyDecision, sign: char| -> Vec<String> {
        rules
            .rules
            .difference(&others.rules)
            .map(|rule| format!("{sign}{rule}"))
            .collect()
    };
    let mut rules = one_side(new, old, '+');
    rules.extend(one_side(old, new, '-'));
    if !rules.is_empty() {
        return rules.join(" ");
    }
    let rule = |decision: &PolicyDecision| {
        decision
            .rule_matched
            .clone()
            .unwrap_or_else(|| "no rule".to_owned())
    };
    let (before, after) = (rule(old), rule(new));
    if before == after {
        after
    } else {
        format!("{before} -> {after}")
    }
}

fn print(
    events: usize,
    flips: usize,
    groups: &BTreeMap<String, Vec<Flip>>,
    output: &mut Output,
) -> Outcome<()> {
    for (cause, flips) in groups {
        output.line(format_args!("{}: {}", shown(cause), flips.len()))?;
        let mut kinds: BTreeMap<(&str, &str), Vec<&Flip>> = BTreeMap::new();
        for flip in flips {
            kinds
                .entry((flip.old.verdict.as_str(), flip.new.verdict.as_str()))
                .or_default()
                .push(flip);
        }
        for flips in kinds.values() {
            let Some(first) = flips.first() else { continue };
            let old = output.paint(style_of(first.old.verdict), first.old.verdict);
            let new = output.paint(style_of(first.new.verdict), first.new.verdict);
            output.line(format_args!("  {old} -> {new}: {}", flips.len()))?;
            for flip in flips.iter().take(NAMED) {
                output.line(format_args!(
                    "    event {} {}: {}",
                    flip.event,
                    shown(&flip.action),
                    shown(&flip.new.reason)
                ))?;
            }
            if flips.len() > NAMED {
                output.line(format_args!("    and {} more", flips.len() - NAMED))?;
            }
        }
    }
    output.line(format_args!("{flips} of {events} decisions flip"))
}

fn print_json(
    events: usize,
    groups: &BTreeMap<String, Vec<Flip>>,
    output: &mut Output,
) -> Outcome<()> {
    let groups: Vec<Value> = groups
        .iter()
        .map(|(cause, flips)| {
            let flips: Vec<Value> = flips
                .iter()
                .map(|flip| {
                    json!({
                        "event": flip.event,
                        "action": flip.action,
                        "old": &*flip.old,
                        "new": &*flip.new,
                    })
                })
                .collect();
            json!({"rule": cause, "flips": flips})
        })
        .collect();
    output.json(&json!({"events": events, "groups": groups}))
}
