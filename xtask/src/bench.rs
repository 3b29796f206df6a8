//! `cargo xtask bench` and `cargo xtask soak`: the programs of `xtask/bench`, built as a release.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::cargo::{Metadata, cargo, root, succeed};
use crate::provision;

/// The engines that ours is compared with; each is a workspace of its own.
const PEERS: [&str; 2] = ["agentmesh", "cedar"];

/// The Python package whose policies are measured unchanged.
const PYTHON_PACKAGE: &str = "kitelogik==0.4.0";
const PYTHON_DIGEST: &str =
    "sha256:56d55cb07c37a5ac63612556a276fa76a81a7efccd1fc7e858aa4684d9f1222b";

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// What a decision costs beside other engines, on the same policies and calls: a table, or lines with `--json`
    Decision(Handed),
    /// All that `BENCHMARKS.md` shows of decisions: the comparison, the instructions, and the soak; some four minutes
    Report,
    /// How many instructions a decision takes under Valgrind, held to `xtask/bench/instructions.json`; `--update` writes that
    Instructions(Handed),
}

/// What is handed to the program; `-- --help` tells what there is.
#[derive(clap::Args, Default)]
pub(crate) struct Handed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds what is to be measured, and measures it.
///
/// # Errors
///
/// When something cannot be built, or the measurement fails.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Decision(handed) => decision(handed),
        Bench::Report => report(),
        Bench::Instructions(handed) => instructions(handed),
    }
}

/// Puts the gate under load.
///
/// # Errors
///
/// When a promise is not kept.
pub(crate) fn soak(handed: &Handed) -> Result<()> {
    // Found there by the program.
    provision::provide()?;
    succeed(program("soak")?.args(&handed.arguments))
}

/// Runs Clippy over the peers, which are no part of the workspace.
///
/// # Errors
///
/// When it warns, or a lock file does not fit.
pub(crate) fn check_peers() -> Result<()> {
    for peer in PEERS {
        succeed(of_peer(peer, "clippy")?.args(["--", "-D", "warnings"]))?;
        succeed(
            cargo()?
                .args(["fmt", "--check", "--manifest-path"])
                .arg(manifest(peer)?),
        )?;
    }
    Ok(())
}

fn decision(handed: &Handed) -> Result<()> {
    for peer in PEERS {
        succeed(of_peer(peer, "build")?.arg("--release"))?;
    }
    let mut command = program("decision")?;
    command.arg("--peers").arg(peers_target()?.join("release"));
    match python_bundle() {
        Ok(folder) => {
            command.arg("--python-bundle").arg(folder);
        }
        Err(error) => eprintln!("note: the Python package is not at hand: {error:#}"),
    }
    succeed(command.args(&handed.arguments))
}

fn instructions(handed: &Handed) -> Result<()> {
    succeed(
        program("instructions")?
            .args(["--baseline", "xtask/bench/instructions.json"])
            .args(&handed.arguments),
    )
}

/// What does not hold is said at the end, when all is measured.
fn report() -> Result<()> {
    let nothing = Handed::default();
    let measured = [decision(&nothing), instructions(&nothing), soak(&nothing)];
    measured.into_iter().collect()
}

/// The program of `xtask/bench`, as a release.
fn program(task: &str) -> Result<Command> {
    succeed(cargo()?.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "kitelogik-bench",
    ]))?;
    let mut command = Command::new(Metadata::read()?.target()?.join("release/kitelogik-bench"));
    command.current_dir(root()?).stdin(Stdio::null()).arg(task);
    Ok(command)
}

fn of_peer(peer: &str, task: &str) -> Result<Command> {
    let mut command = cargo()?;
    command
        .args([task, "--quiet", "--locked", "--manifest-path"])
        .arg(manifest(peer)?)
        .arg("--target-dir")
        .arg(peers_target()?);
    Ok(command)
}

fn manifest(peer: &str) -> Result<PathBuf> {
    Ok(root()?
        .join("xtask/bench/peers")
        .join(peer)
        .join("Cargo.toml"))
}

fn peers_target() -> Result<PathBuf> {
    Ok(Metadata::read()?.target()?.join("peers"))
}

/// The policies of the Python package: what `KITELOGIK_PYTHON_BUNDLE` names, or brought by pip, once.
fn python_bundle() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("KITELOGIK_PYTHON_BUNDLE") {
        return Ok(folder.into());
    }
    let folder = Metadata::read()?.target()?.join("python-package");
    let policies = folder.join("kitelogik/policies");
    if !policies.is_dir() {
        unpack(&folder)?;
    }
    Ok(policies)
}

fn unpack(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let wanted = folder.join("requirements.txt");
    fs::write(
        &wanted,
        format!("{PYTHON_PACKAGE} --hash={PYTHON_DIGEST}\n"),
    )?;
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
    ])
    .args([
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--no-compile",
    ])
    .arg("--target")
    .arg(folder)
    .arg("--requirement")
    .arg(wanted)
    .stdin(Stdio::null());
    succeed(&mut pip)
}
