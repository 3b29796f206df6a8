//! What inputs have, and what they do not.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Rule};
use serde_json::Value;

use super::body::facts;
use super::fact::Fact;
use super::finding::{Code, Finding};
use super::tree::{Part, Unit, walk};
use crate::rules::text::{advice, nearest};
use crate::syntax::path;

/// The keys of an input document.
const INPUT: [&str; 11] = [
    "event_type",
    "action",
    "tool_name",
    "args",
    "resource_path",
    "context",
    "session_id",
    "requested_capabilities",
    "delegation_target",
    "steps",
    "data_classification",
];
/// The keys of `input.context`.
const CONTEXT: [&str; 16] = [
    "session_id",
    "principal",
    "user_role",
    "session_scopes",
    "sandbox_verified",
    "token_id",
    "delegation_depth",
    "parent_token_id",
    "parent_session_id",
    "tenant_id",
    "budget_total_tokens",
    "budget_used_tokens",
    "budget_total_api_calls",
    "budget_used_api_calls",
    "budget_total_cost_cents",
    "budget_used_cost_cents",
];
/// The kinds of event.
pub(super) const EVENTS: [&str; 5] = [
    "tool_call",
    "agent.spawn",
    "agent.delegate",
    "agent.plan",
    "agent.budget",
];

pub(super) fn check(unit: &Unit, rule: &Rule, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    walk(rule, &mut |part| match part {
        Part::Expr(expression @ (Expr::RefDot { .. } | Expr::RefBrack { .. })) => {
            let components = path(expression);
            let [root, key, rest @ ..] = components.as_slice() else {
                return;
            };
            if root != "input" {
                return;
            }
            let unknown = if !INPUT.contains(&key.as_str()) {
                Some((format!("input.{key}"), advice_of(key)))
            } else if let ("context", [inner, ..]) = (key.as_str(), rest)
                && !CONTEXT.contains(&inner.as_str())
            {
                Some((format!("input.context.{inner}"), advice(inner, &CONTEXT)))
            } else {
                None
            };
            if let Some((reference, advice)) = unknown
                && seen.insert(reference.clone())
            {
                findings.push(unit.finding(
                    Code::UnknownInput,
                    expression,
                    format!("no input has `{reference}`{advice}"),
                ));
            }
        }
        Part::Query(query) => {
            for said in facts(query) {
                if said.subject == ["input", "event_type"]
                    && let Fact::OneOf(values) = &said.fact
                {
                    for name in values.iter().filter_map(Value::as_str) {
                        if !EVENTS.contains(&name) {
                            findings.push(unit.finding(
                                Code::UnknownInput,
                                said.at,
                                format!("there is no event `{name}`{}", advice(name, &EVENTS)),
                            ));
                        }
                    }
                }
            }
        }
        Part::Expr(_) => {}
    });
}

/// What is looked for at the top often lies in `context` or among the arguments.
fn advice_of(key: &str) -> String {
    let inner = match key {
        "role" => Some("user_role"),
        "scopes" => Some("session_scopes"),
        "tenant" => Some("tenant_id"),
        _ => CONTEXT.into_iter().find(|known| *known == key),
    };
    if let Some(inner) = inner {
        return format!("; did you mean `input.context.{inner}`?");
    }
    match nearest(key, INPUT) {
        Some(name) => format!("; did you mean `input.{name}`?"),
        None => format!("; arguments are in `input.args`, as `input.args.{key}`"),
    }
}
