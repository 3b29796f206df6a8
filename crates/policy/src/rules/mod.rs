//! Rules in YAML, compiled to Rego.
//!
//! TODO
mod argument;
mod condition;
mod function;
mod glob;
mod pattern;
mod reader;
mod rego;
mod report;
mod rule;
mod scalar;
mod text;
mod truth;
mod yaml;

use std::collections::HashMap;
use std::fmt;

use crate::error::{Lines, Problem};

use self::report::Report;
use self::rule::{Condition, Operator, RuleSet};

pub use self::rule::Then;

/// The text of one rules file, and the name it goes by in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// A file called `name` (its path, as it was given) that holds `text`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// The name it goes by in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The YAML text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What rules became.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Compiled {
    /// One Rego module for each file, in their order: the file's name with `.rego` after it, and the text.
    pub modules: Vec<(String, String)>,
    /// What is ignored or probably not meant.
    pub warnings: Vec<Problem>,
    /// Every rule, in the order of the files and of the rules in them.
    pub rules: Vec<RuleOrigin>,
}

/// Where a rule was written. A name may occur once in each file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleOrigin {
    /// The name, as a decision's `rules` hold it.
    pub name: String,
    /// The name of its [`Source`].
    pub file: String,
    /// The line it starts in, from 1.
    pub line: u32,
    /// What it says when it fires.
    pub then: Then,
}

/// Everything that is wrong in all files, in their order: never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesErrors(Vec<Problem>);

impl RulesErrors {
    /// Each error, with its file, line and column.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }

    /// The errors themselves.
    pub fn into_problems(self) -> Vec<Problem> {
        self.0
    }
}

impl fmt::Display for RulesErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lines(&self.0).fmt(formatter)
    }
}

impl std::error::Error for RulesErrors {}

/// Compiles rules files to Rego, one module for each.
///
/// The same file always becomes the same text, whatever files are compiled with it, so modules may be compiled and
/// deployed one by one. Time is linear in the number of rules.
///
/// # Errors
///
/// [`RulesErrors`] holds all errors of all files; then nothing is compiled.
pub fn compile(sources: &[Source]) -> Result<Compiled, RulesErrors> {
    let mut compiled = Compiled::default();
    let mut errors = Vec::new();
    let mut first: HashMap<String, String> = HashMap::new();
    for source in sources {
        let mut report = Report::new(&source.name);
        let Some(set) = read(source, &mut report) else {
            errors.append(&mut report.errors);
            continue;
        };
        for rule in &set.rules {
            if let Some(file) = first.get(&rule.name) {
                report.warning(
                    rule.place,
                    format!(
                        "a rule of the name {} is also in {file}: a decision will not tell which of them fired",
                        text::shown(&rule.name)
                    ),
                );
            }
            compiled.rules.push(RuleOrigin {
                name: rule.name.clone(),
                file: source.name.clone(),
                line: rule.place.line,
                then: rule.then,
            });
        }
        for rule in &set.rules {
            first
                .entry(rule.name.clone())
                .or_insert_with(|| source.name.clone());
            if rule.then == Then::Allow {
                warn_of_unanchored(&rule.when, &mut report);
            }
        }
        let file = source.name.rsplit(['/', '\\']).next().unwrap_or_default();
        compiled
            .modules
            .push((format!("{}.rego", source.name), rego::module(&set, file)));
        report.warnings.sort();
        compiled.warnings.append(&mut report.warnings);
    }
    if errors.is_empty() {
        Ok(compiled)
    } else {
        Err(RulesErrors(errors))
    }
}

/// Whether `text` is a rules file: a mapping with `rules` or `version` at its top.
pub(crate) fn is_rules(text: &str) -> bool {
    text.lines().any(|line| {
        ["rules", "version"].iter().any(|key| {
            line.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
        })
    })
}

fn read(source: &Source, report: &mut Report) -> Option<RuleSet> {
    let set = yaml::parse(&source.text, report).map(|document| reader::read(document, report));
    report.errors.sort();
    report.errors.dedup();
    set.filter(|_| report.errors.is_empty())
}

/// An `allow` that finds its pattern anywhere allows whatever stands around it.
fn warn_of_unanchored(condition: &Condition, report: &mut Report) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            for condition in conditions {
                warn_of_unanchored(condition, report);
            }
        }
        Condition::Test(test) => {
            if let Operator::Matches {
                unanchored: Some(place),
                ..
            } = &test.operator
            {
                report.warning(
                    *place,
                    "an `allow` whose pattern is found anywhere in the text allows whatever stands around it: write `^` before it and `$` after it"
                        .to_owned(),
                );
            }
        }
        Condition::Not(_) | Condition::Action(_) | Condition::Event(_) => {}
    }
}
