//! `kitelogik replay`.

use std::collections::BTreeMap;

use clap::Args;
use kitelogik_core::{EventDocument, FailClosed, MASKED, PolicyDecision, Verdict};
use kitelogik_ledger::{AuditRecord, Ledger};
use serde::Serialize;
use serde_json::{Value, json};

use super::audit::FilterArguments;
use crate::answer::{Answer, Failure, Outcome};
use crate::decisions::style_of;
use crate::engine::Judge;
use crate::output::{Output, shown};
use crate::policy::PolicyArguments;
use crate::store::{StoreArguments, runtime};

/// How many decisions are read at once.
const BATCH: usize = 1000;

/// So many decisions are named for each kind of flip where people read; `--json` names all.
const NAMED: usize = 5;

const EXAMPLES: &str = "\
A decision flips where the verdict is another now, or where the new policy fails. Each is judged with the session, the
budget and the arguments as they were recorded, and at the time of now: rules about times and tokens can differ for that.
What cannot be judged again is counted and said: where something that the policy may ask about was masked or cut, where a
kill switch decided, and where nobody could know then.

Exit codes: 0 nothing flips, 1 something does, 2 an error

Examples:
  kitelogik replay --policy policies
  kitelogik replay --policy policies --from 7d --tool approve_refund
  kitelogik replay --policy policies --store sqlite:kitelogik.db --json";

/// Tell which recorded decisions another policy would make otherwise
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Replay {
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    filter: FilterArguments,
}

/// What came of all decisions.
#[derive(Default, Serialize)]
struct Replayed {
    /// How many are in the record.
    decisions: u64,
    /// How many were judged again.
    replayed: u64,
    /// How many were not, and why.
    left_out: BTreeMap<&'static str, u64>,
    flips: Vec<Flip>,
}

#[derive(Serialize)]
struct Flip {
    decision: String,
    session: String,
    tool: String,
    old: Side,
    new: Side,
}

/// A decision, as far as two are compared.
#[derive(Clone, Serialize)]
struct Side {
    verdict: Verdict,
    reason: String,
    rule: Option<String>,
    rules: Vec<String>,
    fail_closed: Option<FailClosed>,
}

pub(crate) fn run(arguments: &Replay, output: &mut Output) -> Outcome {
    let policy = arguments.policy.load_for_comparison(output)?;
    let judge = Judge::embedded(policy)?;
    let runtime = runtime()?;
    let ledger = runtime.block_on(arguments.store.read())?;
    let mut replayed = Replayed::default();
    let mut progress = output.progress("decisions");
    let mut filter = arguments.filter.filter().oldest_first();
    filter.limit = Some(BATCH);
    loop {
        let found = runtime.block_on(page(&ledger, &filter))?;
        for record in &found.records {
            progress.step();
            replayed.judge(record, &judge);
        }
        filter.after = found.next;
        if filter.after.is_none() {
            break;
        }
    }
    drop(progress);
    if output.is_json() {
        output.json(&replayed)?;
    } else {
        print(&replayed, output)?;
    }
    Ok(Answer::yes_if(replayed.flips.is_empty()))
}

async fn page(
    ledger: &Ledger,
    filter: &kitelogik_ledger::AuditFilter,
) -> Outcome<kitelogik_ledger::AuditPage> {
    ledger.audit().query(filter).await.map_err(Failure::from)
}

impl Replayed {
    fn judge(&mut self, record: &AuditRecord, judge: &Judge) {
        self.decisions += 1;
        let decided = match again(record, judge) {
            Ok(decided) => decided,
            Err(why) => {
                *self.left_out.entry(why).or_default() += 1;
                return;
            }
        };
        self.replayed += 1;
        let old = Side::recorded(record);
        let new = Side::of(&decided);
        if old.verdict != new.verdict || new.fail_closed.is_some() {
            self.flips.push(Flip {
                decision: record.decision_id.clone(),
                session: record.session.clone(),
                tool: record.tool.clone(),
                old,
                new,
            });
        }
    }
}

