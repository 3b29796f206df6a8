//! Rules as a Rego module.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::rule::{Otherwise, Rule, RuleSet, Then};
use super::text::{comment, rego};
use super::truth::{Bodies, Question};

/// How every compiled module starts.
pub(crate) const HEADER: &str = "# Compiled from ";

/// What a call is told whose action no rule names.
const UNNAMED: &str = "no rule names this action";

/// The module for `set`; `file` is the name of the file it came from, without its folders, and `prefix` what the names
/// of its functions start with.
pub(crate) fn module(set: &RuleSet, file: &str, prefix: &str) -> String {
    let mut text = format!(
        "{HEADER}{} by Kite Logik: change the rules there, not here.\npackage kitelogik.userpolicy\n\n",
        comment(file)
    );
    let mut bodies = Bodies::new(prefix);
    for rule in &set.rules {
        write_rule(&mut text, rule, &mut bodies);
    }
    write_outcomes(&mut text, set);
    write_otherwise(&mut text, set);
    let functions = bodies.functions();
    if !functions.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "# What is known of a value. Each is true only of a value that it can judge, so that a rule that must be certain says\n# `{prefix}at_most(v, 100)`, and one that must not be evaded `not {prefix}at_most(v, 100)`.\n\n"
        );
    }
    for function in functions {
        text.push_str(&function.definition(prefix));
        text.push('\n');
    }
    let end = text.trim_end().len();
    text.truncate(end);
    text.push('\n');
    text
}

fn write_rule(text: &mut String, rule: &Rule, bodies: &mut Bodies<'_>) {
    let body = bodies.of(&rule.when, Question::of(rule.then));
    let mut says = vec![
        format!("\"name\": {}", rego(&rule.name)),
        format!("\"then\": \"{}\"", rule.then.as_str()),
    ];
    if rule.then != Then::Allow {
        let reason = rule.reason.as_ref().unwrap_or(&rule.name);
        says.push(format!("\"reason\": {}", rego(reason)));
    }
    if let Some(tier) = rule.risk_tier {
        says.push(format!("\"risk_tier\": \"{tier}\""));
    }
    // Writing to a string cannot fail.
    let _ = write!(text, "# {}", comment(&rule.name));
    if let (Then::Allow, Some(reason)) = (rule.then, &rule.reason) {
        let _ = write!(text, ": {}", comment(reason));
    }
    let _ = write!(
        text,
        "\nyaml_fired contains {{\n\t{},\n}} if {{\n{}}}\n\n",
        says.join(",\n\t"),
        body
    );
    text.push_str(&bodies.take_helpers());
}

/// How the rules that fired become the answer.
fn write_outcomes(text: &mut String, set: &RuleSet) {
    let says = |then| set.rules.iter().any(|rule| rule.then == then);
    text.push_str("# The answer: what the rules that fired say.\n\n");
    if says(Then::Allow) {
        text.push_str("allow if {\n\tsome rule in yaml_fired\n\trule.then == \"allow\"\n}\n\n");
    }
    for then in [Then::Deny, Then::Hitl] {
        if says(then) {
            let name = then.as_str();
            let _ = write!(
                text,
                "{name} contains rule.reason if {{\n\tsome rule in yaml_fired\n\trule.then == \"{name}\"\n}}\n\n"
            );
        }
    }
    if set.rules.iter().any(|rule| rule.risk_tier.is_some()) {
        // Looked up in the body: the embedded engine's interpreter does not take a member that is not there.
        text.push_str(
            "risk_tiers contains tier if {\n\tsome rule in yaml_fired\n\ttier := rule.risk_tier\n}\n\n",
        );
    }
    text.push_str("rules contains rule.name if some rule in yaml_fired\n\n");
}

fn write_otherwise(text: &mut String, set: &RuleSet) {
    let mut actions = BTreeSet::new();
    for rule in &set.rules {
        rule.when.actions(&mut |action| {
            actions.insert(action);
        });
    }
    let verdict = match set.otherwise {
        Otherwise::Refuse => None,
        Otherwise::Hitl => Some("hitl"),
        Otherwise::Deny => Some("deny"),
    };
    if let Some(verdict) = verdict {
        let _ = write!(
            text,
            "# Otherwise: {verdict}.\n\n{verdict} contains \"{UNNAMED}\" if {{\n\tobject.get(input, \"event_type\", \"tool_call\") == \"tool_call\"\n\tnot yaml_action_named\n}}\n\n"
        );
    }
    if verdict.is_some() || !actions.is_empty() {
        text.push_str("# The actions that rules name, for what `otherwise` says here or in another file.\nyaml_action_named if input.action in ");
        if actions.is_empty() {
            text.push_str("set()\n\n");
            return;
        }
        text.push_str("{\n");
        for action in actions {
            let _ = writeln!(text, "\t{},", rego(action));
        }
        text.push_str("}\n\n");
    }
}
