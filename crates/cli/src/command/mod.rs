//! The subcommands, one module each.

mod completions;
mod eval;
mod sanitize;

use clap::Subcommand;

use crate::answer::Outcome;
use crate::output::Output;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Eval(eval::Eval),
    Sanitize(sanitize::Sanitize),
    Completions(completions::Completions),
}

/// Does it.
pub(crate) fn run(command: Command, output: &mut Output) -> Outcome {
    match command {
        Command::Eval(arguments) => eval::run(&arguments, output),
        Command::Sanitize(arguments) => sanitize::run(&arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
    }
}
