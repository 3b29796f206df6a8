//! Which rules are tests.

use std::collections::HashMap;

use regorus::unstable::{Expr, Rule, RuleHead};

use super::{Source, Test};
use crate::tree;

const PREFIX: &str = "test_";
const SKIPPED: &str = "todo_test_";

/// A test, and how it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) test: Test,
    /// The position of its module, and of its rule therein.
    pub(super) module: usize,
    pub(super) rule: usize,
    /// What the interpreter is asked for.
    pub(super) path: String,
    /// Another name for its rule, where one of its name came before.
    pub(super) renamed: Option<String>,
    pub(super) skipped: bool,
    pub(super) cases: bool,
}

/// The tests of all modules, in their order.
pub(super) fn find(modules: &[Source]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (module, source) in modules.iter().enumerate() {
        let package = tree::components(&source.tree.package.refr).0;
        for (rule, spec) in source.tree.policy.iter().enumerate() {
            let Rule::Spec { head, .. } = &**spec else {
                continue;
            };
            if matches!(head, RuleHead::Func { .. }) {
                continue;
            }
            let reference = tree::reference(spec);
            let (name, rest) = tree::components(reference);
            let Some(test) = name
                .iter()
                .find(|part| part.starts_with(PREFIX) || part.starts_with(SKIPPED))
            else {
                continue;
            };
            let skipped = test.starts_with(SKIPPED);
            let cases = !rest.is_empty();
            let mut path = [package.as_slice(), name.as_slice()].concat();
            let count = seen.entry(tree::path(&path)).or_default();
            let mut shown = name.join(".");
            let mut renamed = None;
            // Of a reference of several parts, only the first part is a name that can be changed in place.
            if *count > 0
                && let (true, [only]) = (
                    !cases && matches!(reference, Expr::Var { .. }),
                    name.as_slice(),
                )
            {
                shown = format!("{shown}#{count:02}");
                let name = format!("{only}_kitelogik_{count}");
                path.pop();
                path.push(name.clone());
                renamed = Some(name);
            }
            *count += 1;
            found.push(Found {
                test: Test {
                    package: tree::path(&package),
                    name: shown,
                    file: source.name.clone(),
                    line: reference.span().line,
                },
                module,
                rule,
                path: tree::path(&path),
                renamed,
                skipped,
                cases,
            });
        }
    }
    found
}
