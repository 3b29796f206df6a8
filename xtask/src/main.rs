//! What contributors and CI run: `cargo xtask --help`.

mod bench;
mod cargo;
mod ci;
mod dependencies;
mod example;
mod features;
mod fuzz;
mod opa;
mod provision;
mod serve;
mod size;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "What contributors and CI run"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Do all that CI does, or only the steps named
    Ci(ci::Arguments),
    /// Run every test, then name and count the skipped ones
    Test(test::Arguments),
    /// Hold random policies, compiled, interpreted and on OPA, against each other for a while
    Fuzz(fuzz::Arguments),
    /// Provide the pinned OPA (the default), say where it is, serve policies with it
    Opa(opa::Arguments),
    /// Measure: a decision beside other engines
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Put the gate under load while policies are swapped and OPA is killed, stopped and restarted
    Soak(bench::Handed),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Opa(arguments) => opa::run(arguments),
        Task::Bench(bench) => bench::run(&bench),
        Task::Soak(handed) => bench::soak(&handed),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
