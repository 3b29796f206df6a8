//! Tests of a policy: Rego tests, as `opa test` runs them, and decision tables in YAML.
//!
//! ```
//! use kitelogik_policy::testing::TestRunner;
//! use kitelogik_policy::Policy;
//!
//! let policy = Policy::builder()
//!     .yaml(
//!         "refunds.yaml",
//!         "
//! version: 1
//! rules:
//!   - name: allow_small_refunds
//!     when: {action: approve_refund, args: {amount: {gte: 0, lte: 50}}}
//!     then: allow
//! ",
//!     )
//!     .yaml(
//!         "refunds_test.yaml",
//!         "
//! version: 1
//! input: {action: approve_refund}
//! tests:
//!   - name: a small refund is allowed
//!     input: {args: {amount: 42}}
//!     verdict: allow
//!     rule: allow_small_refunds
//!   - name: a large refund is not
//!     input: {args: {amount: 4200}}
//!     verdict: refuse
//! ",
//!     );
//! let report = TestRunner::new(policy)?.run()?;
//! assert_eq!(report.summary(), "PASS: 2/2\n");
//! assert_eq!(report.exit_code(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Rego tests
//!
//! A test is a rule whose name starts with `test_`, in any module; files of tests end in `_test.rego`, and no policy is
//! loaded with them. A test passes where it is true, and fails where it is anything else. `todo_test_` is skipped.
//! `test_name[case] if …` makes a case of each key. `with input as …` and `with data.… as …` say what a test assumes;
//! `data` is that of the policy otherwise. Other than in `opa test`, an error of a built-in is an error of the test: the
//! gate would deny the call for it.
//!
//! # Decision tables
//!
//! A file that ends in `_test.yaml`, for people who write no Rego. Each test is an event, and what the policy shall say
//! about it:
//!
//! | key | says |
//! |---|---|
//! | `version` | `1` |
//! | `input` | what the inputs of all tests in this file have in common; a test's own `input` goes over it, key by key |
//! | `tests` | the tests, at least one |
//!
//! | key of a test | says |
//! |---|---|
//! | `name` | what it proves; unique within the file |
//! | `input` | the event, as [`EventDocument`](kitelogik_core::EventDocument) reads it: what is left out takes its default |
//! | `verdict` | `allow`, `deny`, `require_approval` (or `hitl`), `refuse` |
//! | `reason` | the reason, or one of several |
//! | `rule` | the name of a rule that fired, or a list of names that all did |
//! | `risk_tier` | the tier, as in `TRANSACTIONAL_LOW` |
//!
//! A decision that is a denial because the policy could not be evaluated is an error of the test, whatever verdict is
//! wanted. [`json_schema`] describes the format for editors.

mod coverage;
mod junit;
mod report;
mod schema;
mod table;
mod text;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use kitelogik_core::{EngineError, PolicyDecision};
use kitelogik_rego::{CompileError, Interpreter, MAX_DEPTH, Suite, read};
use regex::Regex;

use crate::directory::TestFiles;
use crate::error::Lines;
use crate::{Policy, PolicyBuilder, PolicyError, Problem};

pub use self::coverage::{Coverage, FileCoverage, RuleCoverage};
pub use self::report::{CaseResult, StoppedAt, TestOutcome, TestReport, TestResult};
pub use self::schema::json_schema;

use self::table::{Row, Table};

/// How much a decision document or an input may hold in a test.
const MAX_BYTES: usize = 1024 * 1024;

/// Runs the tests of a policy.
#[derive(Debug)]
#[must_use = "a runner does nothing until `run`"]
pub struct TestRunner {
    policy: Policy,
    tests: TestFiles,
    filter: Option<Regex>,
    coverage: bool,
    time: Duration,
}

/// Why tests could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// The policy cannot be loaded.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Everything that is wrong in decision tables, one a line.
    #[error("{}", Lines(.0))]
    Tables(Vec<Problem>),
    /// The policy is nothing that the engine decides by, tests or not: where, and what to write instead.
    #[error("the policy is refused, and no test was run: {0}")]
    Refused(String),
    /// The policy is fine, and the tests do not compile with it.
    #[error("the tests do not compile: {0}")]
    Compile(String),
    /// The pattern of names is no regular expression.
    #[error("`{pattern}` is no regular expression: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        problem: String,
    },
}

impl From<CompileError> for TestError {
    fn from(error: CompileError) -> Self {
        Self::Compile(error.to_string())
    }
}

