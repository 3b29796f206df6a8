//! `kitelogik explain`.

use std::borrow::Cow;

use clap::Args;
use kitelogik_core::{EventDocument, Masking, Verdict};
use kitelogik_opa::{Embedded, ExplainedRule, Explanation, FailedCondition, RuleResult};

use crate::answer::{Failure, Outcome};
use crate::decisions::{self, Tally};
use crate::events::{EventArguments, Events, is_stdin};
use crate::output::{Output, shown, style};
use crate::policy::PolicyArguments;

const EXAMPLES: &str = "\
Exit codes, as those of `kitelogik eval`:
  0  allowed; of several events, all of them
  1  not allowed
  2  an error, also where a decision says `fail_closed`: nobody could know

Examples:
  kitelogik explain --action approve_refund --role support_agent --arg customer_id=cust_001 --arg amount=420
  kitelogik explain -p rules.yaml --action tip --all
  kitelogik explain -i events.jsonl --json
  kitelogik explain -i event.json --mask 'args.**.card_number' --mask-pattern '[0-9]{13,19}'";

/// A longer value is cut.
const MAX_VALUE: usize = 120;

/// Explain what a policy decides: the rules that concerned the event, what failed, and what would allow it
///
/// Every rule is named that the event's action, tool and type do not rule out: whether it fired, and the first
/// condition that did not hold, with the value it met. A change is suggested only if the call was decided with it,
/// and allowed. Rules that are left to the interpreter are explained by what that says of them, and name the reason.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Explain {
    #[command(flatten)]
    event: EventArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Show rules of the built-in bundle that did not fire, or only hand on what others say, too
    #[arg(long, help_heading = "Output")]
    all: bool,
    /// Mask what lies at this path of the event, as in `args.card_number`, `args.*.token`, `args.**.password`,
    /// `resource`; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    mask: Vec<String>,
    /// Mask what this regular expression finds in any text; may be repeated
    #[arg(long, value_name = "REGEX", help_heading = "Output")]
    mask_pattern: Vec<String>,
}

impl Explain {
    fn masking(&self) -> Outcome<Masking> {
        let mut masking = Masking::builder();
        for path in &self.mask {
            masking = masking.path(path).map_err(Failure::new)?;
        }
        for pattern in &self.mask_pattern {
            masking = masking.pattern(pattern).map_err(Failure::new)?;
        }
        Ok(masking.build())
    }
}

pub(crate) fn run(arguments: &Explain, output: &mut Output) -> Outcome {
    if arguments.policy.reads_stdin() && arguments.event.source().is_some_and(is_stdin) {
        return Err(Failure::new(
            "standard input can be read once: give `-` once, and files for the rest",
        ));
    }
    let masking = arguments.masking()?;
    let engine = Embedded::new(arguments.policy.load(output)?).map_err(Failure::new)?;
    let mut tally = Tally::default();
    let mut explain = |document: &EventDocument, first: bool, output: &mut Output| {
        let explanation = engine
            .explain(&document.event, &document.context, &masking)
            .map_err(Failure::new)?;
        tally.count(&explanation.decision);
        if output.is_json() {
            return output.json(&explanation);
        }
        if !first {
            output.line("")?;
        }
        print(&explanation, arguments.all, 0, output)
    };
    match arguments.event.source() {
        None => explain(&arguments.event.described()?, true, output)?,
        Some(path) => {
            for (number, document) in Events::open(path)?.enumerate() {
                explain(&document?, number == 0, output)?;
                if is_stdin(path) {
                    // Whoever sends events one by one waits for each answer.
                    output.flush()?;
                }
            }
        }
    }
    Ok(tally.answer())
}

fn print(explanation: &Explanation, all: bool, depth: usize, output: &mut Output) -> Outcome<()> {
    let indent = "  ".repeat(depth);
    let action = explanation
        .input
        .get("action")
        .and_then(|action| action.as_str());
    decisions::indented(
        &indent,
        action.unwrap_or_default(),
        &explanation.decision,
        output,
    )?;
    let rules = &explanation.rules;
    let elsewhere = rules
        .iter()
        .any(|rule| matches!(rule.result, RuleResult::Stopped { .. }) && !hands_on(rule));
    let (shown, hidden): (Vec<_>, Vec<_>) = rules
        .iter()
        .partition(|rule| all || concerns_people(rule, explanation.decision.verdict, elsewhere));
    for rule in shown {
        print_rule(rule, &indent, output)?;
    }
    if !hidden.is_empty() {
        output.line(format_args!(
            "{indent}  {} rules of the built-in bundle left out: see them with `--all`",
            hidden.len()
        ))?;
    }
    if explanation.incomplete {
        output.line(format_args!(
            "{indent}  not every rule was looked at: the event is too large, or it took too long"
        ))?;
    }
    if !explanation.suggestions.is_empty() {
        output.line(format_args!("{indent}  allowed with"))?;
        for suggestion in &explanation.suggestions {
            let suggestion = output.paint(style::YES, self::shown(&suggestion.to_string()));
            output.line(format_args!("{indent}    {suggestion}"))?;
        }
    }
    for (number, step) in explanation.steps.iter().enumerate() {
        output.line(format_args!("{indent}  step {}", number + 1))?;
        print(step, all, depth + 2, output)?;
    }
    Ok(())
}

