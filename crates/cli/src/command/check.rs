//! `kitelogik check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kitelogik_policy::check::{Checker, Tools};

use crate::answer::{Answer, Failure, Outcome};
use crate::output::Output;
use crate::policy::{PolicyOptions, default_paths, read_file};

const EXAMPLES: &str = "\
Exit codes: 0 nothing found but notes, 1 errors or warnings found, 2 an error of the check itself

Examples:
  kitelogik check
  kitelogik check policies --tools tools.json
  kitelogik check policies --format sarif > findings.sarif
  kitelogik check policies --format github";

/// Find in a policy what can be known before it decides: rules that never match, conflicts, slips, unsafe comparisons
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// Directories, `.rego`, `.yaml` and bundles. Default: `./policies`
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The same, in the way of the other commands; may be given several times
    #[arg(short, long = "policy", value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// The tools that the policy is for: what `Toolbox::definitions` gives in the format `kitelogik`; `-` is standard input
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// How findings are printed
    #[arg(
        long,
        value_name = "FORMAT",
        conflicts_with = "json",
        help_heading = "Output"
    )]
    format: Option<Format>,
    #[command(flatten)]
    options: PolicyOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// JSON, as `--json`
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

pub(crate) fn run(arguments: &Check, output: &mut Output) -> Outcome {
    let paths = default_paths(&[arguments.paths.as_slice(), &arguments.policies].concat())?;
    let mut checker = Checker::new(arguments.options.builder(&paths)?);
    if let Some(path) = &arguments.tools {
        let tools = Tools::parse(&read_file(path)?)
            .map_err(|error| Failure::new(format_args!("`{}`: {error}", path.display())))?;
        checker = checker.tools(tools);
    }
    let report = checker.run();
    let format = arguments.format.unwrap_or(if output.is_json() {
        Format::Json
    } else {
        Format::Text
    });
    match format {
        Format::Text => output.document(&report.text())?,
        Format::Json => output.json(&report)?,
        Format::Sarif => output.json(&report.sarif())?,
        Format::Github => output.document(&report.github())?,
    }
    Ok(Answer::yes_if(report.exit_code() == 0))
}