impl TestRunner {
    /// The tests of a directory or a file, of the policy that lies there.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], as for [`Policy::load`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PolicyError> {
        Self::new(Policy::builder().path(path.as_ref()))
    }

    /// The tests that lie in the directories of `policy`, and those it was given by name: whatever is called
    /// `…_test.rego` or `…_test.yaml` is a test, and not part of the policy.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], as for [`PolicyBuilder::build`].
    pub fn new(policy: PolicyBuilder) -> Result<Self, PolicyError> {
        let (policy, tests) = policy.build_with_tests()?;
        Ok(Self {
            policy,
            tests,
            filter: None,
            coverage: false,
            time: Duration::from_secs(5),
        })
    }

    /// Runs only tests whose full name matches `pattern`, which may match any part of it. The full name of a Rego test
    /// is its path (`data.kitelogik.main_test.test_a`), that of a row of a table `file: name`.
    ///
    /// # Errors
    ///
    /// [`TestError::Pattern`].
    pub fn matching(mut self, pattern: &str) -> Result<Self, TestError> {
        let regex = Regex::new(pattern).map_err(|error| TestError::Pattern {
            pattern: pattern.to_owned(),
            problem: match error {
                regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                other => other
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned(),
            },
        })?;
        self.filter = Some(regex);
        Ok(self)
    }

    /// Notes which lines and rules the tests reach.
    pub fn coverage(mut self) -> Self {
        self.coverage = true;
        self
    }

    /// How long one test may take. Default: 5 s.
    pub fn test_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The policy under test.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether there may be a test: `false` where there is none, found without compiling anything.
    pub fn may_have_tests(&self) -> bool {
        let modules = self.policy.modules().iter();
        !self.tests.is_empty()
            || modules
                .filter(|module| !module.is_builtin())
                .any(|module| module.text().contains("test_"))
    }

    /// Runs all of them, one after the other.
    ///
    /// # Errors
    ///
    /// Where nothing could be run: the modules do not compile, a table is not readable. A test that fails, or errs, is
    /// part of the report.
    pub fn run(&self) -> Result<TestReport, TestError> {
        let begun = Instant::now();
        let tables = self.tables()?;
        let policy = self.policy.modules().iter();
        let tests = self.tests.modules.iter();
        let mut suite = Suite::compile(
            policy.map(|module| (module.name(), module.text())),
            tests.map(|module| (module.name(), module.text())),
            self.policy.data(),
            self.policy.entry_point(),
            self.coverage,
        )
        .map_err(|error| self.refused().unwrap_or_else(|| error.into()))?;
        let mut results = Vec::new();
        for test in suite.tests() {
            if self.is_wanted(&format!("{}.{}", test.package, test.name)) {
                let run = suite.run(&test, self.time);
                results.push(TestResult::of(test, run));
            }
        }
        for table in tables {
            for row in table.rows {
                if self.is_wanted(&format!("{}: {}", table.file, row.name)) {
                    results.push(self.ask(&mut suite, &table.file, row));
                }
            }
        }
        let coverage = self.coverage.then(|| {
            let tests: BTreeSet<&str> = self.tests.modules.iter().map(|test| test.name()).collect();
            Coverage::new(suite.coverage(), &self.policy, &tests)
        });
        Ok(TestReport::new(results, coverage, begun.elapsed()))
    }

    /// Why the engine would not take the policy without its tests, either.
    fn refused(&self) -> Option<TestError> {
        let modules = self.policy.modules().iter();
        let compiled = Interpreter::compile(
            modules.map(|module| (module.name(), module.text())),
            self.policy.data(),
            self.policy.entry_point(),
        );
        let error = compiled.err()?;
        Some(TestError::Refused(error.to_string()))
    }

    fn tables(&self) -> Result<Vec<Table>, TestError> {
        let (tables, problems) = tables(&self.tests);
        if problems.is_empty() {
            Ok(tables)
        } else {
            Err(TestError::Tables(problems))
        }
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.is_match(name))
    }

    fn ask(&self, suite: &mut Suite, file: &str, row: Row) -> TestResult {
        let begun = Instant::now();
        let (answer, printed) = match read(&row.document.input(), MAX_BYTES, MAX_DEPTH) {
            Ok(input) => suite.ask(&input, self.time, MAX_BYTES),
            Err(fault) => (Err(fault), Vec::new()),
        };
        let decision = answer
            .map_err(EngineError::from)
            .and_then(|document| PolicyDecision::from_result(&document, self.policy.entry_point()));
        let (outcome, messages) = match decision {
            Ok(decision) => {
                let differences = row.wanted.differences(&decision);
                if differences.is_empty() {
                    (TestOutcome::Pass, differences)
                } else {
                    (TestOutcome::Fail, differences)
                }
            }
            Err(error) => (
                TestOutcome::Error,
                vec![format!("the policy could not decide: {}", error.detail())],
            ),
        };
        TestResult {
            package: None,
            name: row.name,
            file: file.to_owned(),
            line: row.line,
            outcome,
            duration: begun.elapsed(),
            messages,
            stopped_at: None,
            printed,
            cases: Vec::new(),
        }
    }
}

/// What is wrong in the decision tables of `tests`.
pub(crate) fn problems(tests: &TestFiles) -> Vec<Problem> {
    tables(tests).1
}

fn tables(tests: &TestFiles) -> (Vec<Table>, Vec<Problem>) {
    let mut problems = Vec::new();
    let tables = tests
        .tables
        .iter()
        .filter_map(|(file, text)| table::read(file, text, &mut problems))
        .collect();
    (tables, problems)
}