/// What is decided now, or why that cannot be known.
fn again(record: &AuditRecord, judge: &Judge) -> Result<PolicyDecision, &'static str> {
    if record.fail_closed.is_some() {
        return Err("nobody could know then");
    }
    if record.rule.as_deref() == Some("kill_switch") {
        return Err("a kill switch decided");
    }
    let mut input = record.input();
    if holds(&input, MASKED)
        || record
            .resources
            .iter()
            .any(|resource| resource.contains(MASKED))
    {
        return Err("something is masked");
    }
    if holds(&input, "[cut]") || holds(&input, "… [cut from ") {
        return Err("something is cut");
    }
    // Each resource of a call is judged, and the strongest decision counts.
    let mut resources: Vec<Value> = record.resources.iter().map(|path| json!(path)).collect();
    if resources.is_empty() {
        resources.push(json!(record.resource));
    }
    let mut strongest: Option<PolicyDecision> = None;
    for resource in resources {
        if let Some(input) = input.as_object_mut() {
            input.insert("resource_path".to_owned(), resource);
        }
        let document = EventDocument::from_value(input.clone())
            .map_err(|_| "the record is of another form")?;
        let decision = (*judge.decide(&document)).clone();
        strongest = Some(match strongest {
            Some(before) => before.strongest(decision),
            None => decision,
        });
    }
    strongest.ok_or("the record is of another form")
}

/// Whether a text or a key of `value` has `part` in it.
fn holds(value: &Value, part: &str) -> bool {
    match value {
        Value::String(text) => text.contains(part),
        Value::Array(elements) => elements.iter().any(|element| holds(element, part)),
        Value::Object(members) => members
            .iter()
            .any(|(key, member)| key.contains(part) || holds(member, part)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Side {
    /// What the policy said then. Where a person was asked, it asked for that, whatever they answered.
    fn recorded(record: &AuditRecord) -> Self {
        let verdict = if record.approval.is_some() {
            Verdict::RequireApproval
        } else {
            record.verdict
        };
        Self {
            verdict,
            reason: record.reason.clone(),
            rule: record.rule.clone(),
            rules: record.rules.iter().cloned().collect(),
            fail_closed: None,
        }
    }

    fn of(decision: &PolicyDecision) -> Self {
        Self {
            verdict: decision.verdict,
            reason: decision.reason.clone(),
            rule: decision.rule_matched.clone(),
            rules: decision.rules.iter().cloned().collect(),
            fail_closed: decision.fail_closed,
        }
    }

    /// The rules by the names of their authors, or else the rule that decided.
    fn named(&self) -> String {
        match (self.rules.as_slice(), &self.rule) {
            ([], Some(rule)) => rule.clone(),
            ([], None) => "no rule".to_owned(),
            (rules, _) => rules.join(" "),
        }
    }
}

fn print(replayed: &Replayed, output: &mut Output) -> Outcome<()> {
    let mut kinds: BTreeMap<(&str, &str, String), Vec<&Flip>> = BTreeMap::new();
    for flip in &replayed.flips {
        let kind = (
            flip.old.verdict.as_str(),
            flip.new.verdict.as_str(),
            flip.new.named(),
        );
        kinds.entry(kind).or_default().push(flip);
    }
    for ((_, _, rule), flips) in &kinds {
        let Some(first) = flips.first() else { continue };
        let old = output.paint(style_of(first.old.verdict), first.old.verdict);
        let new = output.paint(style_of(first.new.verdict), first.new.verdict);
        output.line(format_args!(
            "{old} -> {new} by {}: {}",
            shown(rule),
            flips.len()
        ))?;
        for flip in flips.iter().take(NAMED) {
            output.line(format_args!(
                "  {} {} of {}: {}",
                flip.decision,
                shown(&flip.tool),
                shown(&flip.session),
                shown(&flip.new.reason)
            ))?;
        }
        if flips.len() > NAMED {
            output.line(format_args!("  and {} more", flips.len() - NAMED))?;
        }
    }
    output.line(format_args!(
        "{} of {} decisions flip",
        replayed.flips.len(),
        replayed.replayed
    ))?;
    for (why, count) in &replayed.left_out {
        output.line(format_args!("{count} cannot be replayed: {why}"))?;
    }
    Ok(())
}
