//! Rego tests, run as `opa test` runs them.

mod coverage;
mod discovery;
mod failure;
mod marks;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use regorus::{Engine, Value};

pub use self::coverage::{FileCoverage, RuleCoverage};
pub use self::failure::Failure;

use self::discovery::Found;
use self::marks::Marks;
use crate::interpreter::{self, QUESTION};
use crate::recursion::recursive_function;
use crate::results::{self, Operands};
use crate::{CompileError, Fault, document, fault, operators, tree};

/// Modules with their tests, compiled.
///
/// A test is a rule whose name starts with `test_`; one whose name starts with `todo_test_` is skipped. It passes where
/// it is true. A rule `test_name[case]` makes one case of each of its keys. Other than `opa test`, an error of a built-in
/// is an error of the test, because it is an error of the decision.
pub struct Suite {
    engine: Engine,
    modules: Vec<Source>,
    functions: Operands,
    tests: Vec<Found>,
    marks: Option<Marks>,
}

/// A module as it was given.
struct Source {
    name: String,
    text: String,
    tree: regorus::unstable::Module,
}

/// A test, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The package, as in `data.kitelogik.main_test`.
    pub package: String,
    /// The name of the rule, as in `test_nothing_is_allowed`; a second one of that name ends in `#01`.
    pub name: String,
    /// The name of its module.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
}

/// How one test went.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRun {
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
    /// What it printed, a `print` each.
    pub printed: Vec<String>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is true.
    Pass,
    /// It is anything else; where it stopped, as far as that can be told.
    Fail(Option<Failure>),
    /// It could not be evaluated: why, with its place.
    Error(String),
    /// Its name says that it is yet to be written.
    Skip,
    /// A rule of several cases: the name of each, in their order, and whether it passed.
    Cases(Vec<(String, bool)>),
}

