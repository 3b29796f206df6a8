//! `kitelogik test`.

use std::path::PathBuf;

use clap::Args;
use kitelogik_policy::TestReport;
use kitelogik_policy::testing::TestRunner;

use crate::answer::{Answer, Failure, Outcome, tell};
use crate::files::{self, NewFile};
use crate::output::Output;
use crate::policy::{PolicyOptions, default_paths};

const EXAMPLES: &str = "\
Run are the `test_` rules of files that end in `_test.rego`, and the decision tables of files that end in `_test.yaml`.

Exit codes, as those of `opa test`: 0 all passed, 1 an error, 2 a test failed

Examples:
  kitelogik test
  kitelogik test policies -v --run refund
  kitelogik test policies --coverage
  kitelogik test policies --junit results.xml";

/// Run the tests of a policy, in process
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Test {
    /// Directories, `.rego`, `.yaml` and bundles. Default: `./policies`
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The same, in the way of the other commands; may be given several times
    #[arg(short, long = "policy", value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// Name tests that pass, too
    #[arg(short, long)]
    verbose: bool,
    /// Run only tests whose full name matches
    #[arg(long, value_name = "REGEX")]
    run: Option<String>,
    /// Tell which lines and rules the tests reach
    #[arg(long)]
    coverage: bool,
    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    options: PolicyOptions,
}

pub(crate) fn run(arguments: &Test, output: &mut Output) -> Outcome {
    match report(arguments, output) {
        Ok(report) => {
            print(arguments, &report, output)?;
            Ok(if report.exit_code() == 0 {
                Answer::Yes
            } else {
                Answer::TestsFailed
            })
        }
        Err(Failure::Message(message)) => {
            tell(&message);
            Ok(Answer::No)
        }
        Err(closed) => Err(closed),
    }
}

fn report(arguments: &Test, output: &Output) -> Outcome<TestReport> {
    let paths = default_paths(&[arguments.paths.as_slice(), &arguments.policies].concat())?;
    let builder = arguments.options.builder(&paths)?;
    let mut runner = TestRunner::new(builder).map_err(|error| crate::policy::explain(&error))?;
    for warning in runner.policy().warnings() {
        output.warn(warning);
    }
    if let Some(pattern) = &arguments.run {
        runner = runner.matching(pattern).map_err(Failure::new)?;
    }
    if arguments.coverage {
        runner = runner.coverage();
    }
    let report = runner.run().map_err(Failure::new)?;
    if report.results.is_empty() {
        output.warn("no test was run: tests are in files that end in `_test.rego` or `_test.yaml`");
    }
    if let Some(path) = &arguments.junit {
        files::replace(&[NewFile {
            path: path.clone(),
            content: report.junit().into_bytes(),
        }])?;
    }
    Ok(report)
}

fn print(arguments: &Test, report: &TestReport, output: &mut Output) -> Outcome<()> {
    if output.is_json() {
        return output.json(report);
    }
    output.document(&report.text(arguments.verbose))
}
