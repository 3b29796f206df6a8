//! Names of rules that the interpreter reads otherwise than OPA, refused when modules are loaded.
//!
//! A variable that stands before the last part of a name (`limits[role].amount := …`), and a rule below another one
//! (`limits.amount := …` beside `limits[role] := …`): the interpreter loses some of what these say.

use std::collections::BTreeMap;

use anyhow::Result;
use regorus::unstable::{Expr, Module, Rule, RuleHead, Span};

use crate::refusal::refuse;
use crate::tree;

/// Fails with `file:line:column: what`, and what to write instead, for the first that is refused.
pub(crate) fn check<'a>(modules: impl IntoIterator<Item = &'a Module>) -> Result<()> {
    let mut names: BTreeMap<Vec<String>, &Span> = BTreeMap::new();
    for module in modules {
        let package = tree::components(&module.package.refr).0;
        for rule in &module.policy {
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
