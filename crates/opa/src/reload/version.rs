use std::path::PathBuf;
use std::sync::Arc;

use kitelogik_core::text::visible;
use kitelogik_policy::check::{Checker, Severity};
use kitelogik_policy::testing::{TestOutcome, TestReport, TestRunner};
use kitelogik_policy::{DecisionRule, RuleChanges};

use super::reading::{BundleFacts, Reading};
use super::settings::Settings;
use super::{PolicyChange, ReloadError};
use crate::Embedded;

/// A policy that was loaded, checked and tested, ready to decide.
pub(super) struct Version {
    pub(super) engine: Embedded,
    pub(super) revision: Arc<str>,
    /// Of all that was read to make it, and from where.
    pub(super) content: String,
    pub(super) places: Vec<PathBuf>,
    pub(super) bundle: Option<BundleFacts>,
    rules: Vec<DecisionRule>,
}

impl Version {
    /// Blocks: parses, checks, compiles and tests.
    pub(super) fn prepare(reading: Reading, settings: &Settings) -> Result<Self, ReloadError> {
        let failed = |error: &dyn std::fmt::Display| ReloadError::Load(error.to_string());
        let tests = TestRunner::new(reading.policy.clone())?;
        let policy = tests.policy();
        if policy.modules().iter().all(|module| module.is_builtin()) {
            return Err(ReloadError::Empty(
                "the built-in bundle alone allows nothing".to_owned(),
            ));
        }
        if settings.check {
            let mut report = Checker::new(reading.policy).run();
            report
                .findings
                .retain(|finding| finding.severity == Severity::Error);
            if !report.passed() {
                return Err(ReloadError::Check(report.text().trim_end().to_owned()));
            }
        }
        let engine = (settings.engine)(Embedded::builder(policy.clone()))
            .build()
            .map_err(|error| failed(&error))?;
        if settings.self_test && tests.may_have_tests() {
            let report = tests.run().map_err(|error| failed(&error))?;
            if report.counts.failed + report.counts.errors > 0 {
                return Err(ReloadError::Test(failures(&report)));
            }
        }
        Ok(Self {
            engine,
            revision: policy.revision().into(),
            content: reading.content,
            places: reading.places,
            bundle: reading.bundle,
            rules: policy.decision_rules(),
        })
    }

    /// What it is to put `self` in the place of `previous`.
    pub(super) fn change_from(&self, previous: &Self) -> PolicyChange {
        PolicyChange {
            previous: Arc::clone(&previous.revision),
            revision: Arc::clone(&self.revision),
            bundle_revision: self.bundle_revision(),
            rules: RuleChanges::of(&previous.rules, &self.rules),
        }
    }

    pub(super) fn bundle_revision(&self) -> Option<Arc<str>> {
        self.bundle.as_ref()?.revision.clone()
    }
}

/// The tests that did not pass, one a line, each with why.
fn failures(report: &TestReport) -> String {
    let failed = report
        .results
        .iter()
        .filter(|result| matches!(result.outcome, TestOutcome::Fail | TestOutcome::Error));
    let lines: Vec<String> = failed
        .map(|result| {
            let mut line = format!("{}:{}: {}", result.file, result.line, result.full_name());
            let cases = result
                .cases
                .iter()
                .filter(|case| case.outcome == TestOutcome::Fail);
            for case in cases {
                line = format!("{line}[{}]", case.name);
            }
            for message in &result.messages {
                line = format!("{line}: {message}");
            }
            if let Some(stopped) = &result.stopped_at {
                line = format!("{line}: stopped at `{}`", stopped.expression);
            }
            visible(&line).into_owned()
        })
        .collect();
    lines.join("\n")
}
