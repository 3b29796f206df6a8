//! Whether rules in Rego speak of tools and arguments that there are.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Query, Rule};
use serde_json::Value;

use super::body::{Said, facts};
use super::fact::Fact;
use super::finding::{Code, Finding};
use super::graph::Effect;
use super::names::EVENTS;
use super::tools::{Lookup, Tool, Tools};
use super::tree::{Part, Unit, walk_query};
use crate::rules::text::nearest;
use crate::syntax::path;

/// What the rules of a policy speak of.
#[derive(Default)]
pub(super) struct Spoken {
    pub(super) actions: BTreeSet<String>,
    pub(super) names: BTreeSet<String>,
    /// Whether a rule speaks of every call, or of calls that nobody can tell before.
    pub(super) all: bool,
}

impl Spoken {
    /// Tools that no rule speaks of: every call of them is refused.
    pub(super) fn check(&self, tools: &Tools, findings: &mut Vec<Finding>) {
        if self.all {
            return;
        }
        for tool in &tools.tools {
            if !self.actions.contains(&tool.action) && !self.names.contains(&tool.name) {
                let called = if tool.action == tool.name {
                    format!("the tool `{}`", tool.name)
                } else {
                    format!("the action `{}` of the tool `{}`", tool.action, tool.name)
                };
                findings.push(
                    Finding::whole(
                        Code::UnnamedTool,
                        "",
                        format!("no rule names {called}: every call is refused"),
                    )
                    .fix("write a rule that allows or denies it, so that this is on purpose"),
                );
            }
        }
    }
}

pub(super) fn check(
    unit: &Unit,
    rule: &Rule,
    effect: Effect,
    tools: &Tools,
    spoken: &mut Spoken,
    findings: &mut Vec<Finding>,
) {
    let Rule::Spec { bodies, head, .. } = rule else {
        return;
    };
    let function = matches!(head, regorus::unstable::RuleHead::Func { .. });
    if bodies.is_empty() && effect.allows && !function {
        spoken.all = true;
    }
    for body in bodies {
        let facts = facts(&body.query);
        let mut named = false;
        let mut seen = BTreeSet::new();
        walk_query(&body.query, &mut |part| match part {
            Part::Query(query) => named |= names(unit, query, tools, spoken, findings),
            Part::Expr(expression) => {
                argument(unit, expression, &facts, tools, &mut seen, findings);
            }
        });
        if effect.allows && !named && !function && speaks_of_input(&body.query) {
            spoken.all = true;
        }
        for said in &facts {
            compared(unit, said, &facts, tools, findings);
        }
    }
}

/// A body that only refers to other rules says nothing of calls by itself.
fn speaks_of_input(query: &Query) -> bool {
    let mut speaks = query.stmts.is_empty();
    walk_query(query, &mut |part| {
        if let Part::Expr(expression) = part {
            speaks |= path(expression).first().is_some_and(|root| root == "input");
        }
    });
    speaks
}

/// Notes the actions and tools that a query names; whether there are any.
fn names(
    unit: &Unit,
    query: &Query,
    tools: &Tools,
    spoken: &mut Spoken,
    findings: &mut Vec<Finding>,
) -> bool {
    let mut named = false;
    for said in facts(query) {
        let by_action = said.subject == ["input", "action"];
        if !by_action && said.subject != ["input", "tool_name"] {
            continue;
        }
        let (Fact::OneOf(values) | Fact::NoneOf(values)) = &said.fact else {
            continue;
        };
        named |= matches!(said.fact, Fact::OneOf(_));
        for name in values.iter().filter_map(Value::as_str) {
            if matches!(said.fact, Fact::OneOf(_)) {
                let into = if by_action {
                    &mut spoken.actions
                } else {
                    &mut spoken.names
                };
                into.insert(name.to_owned());
            }
            if let Some(message) = unknown(name, by_action, tools) {
                findings.push(unit.finding(Code::UnknownAction, said.at, message));
            }
        }
    }
    // `input.action in data.x`, `startswith(input.action, …)`: nobody can tell which.
    walk_query(query, &mut |part| {
        let dynamic = match part {
            Part::Expr(Expr::Membership { value, .. }) => Some(&**value),
            Part::Expr(Expr::Call { params, .. }) => params.first().map(|first| &**first),
            Part::Expr(Expr::RefBrack { index, .. }) => Some(&**index),
            _ => None,
        };
        if let Some(of) = dynamic
            && !named
        {
            let of = path(of);
            if of == ["input", "action"] || of == ["input", "tool_name"] {
                spoken.all = true;
                named = true;
            }
        }
    });
    named
}

