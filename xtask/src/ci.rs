//! `cargo xtask ci`: all that CI does.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::cargo::{cargo, output, succeed};
use crate::{bench, dependencies, example, features, provision, size, test};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The steps to take, in this order; all of them by default
    steps: Vec<Step>,
}

/// The quick ones first. Clippy and docs share what they build, and so do tests and examples.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Step {
    /// OPA is there, or is built
    Opa,
    /// The code is formatted
    Format,
    /// The adapters drag no engine and no HTTP client along
    Dependencies,
    /// Licences, sources and banned crates (`deny.toml`)
    Deny,
    /// No warning of the compiler or of Clippy
    Clippy,
    /// Every feature builds alone, and so does every crate without any
    Features,
    /// The programs that ask other engines, of workspaces of their own, build without a warning
    Peers,
    /// The documentation builds without a warning
    Docs,
    /// Every test passes and none is skipped
    Test,
    /// Every example runs, offline
    Examples,
    /// A reminder of long files
    Size,
}

/// Takes the steps one by one and stops at the first that fails.
///
/// # Errors
///
/// When a step fails; the error names it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let steps = if arguments.steps.is_empty() {
        Step::value_variants()
    } else {
        &arguments.steps
    };
    let mut timings: Vec<(Step, Duration)> = Vec::new();
    for &step in steps {
        println!("\n=== {} ===", step.name());
        let begin = Instant::now();
        step.take().with_context(|| {
            format!(
                "step `{0}` failed (it alone: `cargo xtask ci {0}`)",
                step.name()
            )
        })?;
        timings.push((step, begin.elapsed()));
    }
    println!("\n=== done ===");
    for (step, duration) in &timings {
        println!("{:<13}{:>7.1} s", step.name(), duration.as_secs_f64());
    }
    println!(
        "{:<13}{:>7.1} s",
        "all",
        timings
            .iter()
            .map(|(_, duration)| duration.as_secs_f64())
            .sum::<f64>()
    );
    Ok(())
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn take(self) -> Result<()> {
        match self {
            Self::Opa => {
                println!("{}", provision::provide()?.path().display());
                provision::provide_cases()
            }
            Self::Format => succeed(cargo()?.args(["fmt", "--all", "--check"])),
            Self::Dependencies => dependencies::check(),
            Self::Deny => deny(),
            Self::Clippy => succeed(cargo()?.args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ])),
            Self::Features => features::check(),
            Self::Peers => bench::check_peers(),
            Self::Docs => succeed(
                cargo()?
                    .args(["doc", "--workspace", "--no-deps", "--all-features"])
                    .env("RUSTDOCFLAGS", "-D warnings"),
            ),
            Self::Test => {
                println!("$ cargo xtask test --require-all");
                test::run(&test::Arguments {
                    require_all: true,
                    ..test::Arguments::default()
                })
            }
            Self::Examples => example::run_all(),
            Self::Size => size::remind(),
        }
    }
}

fn deny() -> Result<()> {
    output(cargo()?.args(["deny", "--version"]))
        .context("cargo-deny is missing; `cargo install cargo-deny --locked` brings it")?;
    // Crates in two versions are warnings, long ones: `cargo deny check bans` shows them.
    succeed(cargo()?.args([
        "deny",
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}
