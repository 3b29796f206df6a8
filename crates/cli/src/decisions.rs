//! Decisions as people read them.

use anstyle::Style;
use kitelogik_core::{EventDocument, PolicyDecision, Verdict};

use crate::answer::{Answer, Outcome};
use crate::output::{Output, shown, style};

/// The colour of a verdict.
pub(crate) fn style_of(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Allow => style::YES,
        Verdict::Deny => style::NO,
        Verdict::RequireApproval | Verdict::Refuse => style::MAYBE,
    }
}

/// One decision, a field a line.
pub(crate) fn block(
    document: &EventDocument,
    decision: &PolicyDecision,
    output: &mut Output,
) -> Outcome<()> {
    indented("", document.event.action(), decision, output)
}

/// The same about an event of this action, with something before each line.
pub(crate) fn indented(
    indent: &str,
    action: &str,
    decision: &PolicyDecision,
    output: &mut Output,
) -> Outcome<()> {
    let verdict = output.paint(style_of(decision.verdict), decision.verdict);
    output.line(format_args!("{indent}{verdict} {}", shown(action)))?;
    output.line(format_args!(
        "{indent}  reason       = {}",
        shown(&decision.reason)
    ))?;
    output.line(format_args!(
        "{indent}  risk_tier    = {}",
        decision.risk_tier
    ))?;
    if let Some(rule) = &decision.rule_matched {
        output.line(format_args!("{indent}  rule_matched = {}", shown(rule)))?;
    }
    if !decision.rules.is_empty() {
        output.line(format_args!("{indent}  rules        = {}", rules(decision)))?;
    }
    if let Some(code) = decision.fail_closed {
        output.line(format_args!("{indent}  fail_closed  = {code}"))?;
        if let Some(detail) = &decision.detail {
            output.line(format_args!("{indent}  detail       = {}", shown(detail)))?;
        }
    }
    Ok(())
}

/// One decision, on one line.
pub(crate) fn line(
    document: &EventDocument,
    decision: &PolicyDecision,
    output: &mut Output,
) -> Outcome<()> {
    let verdict = format!("{:16}", decision.verdict.as_str());
    let verdict = output.paint(style_of(decision.verdict), verdict);
    let rules = if decision.rules.is_empty() {
        String::new()
    } else {
        format!(" [{}]", rules(decision))
    };
    let fault = decision
        .fail_closed
        .map_or(String::new(), |code| format!(" ({code})"));
    output.line(format_args!(
        "{verdict} {:20} {:19} {}{fault}{rules}",
        shown(document.event.action()),
        decision.risk_tier.as_str(),
        shown(&decision.reason),
    ))
}

fn rules(decision: &PolicyDecision) -> String {
    decision
        .rules
        .iter()
        .map(|rule| shown(rule))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Several decisions as one answer.
#[derive(Default)]
pub(crate) struct Tally {
    not_allowed: bool,
    unknown: bool,
}

impl Tally {
    /// One more.
    pub(crate) fn count(&mut self, decision: &PolicyDecision) {
        self.not_allowed |= !decision.permits();
        self.unknown |= decision.fail_closed.is_some();
    }

    /// Yes where all permit; unknown where one could not be known.
    pub(crate) fn answer(&self) -> Answer {
        if self.unknown {
            Answer::Unknown
        } else {
            Answer::yes_if(!self.not_allowed)
        }
    }
}