/// Why no call has this action, or comes from a tool of this name.
pub(super) fn unknown(name: &str, by_action: bool, tools: &Tools) -> Option<String> {
    let known = || {
        tools.tools.iter().map(|tool| {
            if by_action {
                tool.action.as_str()
            } else {
                tool.name.as_str()
            }
        })
    };
    if known().any(|known| known == name) || (by_action && EVENTS.contains(&name)) {
        return None;
    }
    let advice = match nearest(name, known()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if by_action && tools.tools.iter().any(|tool| tool.name == name) => {
            let action = tools.tools.iter().find(|tool| tool.name == name);
            let action = action.map_or("", |tool| tool.action.as_str());
            format!("; the tool of that name has the action `{action}`")
        }
        None => String::new(),
    };
    let what = if by_action {
        "tool has the action"
    } else {
        "tool is named"
    };
    Some(format!("no {what} `{name}`{advice}"))
}

fn argument(
    unit: &Unit,
    expression: &Expr,
    facts: &[Said<'_>],
    tools: &Tools,
    seen: &mut BTreeSet<Vec<String>>,
    findings: &mut Vec<Finding>,
) {
    if !matches!(expression, Expr::RefDot { .. } | Expr::RefBrack { .. }) {
        return;
    }
    let components = path(expression);
    let [input, args, rest @ ..] = components.as_slice() else {
        return;
    };
    if input != "input" || args != "args" || rest.is_empty() || !seen.insert(rest.to_vec()) {
        return;
    }
    if let Some(message) = missing(rest, &tools.left_by(facts), tools) {
        findings.push(unit.finding(Code::UnknownArgument, expression, message));
    }
}

/// Why no call has an argument at `path`, where the rule speaks of `left`, or of all `tools` where that is nobody.
pub(super) fn missing(path: &[String], left: &[&Tool], tools: &Tools) -> Option<String> {
    let all: Vec<&Tool> = tools.tools.iter().collect();
    let asked = if left.is_empty() { &all } else { left };
    let is_missing = |tool: &&Tool| matches!(tool.argument(path), Lookup::Missing);
    if asked.is_empty() || !asked.iter().all(is_missing) {
        return None;
    }
    let name = path.join(".");
    let known: Vec<&str> = asked.iter().flat_map(|tool| tool.names()).collect();
    let advice = match path {
        [one] => match nearest(one, known.iter().copied()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None if left.is_empty() || known.is_empty() => String::new(),
            None => {
                let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                format!("; it has {}", known.join(", "))
            }
        },
        _ => String::new(),
    };
    Some(match left {
        [only] => format!("the tool `{}` has no argument `{name}`{advice}", only.name),
        [] => format!("no tool has an argument `{name}`{advice}"),
        _ => format!("none of these tools has an argument `{name}`{advice}"),
    })
}

fn compared(
    unit: &Unit,
    said: &Said<'_>,
    facts: &[Said<'_>],
    tools: &Tools,
    findings: &mut Vec<Finding>,
) {
    let [input, args, rest @ ..] = said.subject.as_slice() else {
        return;
    };
    if input != "input" || args != "args" || rest.is_empty() {
        return;
    }
    if let Some(why) = wrong(rest, &said.fact, &tools.left_by(facts)) {
        findings.push(unit.finding(
            Code::WrongType,
            said.at,
            format!(
                "the argument `{}` is never like this: {why}",
                rest.join(".")
            ),
        ));
    }
}

/// Why the argument at `path` of `tools` is never as `fact` says.
pub(super) fn wrong(path: &[String], fact: &Fact, tools: &[&Tool]) -> Option<String> {
    let mut why = None;
    for tool in tools {
        let Lookup::Found(argument) = tool.argument(path) else {
            return None;
        };
        why = Some(match fact {
            Fact::OneOf(values) | Fact::NoneOf(values) => {
                let refused = values.iter().map(|value| argument.refuses(value));
                // One value that can never be is a slip, whatever the others are.
                refused.flatten().next()?
            }
            Fact::Above(limit, _) | Fact::Below(limit, _) => argument.refuses_limit(limit)?,
            Fact::Type(wanted) => {
                let fits = argument.types.is_empty()
                    || argument.types.iter().any(|name| {
                        let name = if name == "integer" { "number" } else { name };
                        wanted.contains(&name)
                    });
                if fits {
                    return None;
                }
                format!("it is a value of type {}", argument.types.join(" or "))
            }
            Fact::Truthy | Fact::Falsy => return None,
        });
    }
    why
}
