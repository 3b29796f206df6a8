//! Everything that a check found.

use std::fmt::Write;

use kitelogik_core::text::visible;
use serde::Serialize;

use super::finding::{Finding, Severity};
use super::{github, sarif};

/// Everything that a check found, in the order of files and lines.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    pub(super) fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort();
        findings.dedup();
        Self { findings }
    }

    /// How many findings there are of `severity`.
    pub fn count(&self, severity: Severity) -> usize {
        let found = self.findings.iter();
        found.filter(|finding| finding.severity == severity).count()
    }

    /// Whether there is neither an error nor a warning.
    pub fn passed(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity == Severity::Note)
    }

    /// 1 where there are errors or warnings, 0 otherwise.
    pub fn exit_code(&self) -> u8 {
        if self.passed() { 0 } else { 1 }
    }

    /// For people: a finding a line, what to do below it, and how many there are.
    ///
    /// Whatever a policy could hide in its texts is made visible.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            // Writing to a string cannot fail.
            let _ = one(&mut text, finding);
        }
        let counts: Vec<String> = [
            (Severity::Error, "error", "errors"),
            (Severity::Warning, "warning", "warnings"),
            (Severity::Note, "note", "notes"),
        ]
        .into_iter()
        .filter_map(|(severity, one, many)| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        })
        .collect();
        text.push_str(&match counts.as_slice() {
            [] => "nothing found\n".to_owned(),
            counts => format!("{}\n", counts.join(", ")),
        });
        text
    }

    /// As a SARIF 2.1.0 log, which code hosts and editors show.
    pub fn sarif(&self) -> serde_json::Value {
        sarif::log(self)
    }

    /// As workflow commands of GitHub Actions, one line each, which become annotations.
    pub fn github(&self) -> String {
        github::commands(self)
    }
}

fn one(text: &mut String, finding: &Finding) -> std::fmt::Result {
    if !finding.file.is_empty() {
        write!(text, "{}:", visible(&finding.file))?;
        if finding.line > 0 {
            write!(text, "{}:{}:", finding.line, finding.column)?;
        }
        text.push(' ');
    }
    writeln!(
        text,
        "{}: {} [{}]",
        finding.severity.as_str(),
        visible(&finding.message),
        finding.code
    )?;
    match &finding.fix {
        Some(fix) => writeln!(text, "  fix: {}", visible(fix)),
        None => Ok(()),
    }
}