/// Whether a rule only hands on what others say.
fn hands_on(rule: &ExplainedRule) -> bool {
    let packages = ["data.kitelogik.main.", "data.kitelogik.judgement."];
    let mut packages = packages.iter();
    rule.builtin && packages.any(|package| rule.name.starts_with(package))
}

/// Of the built-in rules those that decided: what fired, or could not be evaluated, if that is not told of another.
fn concerns_people(rule: &ExplainedRule, verdict: Verdict, stopped_elsewhere: bool) -> bool {
    if !rule.builtin {
        return true;
    }
    match &rule.result {
        RuleResult::Fired { .. } => {
            let speaks = ["deny", "hitl", "findings"];
            let name = rule.name.rsplit('.').next().unwrap_or_default();
            !hands_on(rule) && verdict != Verdict::Allow && speaks.contains(&name)
        }
        RuleResult::Stopped { .. } => !(hands_on(rule) && stopped_elsewhere),
        _ => false,
    }
}

fn print_rule(rule: &ExplainedRule, indent: &str, output: &mut Output) -> Outcome<()> {
    let (word, style) = match (&rule.result, rule.then) {
        (RuleResult::Fired { .. }, then) => ("fired", style_of(rule, then)),
        (RuleResult::NotFired { .. }, _) => ("not fired", style::DIM),
        (RuleResult::Stopped { .. }, _) => ("stopped", style::ERROR),
        (RuleResult::Interpreted { .. }, _) => ("not known", style::WARNING),
        _ => ("unknown", style::WARNING),
    };
    let word = output.paint(style, format_args!("{word:11}"));
    let place = output.paint(
        style::DIM,
        format_args!("{}:{}", shown(&rule.file), rule.line),
    );
    let then = rule.then.map_or(String::new(), |then| format!(" ({then})"));
    output.line(format_args!(
        "{indent}  {word} {}{then} {place}",
        shown(&rule.name)
    ))?;
    match &rule.result {
        RuleResult::Fired { says } => {
            for value in says.iter().filter(|value| value.as_bool() != Some(true)) {
                let value = cut(&value.to_string());
                output.line(format_args!("{indent}      says {value}"))?;
            }
        }
        RuleResult::NotFired { conditions } => {
            for condition in conditions {
                print_condition(condition, rule, indent, output)?;
            }
        }
        RuleResult::Stopped { at, error } => {
            if let Some(at) = at {
                print_condition(at, rule, indent, output)?;
            }
            output.line(format_args!("{indent}      {}", shown(error)))?;
        }
        RuleResult::Interpreted { at: Some(at), .. } => {
            print_condition(at, rule, indent, output)?;
        }
        _ => {}
    }
    if let Some(left) = &rule.interpreted {
        let note = format!("left to the interpreter: {}", shown(left));
        output.line(format_args!(
            "{indent}      {}",
            output.paint(style::DIM, note)
        ))?;
    }
    Ok(())
}

fn style_of(rule: &ExplainedRule, then: Option<&str>) -> anstyle::Style {
    match then.or_else(|| rule.name.rsplit('.').next()) {
        Some("allow") => style::YES,
        Some("deny" | "findings") => style::NO,
        Some("hitl") => style::MAYBE,
        _ => style::PLAIN,
    }
}

fn print_condition(
    condition: &FailedCondition,
    rule: &ExplainedRule,
    indent: &str,
    output: &mut Output,
) -> Outcome<()> {
    let place = if condition.file == rule.file {
        format!("line {}", condition.line)
    } else {
        format!("{}:{}", shown(&condition.file), condition.line)
    };
    let text = output.paint(style::TEXT, shown(&condition.text));
    output.line(format_args!(
        "{indent}      {} {text}",
        output.paint(style::DIM, format_args!("{place}:"))
    ))?;
    for met in &condition.met {
        let value = match &met.value {
            Some(value) => format!("= {}", cut(&value.to_string())),
            None => "is not there".to_owned(),
        };
        output.line(format_args!(
            "{indent}        {} {value}",
            shown(&met.expression)
        ))?;
    }
    Ok(())
}

fn cut(text: &str) -> Cow<'static, str> {
    let text = shown(text);
    if text.chars().count() <= MAX_VALUE {
        return Cow::Owned(text);
    }
    let cut: String = text.chars().take(MAX_VALUE).collect();
    Cow::Owned(format!("{cut}…"))
}
