//! What tests reached.

use std::collections::BTreeSet;

use regorus::Engine;
use regorus::unstable::{Literal, Query, Rule};

use super::Source;
use super::marks::Marks;
use crate::tree;

/// What was evaluated of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCoverage {
    /// The name of the module.
    pub file: String,
    /// Lines with an expression that was evaluated, or with the head of a rule that fired.
    pub covered: BTreeSet<u32>,
    /// Lines with expressions of which none was.
    pub not_covered: BTreeSet<u32>,
    /// Its rules, defaults aside, in their order.
    pub rules: Vec<RuleCoverage>,
}

/// Whether a rule fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCoverage {
    /// Its path, as in `data.kitelogik.security.deny`.
    pub rule: String,
    /// The line of its head.
    pub line: u32,
    /// Whether it came to its value at least once.
    pub fired: bool,
}

pub(super) fn report(engine: &Engine, modules: &[Source], marks: &Marks) -> Vec<FileCoverage> {
    let lines = engine
        .get_coverage_report()
        .map_or_else(|_| Vec::new(), |report| report.files);
    modules
        .iter()
        .enumerate()
        .map(|(index, module)| {
            let package = tree::components(&module.tree.package.refr).0;
            let mut rules = Vec::new();
            let mut heads = BTreeSet::new();
            let mut unfired = BTreeSet::new();
            for (position, rule) in module.tree.policy.iter().enumerate() {
                if !matches!(**rule, Rule::Spec { .. }) {
                    continue;
                }
                let reference = tree::reference(rule);
                let path = [package.as_slice(), &tree::components(reference).0].concat();
                let line = reference.span().line;
                let fired = marks.fired(index, position);
                if fired {
                    heads.insert(line);
                } else {
                    unfired.insert(line);
                }
                rules.push(RuleCoverage {
                    rule: tree::path(&path),
                    line,
                    fired,
                });
            }
            let (mut covered, mut not_covered) =
                match lines.iter().find(|file| file.path == module.name) {
                    Some(file) => (file.covered.clone(), file.not_covered.clone()),
                    None => (BTreeSet::new(), statements(module)),
                };
            // A rule on one line is evaluated wherever its body is; the line is covered only where it fired.
            covered.extend(&heads);
            not_covered.extend(unfired.difference(&heads));
            covered.retain(|line| heads.contains(line) || !unfired.contains(line));
            not_covered.retain(|line| !covered.contains(line));
            FileCoverage {
                file: module.name.clone(),
                covered,
                not_covered,
                rules,
            }
        })
        .collect()
}

/// The lines of the statements of a module that nothing was evaluated of.
fn statements(module: &Source) -> BTreeSet<u32> {
    let mut lines = BTreeSet::new();
    for rule in &module.tree.policy {
        match &**rule {
            Rule::Default { span, .. } => {
                lines.insert(span.line);
            }
            Rule::Spec { bodies, .. } => {
                for body in bodies {
                    gather(&body.query, &mut lines);
                }
            }
        }
    }
    lines
}

fn gather(query: &Query, lines: &mut BTreeSet<u32>) {
    for statement in &query.stmts {
        lines.insert(statement.span.line);
        if let Literal::Every { query: inner, .. } = &statement.literal {
            gather(inner, lines);
        }
    }
}
