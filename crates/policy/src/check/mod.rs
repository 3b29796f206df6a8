//! Everything that can be known of a policy before it decides.
//!
//! ```
//! use kitelogik_policy::Policy;
//! use kitelogik_policy::check::{Checker, Code};
//!
//! let policy = Policy::builder().rego(
//!     "refunds.rego",
//!     r#"package kitelogik.userpolicy
//!
//! allow if {
//!     input.action == "approve_refund"
//!     input.args.amount <= 50
//! }
//!
//! denied contains "no" if input.action == "delete_customer"
//! "#,
//! );
//! let report = Checker::new(policy).run();
//! let codes: Vec<Code> = report.findings.iter().map(|finding| finding.code).collect();
//! assert_eq!(codes, [Code::UntypedComparison, Code::Slip]);
//! assert_eq!(report.exit_code(), 1);
//! ```
//!
//! With the [`Tools`] that the policy is for, rules are held against them, too: actions that no tool has, arguments that
//! the tool does not have, comparisons with values that an argument never has, tools that no rule speaks of.
//!
//! The findings are those of [`Code`]. Errors and warnings are reasons to stop; a note is none. The built-in bundle is
//! checked only where there is nothing else.

mod body;
mod call;
mod comparison;
mod conflict;
mod fact;
mod finding;
mod fit;
mod github;
mod graph;
mod interpreted;
mod load;
mod names;
mod report;
mod sarif;
mod tools;
mod tree;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::Rule;

use crate::directory::TestFiles;
use crate::{Policy, PolicyBuilder, rules, testing};

pub use self::finding::{Code, Finding, Severity};
pub use self::report::CheckReport;
pub use self::tools::{Tools, ToolsError};

use self::fit::Spoken;
use self::graph::Graph;
use self::tree::{Unit, full_path};

/// Checks a policy.
#[derive(Clone, Debug)]
#[must_use = "a checker does nothing until `run`"]
pub struct Checker {
    policy: PolicyBuilder,
    tools: Option<Tools>,
}

/// Checks `policy`, without knowing the tools it is for.
pub fn check(policy: PolicyBuilder) -> CheckReport {
    Checker::new(policy).run()
}

impl Checker {
    /// A check of `policy`, its tests and its tables among it.
    pub fn new(policy: PolicyBuilder) -> Self {
        Self {
            policy,
            tools: None,
        }
    }

    /// The tools that the policy is for.
    pub fn tools(mut self, tools: Tools) -> Self {
        self.tools = Some(tools);
        self
    }

    /// Finds all there is. A policy that cannot be loaded has the reasons for findings.
    pub fn run(self) -> CheckReport {
        let mut findings = Vec::new();
        if let Some(tools) = &self.tools {
            tools.check_resources(&mut findings);
        }
        match self.policy.build_with_tests() {
            Ok((policy, beside)) => {
                loaded(&policy, &beside, self.tools.as_ref(), &mut findings);
            }
            Err(error) => findings.append(&mut load::findings(&error)),
        }
        CheckReport::new(findings)
    }
}

fn loaded(policy: &Policy, beside: &TestFiles, tools: Option<&Tools>, findings: &mut Vec<Finding>) {
    let problems = testing::problems(beside);
    findings.extend(
        problems
            .iter()
            .map(|problem| Finding::of(Code::Syntax, problem)),
    );
    let mut spoken = Spoken::default();
    in_yaml(policy, beside, tools, &mut spoken, findings);
    in_rego(policy, tools, &mut spoken, findings);
    if let Some(tools) = tools {
        spoken.check(tools, findings);
    }
}

fn in_yaml(
    policy: &Policy,
    beside: &TestFiles,
    tools: Option<&Tools>,
    spoken: &mut Spoken,
    findings: &mut Vec<Finding>,
) {
    let warnings = match rules::compile(&beside.rules) {
        Ok(compiled) => compiled.warnings,
        Err(errors) => errors.into_problems(),
    };
    let mut told = BTreeSet::new();
    for warning in &warnings {
        told.insert(warning.to_string());
        let code = if warning.message.starts_with("an `allow` whose pattern") {
            Code::UnanchoredPattern
        } else {
            Code::Yaml
        };
        findings.push(Finding::of(code, warning));
    }
    let others = policy
        .warnings()
        .iter()
        .filter(|text| !told.contains(*text));
    findings.extend(others.map(|text| {
        let finding = Finding::whole(Code::Ignored, "", text.clone());
        // Whoever replaces the bundle, or has nothing to allow yet, knows.
        if text.contains("is not loaded") {
            finding
        } else {
            finding.with_severity(Severity::Note)
        }
    }));
    for source in &beside.rules {
        if let Some(set) = rules::parsed(source) {
            yaml::check(source.name(), &set, tools, spoken, findings);
        }
    }
}

fn in_rego(
    policy: &Policy,
    tools: Option<&Tools>,
    spoken: &mut Spoken,
    findings: &mut Vec<Finding>,
) {
    let own = policy.modules().iter().any(|module| !module.is_builtin());
    let mut units: Vec<Unit> = policy.modules().iter().filter_map(Unit::of).collect();
    for unit in &mut units {
        unit.builtin &= own;
    }
    name_rules(&mut units);
    let graph = Graph::new(&units);
    graph.recursion(findings);
    graph.unreachable(policy.entry_point(), findings);
    conflict::check(&units, findings);
    for unit in units.iter().filter(|unit| !unit.builtin && !unit.compiled) {
        for rule in &unit.tree.policy {
            let rule: &Rule = rule;
            let effect = graph.effect(unit, &full_path(unit, rule));
            body::check(unit, rule, findings);
            names::check(unit, rule, findings);
            call::check(unit, rule, effect, findings);
            comparison::check(unit, rule, effect, tools, findings);
            if let Some(tools) = tools {
                fit::check(unit, rule, effect, tools, spoken, findings);
            }
        }
    }
    interpreted::check(policy, &units, findings);
}

/// A name means a rule where any module of the same package has one.
fn name_rules(units: &mut [Unit]) {
    let mut names: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for unit in units.iter() {
        for rule in &unit.tree.policy {
            let first = full_path(unit, rule).into_iter().nth(unit.package.len());
            names.entry(unit.package.clone()).or_default().extend(first);
        }
    }
    for unit in units {
        if let Some(names) = names.get(&unit.package) {
            unit.names.clone_from(names);
        }
    }
}
