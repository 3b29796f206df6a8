//! Heads of rules that the interpreter reads otherwise than OPA, refused when modules are loaded.
//!
//! A variable that stands before the last part of a name (`limits[role].amount := …`), and a rule below another one
//! (`limits.amount := …` beside `limits[role] := …`): the interpreter loses some of what these say. And a second body right after the first (`limit := 5 if { … } { … }`),
//! which has the value `true` there.

use std::collections::BTreeMap;

use anyhow::Result;
use regorus::Value;
use regorus::unstable::{Expr, Module, Rule, RuleHead, Span};

use crate::refusal::refuse;
use crate::tree;

/// Fails with `file:line:column: what`, and what to write instead, for the first that is refused.
pub(crate) fn check<'a>(modules: impl IntoIterator<Item = &'a Module>) -> Result<()> {
    let mut names: BTreeMap<Vec<String>, &Span> = BTreeMap::new();
    for module in modules {
        let package = tree::components(&module.package.refr).0;
        for rule in &module.policy {
            one_body(rule)?;
            let declared = declared(rule);
            let (below, open) = tree::components(declared);
            if let Some(variable) = open.first() {
                return refuse(
                    variable.span(),
                    "only the last part of a rule's name may be computed; give the rule an object as its value, as in \
                     `limits[role] := {\"amount\": 5}`",
                );
            }
            let name = package.iter().cloned().chain(below).collect();
            names.entry(name).or_insert(declared.span());
        }
    }
    // In order, whatever lies below a name comes right after it.
    let mut above: Option<&Vec<String>> = None;
    for (name, span) in &names {
        match above {
            Some(above) if name.starts_with(above) => refuse(
                span,
                &format!(
                    "`{}` lies below the rule `{}`; write one rule with both in its value",
                    tree::path(name),
                    tree::path(above)
                ),
            )?,
            _ => above = Some(name),
        }
    }
    Ok(())
}

/// Fails for a body that would lose the value of its head.
fn one_body(rule: &Rule) -> Result<()> {
    let Rule::Spec { head, bodies, .. } = rule else {
        return Ok(());
    };
    let value = match head {
        // The interpreter keeps the values of partial objects.
        RuleHead::Compr { refr, .. } if matches!(**refr, Expr::RefBrack { .. }) => None,
        RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => assign.as_ref(),
        RuleHead::Set { .. } => None,
    };
    let is_true =
        |value: &Expr| matches!(value, Expr::Bool { value, .. } if *value == Value::Bool(true));
    let second = bodies.iter().skip(1).find(|body| !body.is_else);
    match (value, second) {
        (Some(assign), Some(body)) if !is_true(&assign.value) => refuse(
            &body.span,
            "a second body has not the value of the first; write the rule once more, with its value",
        ),
        _ => Ok(()),
    }
}

/// What `rule` declares, without the key of a partial object.
fn declared(rule: &Rule) -> &Expr {
    match rule {
        Rule::Spec {
            head: RuleHead::Compr { refr, .. },
            ..
        } => match &**refr {
            Expr::RefBrack { refr, .. } => refr,
            other => other,
        },
        rule => tree::reference(rule),
    }
}
