//! Calls of cargo.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The root of the workspace.
pub(crate) fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask lies in the root of the workspace")
}

/// The cargo that runs this program, called at the root of the workspace.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()?).stdin(Stdio::null());
    // Set by the `cargo run` around this program, about this package: not for others to see.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// Runs a command with its output in sight.
///
/// # Errors
///
/// When it cannot be run or does not succeed.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a command and gives back what it wrote to standard output.
///
/// # Errors
///
/// When it cannot be run, does not succeed, or writes what is not UTF-8.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{}`", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", shown(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` wrote what is not UTF-8", shown(command)))
}

/// What cargo knows about the workspace.
#[derive(Debug)]
pub(crate) struct Metadata(Value);

impl Metadata {
    /// Asks cargo, about the members of the workspace only.
    pub(crate) fn read() -> Result<Self> {
        let text = output(cargo()?.args(["metadata", "--no-deps", "--format-version=1"]))?;
        Ok(Self(
            serde_json::from_str(&text).context("cargo's metadata is not JSON")?,
        ))
    }

    /// The folder that builds go to.
    pub(crate) fn target(&self) -> Result<PathBuf> {
        let folder = self.0.get("target_directory").and_then(Value::as_str);
        folder
            .map(PathBuf::from)
            .context("cargo's metadata names no target folder")
    }

    /// The members of the workspace.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Value> {
        self.0
            .get("packages")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_stem()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
