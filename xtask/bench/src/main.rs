//! The program behind `cargo xtask bench` and `cargo xtask soak`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kitelogik_bench::{decision, instructions, soak};

#[derive(Parser)]
#[command(about = "What the gate is measured and shaken with")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// What a decision costs, beside other engines
    Decision(decision::Arguments),
    /// How many instructions a decision takes
    Instructions(instructions::Arguments),
    /// Load while policies are swapped and OPA is taken away
    Soak(soak::Arguments),
    /// Decides what is counted, for Valgrind to look at
    #[command(hide = true)]
    Count {
        /// Which of the cases
        case: String,
        /// How often each call is decided
        passes: Option<usize>,
    },
    /// Loads one policy, and prints what that took
    #[command(hide = true)]
    Load {
        /// Who loads it
        system: String,
        /// How many rules it has
        rules: usize,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Decision(arguments) => decision::run(&arguments),
        Task::Instructions(arguments) => instructions::run(&arguments),
        Task::Soak(arguments) => soak::run(&arguments),
        Task::Count { case, passes } => instructions::count(&case, passes),
        Task::Load { system, rules } => decision::load(&system, rules),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
