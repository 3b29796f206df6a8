//! `cargo xtask opa`: the OPA program in the pinned version.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use clap::Subcommand;
use kitelogik_opa_process::Lookup;

use crate::{provision, serve};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Print where OPA is, or fail and say the ways to get it
    Path,
    /// Find OPA (`OPA_BIN`, PATH, cache) or build it into the cache with Go, print where it is, and bring its conformance cases
    Provide,
    /// Serve policies on loopback, with an authorization policy that leaves queries only
    Serve(serve::Arguments),
    /// Remove the OPA in the cache
    Clean,
}

/// Does what was asked, by default [`Task::Provide`].
///
/// # Errors
///
/// When there is no OPA, or it cannot be built, run or removed.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    match arguments.task.unwrap_or(Task::Provide) {
        Task::Path => println!("{}", kitelogik_opa_process::find()?.path().display()),
        Task::Provide => {
            println!("{}", provision::provide()?.path().display());
            provision::provide_cases()?;
        }
        Task::Serve(arguments) => serve::run(&arguments)?,
        Task::Clean => clean()?,
    }
    Ok(())
}

fn clean() -> Result<()> {
    let program = Lookup::from_env()
        .cached
        .context("there is no cache folder: neither XDG_CACHE_HOME nor HOME is set")?;
    match fs::remove_file(&program) {
        Ok(()) => println!("removed {}", program.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => println!("nothing to remove"),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot remove `{}`", program.display()));
        }
    }
    Ok(())
}
