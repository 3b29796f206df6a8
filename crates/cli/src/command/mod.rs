//! The subcommands, one module each.

mod approvals;
mod audit;
mod bundle;
mod check;
mod compare;
mod compile;
mod completions;
mod diff;
mod eval;
mod explain;
mod init;
mod replay;
mod sanitize;
mod serve;
mod test;

use clap::Subcommand;

use crate::answer::Outcome;
use crate::output::Output;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Check(check::Check),
    Test(test::Test),
    Eval(eval::Eval),
    Explain(explain::Explain),
    Compile(compile::Compile),
    Compare(compare::Compare),
    Diff(diff::Diff),
    Bundle(bundle::Bundle),
    Sanitize(sanitize::Sanitize),
    Approvals(approvals::Approvals),
    Audit(audit::Audit),
    Replay(replay::Replay),
    Serve(serve::Serve),
    Completions(completions::Completions),
}

/// Does it.
pub(crate) fn run(command: Command, output: &mut Output) -> Outcome {
    match command {
        Command::Init(arguments) => init::run(&arguments, output),
        Command::Check(arguments) => check::run(&arguments, output),
        Command::Test(arguments) => test::run(&arguments, output),
        Command::Eval(arguments) => eval::run(&arguments, output),
        Command::Explain(arguments) => explain::run(&arguments, output),
        Command::Compile(arguments) => compile::run(&arguments, output),
        Command::Compare(arguments) => compare::run(&arguments, output),
        Command::Diff(arguments) => diff::run(&arguments, output),
        Command::Bundle(arguments) => bundle::run(&arguments, output),
        Command::Approvals(arguments) => approvals::run(&arguments, output),
        Command::Audit(arguments) => audit::run(&arguments, output),
        Command::Replay(arguments) => replay::run(&arguments, output),
        Command::Serve(arguments) => serve::run(&arguments, output),
        Command::Sanitize(arguments) => sanitize::run(&arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
    }
}
