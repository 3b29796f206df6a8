//! What tests reached of a policy.

use std::collections::BTreeSet;
use std::fmt::Write;

use kitelogik_core::text::visible;
use serde::Serialize;

use crate::Policy;

/// What the tests reached: lines with expressions, and rules that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// Lines that were evaluated.
    pub covered_lines: usize,
    /// Lines with something to evaluate.
    pub lines: usize,
    /// Rules that fired.
    pub fired_rules: usize,
    /// Rules, defaults aside.
    pub rules: usize,
    /// The files of the policy, tests aside. The built-in bundle is there where nothing else is tested.
    pub files: Vec<FileCoverage>,
}

/// What the tests reached of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FileCoverage {
    /// The file.
    pub file: String,
    /// Lines that were evaluated, and heads of rules that fired.
    pub covered: BTreeSet<u32>,
    /// Lines that were not.
    pub not_covered: BTreeSet<u32>,
    /// Its rules.
    pub rules: Vec<RuleCoverage>,
}

/// Whether a rule fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RuleCoverage {
    /// Its path, as in `data.kitelogik.userpolicy.deny`, or the name of a rule in YAML.
    pub rule: String,
    /// The line it starts in.
    pub line: u32,
    /// Whether it fired at least once.
    pub fired: bool,
}

impl Coverage {
    pub(super) fn new(
        files: Vec<kitelogik_rego::FileCoverage>,
        policy: &Policy,
        tests: &BTreeSet<&str>,
    ) -> Self {
        let builtin: BTreeSet<&str> = policy
            .modules()
            .iter()
            .filter(|module| module.is_builtin())
            .map(|module| module.name())
            .collect();
        let own = policy.modules().len() > builtin.len();
        let files: Vec<FileCoverage> = files
            .into_iter()
            .filter(|file| {
                let name = file.file.as_str();
                !(tests.contains(name) || own && builtin.contains(name))
            })
            .map(|file| as_written(file, policy))
            .collect();
        let rules = || files.iter().flat_map(|file| &file.rules);
        Self {
            covered_lines: files.iter().map(|file| file.covered.len()).sum(),
            lines: files
                .iter()
                .map(|file| file.covered.len() + file.not_covered.len())
                .sum(),
            fired_rules: rules().filter(|rule| rule.fired).count(),
            rules: rules().count(),
            files,
        }
    }

    /// For people: the figures, and what was not reached.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        for file in &self.files {
            let silent: Vec<&RuleCoverage> = file.rules.iter().filter(|rule| !rule.fired).collect();
            if file.not_covered.is_empty() && silent.is_empty() {
                continue;
            }
            writeln!(text, "{}:", visible(&file.file))?;
            for rule in silent {
                let name = visible(&rule.rule);
                writeln!(text, "  line {}: `{name}` never fired", rule.line)?;
            }
            if !file.not_covered.is_empty() {
                writeln!(text, "  not evaluated: {}", ranges(&file.not_covered))?;
            }
        }
        writeln!(
            text,
            "COVERAGE: {} of lines ({}/{}), {} of rules ({}/{})",
            percent(self.covered_lines, self.lines),
            self.covered_lines,
            self.lines,
            percent(self.fired_rules, self.rules),
            self.fired_rules,
            self.rules,
        )
    }
}

/// Rules in YAML are told by their names and their own lines, not by those of the Rego that they become.
fn as_written(file: kitelogik_rego::FileCoverage, policy: &Policy) -> FileCoverage {
    let rules = file.rules.into_iter().map(|rule| RuleCoverage {
        rule: rule.rule,
        line: rule.line,
        fired: rule.fired,
    });
    let yaml = file.file.strip_suffix(".rego").unwrap_or(&file.file);
    let mut origins = policy
        .rules()
        .iter()
        .filter(|origin| origin.file == yaml)
        .peekable();
    if origins.peek().is_none() {
        return FileCoverage {
            file: file.file,
            covered: file.covered,
            not_covered: file.not_covered,
            rules: rules.collect(),
        };
    }
    let fired = rules.filter(|rule| rule.rule == "data.kitelogik.userpolicy.yaml_fired");
    let rules: Vec<RuleCoverage> = origins
        .zip(fired)
        .map(|(origin, rule)| RuleCoverage {
            rule: origin.name.clone(),
            line: origin.line,
            fired: rule.fired,
        })
        .collect();
    let lines = |fired| {
        let rules = rules.iter().filter(move |rule| rule.fired == fired);
        rules.map(|rule| rule.line).collect()
    };
    FileCoverage {
        file: yaml.to_owned(),
        covered: lines(true),
        not_covered: lines(false),
        rules,
    }
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "100%".to_owned();
    }
    // Rounded down: 100 % is said of all of them only.
    let tenths = part * 1000 / whole;
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// `3-5, 9`
fn ranges(lines: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *line => *last = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let ranges: Vec<String> = ranges
        .into_iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    ranges.join(", ")
}
