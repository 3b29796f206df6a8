//! `kitelogik completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::arguments::Arguments;
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  kitelogik completions bash > kitelogik.bash
  kitelogik completions zsh > _kitelogik
  kitelogik completions fish > kitelogik.fish";

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Completions, output: &mut Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "kitelogik",
        &mut script,
    );
    let script = String::from_utf8(script).map_err(Failure::new)?;
    if output.is_json() {
        output.json(&json!({"script": script}))?;
    } else {
        output.document(&script)?;
    }
    Ok(Answer::Yes)
}