impl Suite {
    /// Compiles the modules of `policy` and of `tests`, each a name and its text, with `data`. With `coverage`, everything
    /// that is evaluated from here on is noted.
    ///
    /// There may be tests in modules of the policy, too. A module of `tests` may have what a policy may not, because it
    /// decides nothing: it may replace a function by `with`.
    ///
    /// # Errors
    ///
    /// As for [`Interpreter::compile`](crate::Interpreter::compile): a policy that it refuses has no tests that pass.
    pub fn compile<'a>(
        policy: impl IntoIterator<Item = (&'a str, &'a str)>,
        tests: impl IntoIterator<Item = (&'a str, &'a str)>,
        data: &serde_json::Value,
        entry_point: &str,
        coverage: bool,
    ) -> Result<Self, CompileError> {
        let compile = || -> anyhow::Result<Self> {
            let (modules, functions) =
                sources(policy.into_iter().collect(), tests.into_iter().collect())?;
            let tests = discovery::find(&modules);
            let mut engine = interpreter::engine(data)?;
            let marks = coverage.then(Marks::new);
            if let Some(marks) = &marks {
                marks.register(&mut engine)?;
                engine.set_enable_coverage(true);
            }
            let packages = operators::packages(modules.iter().map(|module| &module.tree));
            for (index, module) in modules.iter().enumerate() {
                let names: Vec<&Found> = tests.iter().filter(|test| test.module == index).collect();
                let text =
                    marks::rewrite(module, &functions, &names, marks.as_ref().map(|_| index))?;
                let called = interpreter::as_opa_computes(&module.name, &text, &packages)?;
                engine.add_policy(module.name.clone(), called.unwrap_or(text))?;
            }
            interpreter::ask(&mut engine, entry_point)?;
            Ok(Self {
                engine,
                modules,
                functions,
                tests,
                marks,
            })
        };
        let mut suite =
            compile().map_err(|error| CompileError::Compile(fault::one_line(&error)))?;
        match recursive_function(suite.engine.get_modules()) {
            Some(function) => Err(CompileError::Recursion(function)),
            None => Ok(suite),
        }
    }

    /// The tests, in the order of the modules and of the rules in them.
    pub fn tests(&self) -> Vec<Test> {
        self.tests.iter().map(|found| found.test.clone()).collect()
    }

    /// Runs one of [`tests`](Self::tests) within `time`.
    pub fn run(&mut self, test: &Test, time: Duration) -> TestRun {
        let Some(found) = self.tests.iter().find(|found| found.test == *test).cloned() else {
            return TestRun {
                outcome: Outcome::Error(format!("there is no test `{}`", test.name)),
                duration: Duration::ZERO,
                printed: Vec::new(),
            };
        };
        if found.skipped {
            return TestRun {
                outcome: Outcome::Skip,
                duration: Duration::ZERO,
                printed: Vec::new(),
            };
        }
        let begun = Instant::now();
        let (result, printed) = self.evaluate(&found.path, None, time);
        let duration = begun.elapsed();
        let outcome = match result {
            Ok(value) if found.cases => failure::cases(self, &found, &value, time),
            Ok(Value::Bool(true)) => Outcome::Pass,
            Ok(_) => Outcome::Fail(failure::explain(self, &found, time)),
            Err(Fault::OutOfTime(limit)) => {
                Outcome::Error(format!("it took longer than {limit:?}"))
            }
            Err(Fault::Panic) => Outcome::Error("the interpreter panicked".to_owned()),
            Err(Fault::Undefined) => Outcome::Fail(None),
            Err(
                Fault::Limit(detail)
                | Fault::Error(detail)
                | Fault::MalformedInput(detail)
                | Fault::Malformed(detail),
            ) => Outcome::Error(detail),
        };
        TestRun {
            outcome,
            duration,
            printed,
        }
    }

    /// What the entry point answers for `input`, within `time` and `max_bytes`, and what was printed.
    ///
    /// # Errors
    ///
    /// As for [`Interpreter::run`](crate::Interpreter::run).
    pub fn ask(
        &mut self,
        input: &Value,
        time: Duration,
        max_bytes: usize,
    ) -> (Result<serde_json::Value, Fault>, Vec<String>) {
        let (result, printed) = self.evaluate(QUESTION, Some(input.clone()), time);
        let document = result.and_then(|value| document::write(&value, max_bytes));
        (document, printed)
    }

    /// What was evaluated so far, a file each; empty where coverage was not asked for.
    pub fn coverage(&self) -> Vec<FileCoverage> {
        match &self.marks {
            Some(marks) => coverage::report(&self.engine, &self.modules, marks),
            None => Vec::new(),
        }
    }

    fn evaluate(
        &mut self,
        rule: &str,
        input: Option<Value>,
        time: Duration,
    ) -> (Result<Value, Fault>, Vec<String>) {
        let mut engine = self.engine.clone();
        let result = catch_unwind(AssertUnwindSafe(|| {
            engine.set_input(input.unwrap_or_else(Value::new_object));
            let result = interpreter::evaluate(&mut engine, rule, time);
            let printed = engine.take_prints().unwrap_or_default();
            (result, printed, engine)
        }));
        match result {
            Ok((result, printed, engine)) => {
                // It has the coverage; what a panic left half done is dropped.
                self.engine = engine;
                (result, printed)
            }
            Err(_) => (Err(Fault::Panic), Vec::new()),
        }
    }
}

/// All modules, read as the interpreter reads them, and all functions.
fn sources(
    policy: Vec<(&str, &str)>,
    tests: Vec<(&str, &str)>,
) -> anyhow::Result<(Vec<Source>, Operands)> {
    let parse = |(name, text): &(&str, &str)| tree::parse(name, text);
    let mut trees = policy
        .iter()
        .map(parse)
        .collect::<anyhow::Result<Vec<_>>>()?;
    interpreter::check(&trees)?;
    trees.extend(
        tests
            .iter()
            .map(parse)
            .collect::<anyhow::Result<Vec<_>>>()?,
    );
    let functions = Operands::of(&trees)?;
    let sources = policy
        .iter()
        .chain(&tests)
        .zip(&trees)
        .map(|((name, _), tree)| {
            let text = results::rewrite(tree, &functions);
            Ok(Source {
                name: (*name).to_owned(),
                tree: tree::parse(name, &text)?,
                text,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((sources, functions))
}

impl fmt::Debug for Suite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Suite")
            .field("tests", &self.tests.len())
            .finish_non_exhaustive()
    }
}
