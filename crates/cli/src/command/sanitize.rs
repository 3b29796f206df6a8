//! `kitelogik sanitize`.

use std::path::PathBuf;

use clap::Args;
use kitelogik_toolbox::sanitiser::{Finding, Sanitiser};
use serde::Serialize;

use crate::answer::{Answer, Outcome};
use crate::output::Output;
use crate::policy::read_file;

const EXAMPLES: &str = "\
Exit codes: 0 nothing found, 1 something found, 2 an error

Examples:
  kitelogik sanitize note.txt
  kitelogik sanitize - < note.txt
  kitelogik sanitize note.txt --json";

/// Print a text without what speaks to the model in it
///
/// Clean text comes back byte for byte; what is found is replaced by `[REDACTED: rule]`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sanitize {
    /// The text, UTF-8; `-` is standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,
}

#[derive(Serialize)]
struct Report<'a> {
    clean: bool,
    findings: &'a [Finding],
    text: &'a str,
}

pub(crate) fn run(arguments: &Sanitize, output: &mut Output) -> Outcome {
    let text = read_file(&arguments.file)?;
    let sanitised = Sanitiser::default().text(&text);
    if output.is_json() {
        output.json(&Report {
            clean: sanitised.is_clean(),
            findings: &sanitised.findings,
            text: &sanitised.text,
        })?;
    } else {
        output.document(&sanitised.text)?;
    }
    Ok(Answer::yes_if(sanitised.is_clean()))
}
