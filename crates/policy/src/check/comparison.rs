//! Comparisons and negations that a value of another type, or none at all, gets past.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Literal, Query, Rule};
use serde_json::Value;

use super::body::{Said, facts};
use super::fact::Fact;
use super::finding::{Code, Finding};
use super::graph::Effect;
use super::tools::Tools;
use super::tree::{Part, Unit, walk, written};
use crate::syntax::collect;

pub(super) fn check(
    unit: &Unit,
    rule: &Rule,
    effect: Effect,
    tools: Option<&Tools>,
    findings: &mut Vec<Finding>,
) {
    walk(rule, &mut |part| {
        let Part::Query(query) = part else { return };
        let facts = facts(query);
        for said in &facts {
            // What the tool's schema promises needs no check here.
            let promised = tools.is_some_and(|tools| tools.promise_number(&facts, &said.subject));
            if promised {
                continue;
            }
            if effect.allows {
                untyped(unit, said, &facts, findings);
            }
            if effect.restricts && !effect.allows {
                evaded(unit, said, &facts, findings);
            }
        }
        if effect.restricts {
            negations(unit, query, findings);
        }
    });
}

/// An order between values of all types: null and booleans come before numbers, texts and all else after them.
fn untyped(unit: &Unit, said: &Said<'_>, facts: &[Said<'_>], findings: &mut Vec<Finding>) {
    let Some((subject, value)) = limited(said) else {
        return;
    };
    let about = || facts.iter().filter(|other| other.subject == said.subject);
    let typed = about().any(|other| matches!(other.fact, Fact::Type(_) | Fact::OneOf(_)));
    let number = |value: &Value| value.is_number();
    let above = about().any(|other| matches!(&other.fact, Fact::Above(limit, _) if number(limit)));
    let below = about().any(|other| matches!(&other.fact, Fact::Below(limit, _) if number(limit)));
    if typed || (above && below) {
        return;
    }
    let others = match (&said.fact, value) {
        (Fact::Below(..), Value::Number(_)) => "null and booleans are less than every number",
        (Fact::Above(..), Value::Number(_)) => {
            "texts, lists and objects are more than every number"
        }
        (Fact::Below(..), _) => "null, booleans and numbers are less than every text",
        _ => "lists and objects are more than every text",
    };
    let guard = if value.is_number() {
        "is_number"
    } else {
        "is_string"
    };
    findings.push(
        unit.finding(
            Code::UntypedComparison,
            said.at,
            format!(
                "`{}` allows more than it seems to: {others}",
                written(said.at)
            ),
        )
        .fix(format!("add `{guard}({subject})`")),
    );
}

/// Only arguments may be missing: everything else of an input is there, or null.
fn evaded(unit: &Unit, said: &Said<'_>, facts: &[Said<'_>], findings: &mut Vec<Finding>) {
    let Some((subject, _)) = limited(said) else {
        return;
    };
    let [_, second, ..] = said.subject.as_slice() else {
        return;
    };
    let guarded = facts
        .iter()
        .any(|other| other.subject == said.subject && matches!(other.fact, Fact::Type(_)));
    if second != "args" || guarded {
        return;
    }
    let past = match said.fact {
        Fact::Above(..) => "is missing, null or a boolean",
        _ => "is missing, a text or a list",
    };
    findings.push(
        unit.finding(
            Code::EvadedComparison,
            said.at,
            format!(
                "`{}` does not hold where `{subject}` {past}, and then this rule does not fire",
                written(said.at)
            ),
        )
        .fix(format!(
            "add a rule for `not is_number(object.get({}, \"{}\", null))`, or leave such calls without an `allow`",
            said.subject
                .get(..said.subject.len().saturating_sub(1))
                .unwrap_or_default()
                .join("."),
            said.subject.last().map_or("", String::as_str),
        )),
    );
}

/// The input value that is compared with a constant limit, as it is written, and the limit.
fn limited<'a>(said: &'a Said<'_>) -> Option<(String, &'a Value)> {
    let (Fact::Above(limit, _) | Fact::Below(limit, _)) = &said.fact else {
        return None;
    };
    let input = said.subject.first().is_some_and(|root| root == "input");
    input.then(|| (said.subject.join("."), limit))
}

/// `not f(input.args.x)` evaluates its operands first: where one is missing, all of it is undefined.
fn negations(unit: &Unit, query: &Query, findings: &mut Vec<Finding>) {
    for statement in &query.stmts {
        let Literal::NotExpr { expr, .. } = &statement.literal else {
            continue;
        };
        // An equality and a plain reference are true under `not` where the value is missing.
        let operands: BTreeSet<String> = match &**expr {
            Expr::Call { params, .. } => params.iter().filter_map(|one| argument(one)).collect(),
            Expr::BoolExpr { op, lhs, rhs, .. } if !matches!(op, regorus::unstable::BoolOp::Eq) => {
                [lhs, rhs]
                    .into_iter()
                    .filter_map(|one| argument(one))
                    .collect()
            }
            Expr::Membership { value, .. } => argument(value).into_iter().collect(),
            _ => continue,
        };
        for operand in operands {
            findings.push(
                unit.finding(
                    Code::UndefinedNegation,
                    expr,
                    format!(
                        "where `{operand}` is missing, `not {}` is undefined, and this rule does not fire",
                        written(expr)
                    ),
                )
                .fix("put the condition into a rule of its own, and negate that rule"),
            );
        }
    }
}

/// A reference to an argument, which a call may leave out.
fn argument(expression: &Expr) -> Option<String> {
    let mut components = Vec::new();
    let constant = collect(expression, &mut components);
    match components.as_slice() {
        [input, args, _, ..] if constant && input == "input" && args == "args" => {
            Some(components.join("."))
        }
        _ => None,
    }
}
