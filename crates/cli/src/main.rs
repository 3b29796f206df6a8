//! The `kitelogik` program: a shell over the library.
//!
//! Every subcommand reads its arguments, calls the library and prints what it answers; nothing is decided here. It
//! ends with 0 where the answer is yes, 1 where it is no, and 2 where there is none: nobody can take an error for an answer.

mod answer;
mod arguments;
mod command;
mod decisions;
mod engine;
mod events;
mod files;
mod output;
mod policy;
mod store;
mod template;
mod user;

use std::process::ExitCode;

use clap::Parser;

use self::arguments::Arguments;
use self::output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(&arguments.display);
    let answer = command::run(arguments.command, &mut output);
    // Also what was printed before a failure comes out, and comes out first.
    let flushed = output.flush();
    let answer = answer.and_then(|answer| flushed.map(|()| answer));
    answer::exit_code(answer)
}
