//! How the tests went.

use std::fmt::Write;
use std::time::Duration;

use kitelogik_rego::{Outcome, Test, TestRun};
use serde::{Serialize, Serializer};

use super::{Coverage, junit, text};

/// How the tests of a policy went.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TestReport {
    /// Each test, in the order of the files.
    pub results: Vec<TestResult>,
    /// How many there are of each outcome.
    #[serde(flatten)]
    pub counts: Counts,
    /// What they reached, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// How long all of it took; as JSON, in microseconds.
    #[serde(rename = "duration_us", serialize_with = "microseconds")]
    pub duration: Duration,
}

/// How many tests there are of each outcome. A test with cases counts as its cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Those that passed.
    pub passed: usize,
    /// Those that are not true.
    pub failed: usize,
    /// Those that could not be evaluated.
    pub errors: usize,
    /// Those that are yet to be written.
    pub skipped: usize,
}

/// How one test went.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TestResult {
    /// The package of a Rego test, as in `data.kitelogik.main_test`; `None` for a row of a decision table.
    pub package: Option<String>,
    /// Its name.
    pub name: String,
    /// The file it is written in.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// What came of it.
    pub outcome: TestOutcome,
    /// How long it took; as JSON, in microseconds.
    #[serde(rename = "duration_us", serialize_with = "microseconds")]
    pub duration: Duration,
    /// Why it failed or could not be evaluated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// The statement that a failed Rego test did not get past, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<StoppedAt>,
    /// What it printed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub printed: Vec<String>,
    /// The cases of a test `test_name[case]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseResult>,
}

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
    /// It is as wanted.
    Pass,
    /// It is not.
    Fail,
    /// It could not be evaluated.
    Error,
    /// It is yet to be written.
    Skip,
}

/// One case of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CaseResult {
    /// Its key.
    pub name: String,
    /// [`Pass`](TestOutcome::Pass) or [`Fail`](TestOutcome::Fail).
    pub outcome: TestOutcome,
}

/// The statement that a test did not get past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoppedAt {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The statement, on one line.
    pub expression: String,
    /// What its sides are, as JSON or `undefined`: two of a comparison, one of anything else that has a value.
    pub values: Vec<String>,
}

impl TestReport {
    pub(super) fn new(
        results: Vec<TestResult>,
        coverage: Option<Coverage>,
        duration: Duration,
    ) -> Self {
        let mut counts = Counts::default();
        for result in &results {
            if result.cases.is_empty() {
                counts.count(result.outcome);
            }
            for case in &result.cases {
                counts.count(case.outcome);
            }
        }
        Self {
            results,
            counts,
            coverage,
            duration,
        }
    }

    /// Whether nothing failed, erred or was skipped.
    pub fn passed(&self) -> bool {
        self.counts.passed == self.counts.total()
    }

    /// As `opa test`: 0 where all passed, 2 where one did not, or was skipped.
    pub fn exit_code(&self) -> u8 {
        if self.passed() { 0 } else { 2 }
    }

    /// The closing lines, as `opa test` writes them: `PASS: 217/217`, and `FAIL`, `SKIPPED` and `ERROR` where there are
    /// any. Empty where no test was run.
    pub fn summary(&self) -> String {
        let Counts {
            passed,
            failed,
            errors,
            skipped,
        } = self.counts;
        let total = self.counts.total();
        let mut summary = String::new();
        for (name, count) in [
            ("PASS", passed),
            ("FAIL", failed),
            ("SKIPPED", skipped),
            ("ERROR", errors),
        ] {
            if count > 0 {
                // Writing to a string cannot fail.
                let _ = writeln!(summary, "{name}: {count}/{total}");
            }
        }
        summary
    }

    /// For people: each test that did not pass (with `verbose`, each test), why, and the [`summary`](Self::summary).
    ///
    /// Whatever a policy or a test could hide in its texts is made visible.
    pub fn text(&self, verbose: bool) -> String {
        text::write(self, verbose)
    }

    /// As JUnit XML, for what shows test results in CI.
    pub fn junit(&self) -> String {
        junit::write(self)
    }
}

impl Counts {
    /// All tests that were run or skipped.
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.errors + self.skipped
    }

    fn count(&mut self, outcome: TestOutcome) {
        match outcome {
            TestOutcome::Pass => self.passed += 1,
            TestOutcome::Fail => self.failed += 1,
            TestOutcome::Error => self.errors += 1,
            TestOutcome::Skip => self.skipped += 1,
        }
    }
}

impl TestResult {
    pub(super) fn of(test: Test, run: TestRun) -> Self {
        let mut result = Self {
            package: Some(test.package),
            name: test.name,
            file: test.file,
            line: test.line,
            outcome: TestOutcome::Pass,
            duration: run.duration,
            messages: Vec::new(),
            stopped_at: None,
            printed: run.printed,
            cases: Vec::new(),
        };
        match run.outcome {
            Outcome::Pass => {}
            Outcome::Skip => result.outcome = TestOutcome::Skip,
            Outcome::Error(detail) => {
                result.outcome = TestOutcome::Error;
                result.messages.push(detail);
            }
            Outcome::Fail(failure) => {
                result.outcome = TestOutcome::Fail;
                result.stopped_at = failure.map(|failure| StoppedAt {
                    file: failure.file,
                    line: failure.line,
                    expression: failure.expression,
                    values: failure.values,
                });
            }
            Outcome::Cases(cases) => {
                result.cases = cases
                    .into_iter()
                    .map(|(name, passed)| CaseResult {
                        name,
                        outcome: if passed {
                            TestOutcome::Pass
                        } else {
                            TestOutcome::Fail
                        },
                    })
                    .collect();
                if result
                    .cases
                    .iter()
                    .any(|case| case.outcome == TestOutcome::Fail)
                {
                    result.outcome = TestOutcome::Fail;
                }
            }
        }
        result
    }

    /// `data.kitelogik.main_test.test_a`, or the name of a row.
    pub fn full_name(&self) -> String {
        match &self.package {
            Some(package) => format!("{package}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl TestOutcome {
    /// As `opa test` writes it: `PASS`, `FAIL`, `ERROR`, `SKIPPED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Error => "ERROR",
            Self::Skip => "SKIPPED",
        }
    }
}

fn microseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
