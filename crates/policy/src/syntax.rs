//! What can be known of a Rego module before it runs. The only place that knows the interpreter's syntax tree.

mod calls;
mod parse;
mod reference;

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Module as Tree, Ref, Rule, RuleHead};

use self::calls::Calls;
pub(crate) use self::parse::parse;
pub(crate) use self::reference::{collect, imports, path};
use crate::Module;
use crate::error::Problem;

/// A module that parses: where its rules live.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The package, as in `["kitelogik", "userpolicy"]`.
    pub(crate) package: Vec<String>,
    /// The full path of each rule, up to the first component that is no constant.
    pub(crate) rules: BTreeSet<Vec<String>>,
}

/// The outline of each module, in their order; or every problem of all of them.
pub(crate) fn outlines(modules: &[Module]) -> Result<Vec<Outline>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut trees = Vec::new();
    for module in modules {
        match parse(module) {
            Ok(tree) => trees.push((module, tree)),
            Err(problem) => problems.push(problem),
        }
    }
    let outlines: Vec<Outline> = trees.iter().map(|(_, tree)| outline(tree)).collect();
    let known: BTreeSet<String> = outlines
        .iter()
        .flat_map(|outline| outline.rules.iter().map(|rule| rule.join(".")))
        .collect();
    // A file that does not parse may hold the functions that the others call.
    let complete = problems.is_empty();
    for (module, tree) in &trees {
        let mut calls = Calls {
            module,
            package: path(&tree.package.refr).join("."),
            imports: imports(tree),
            known: complete.then_some(&known),
            problems: &mut problems,
        };
        for rule in &tree.policy {
            calls.rule(rule);
        }
    }
    if problems.is_empty() {
        Ok(outlines)
    } else {
        problems.sort();
        problems.dedup();
        Err(problems)
    }
}

/// The package of each module, in their order; or every problem of all of them.
#[cfg(feature = "bundle")]
pub(crate) fn packages(modules: &[Module]) -> Result<Vec<Vec<String>>, Vec<Problem>> {
    let mut packages = Vec::new();
    let mut problems = Vec::new();
    for module in modules {
        match parse(module) {
            Ok(tree) => packages.push(path(&tree.package.refr)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(packages)
    } else {
        Err(problems)
    }
}

fn outline(tree: &Tree) -> Outline {
    let package = path(&tree.package.refr);
    let rules = tree
        .policy
        .iter()
        .map(|rule| {
            let mut full = package.clone();
            full.extend(path(head(rule)));
            full
        })
        .collect();
    Outline { package, rules }
}

/// The reference that `rule` declares.
pub(crate) fn head(rule: &Rule) -> &Ref<Expr> {
    match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. }
            | RuleHead::Set { refr, .. }
            | RuleHead::Func { refr, .. } => refr,
        },
    }
}
