//! `cargo xtask opa serve`: a server to try things on.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use kitelogik_opa_process::{IGNORED, queries_only};

use crate::cargo::Metadata;
use crate::provision;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The loopback address to listen on
    #[arg(long, default_value = "127.0.0.1:8181")]
    addr: SocketAddr,
    /// A file or folder of Rego, JSON and YAML to serve; may be given several times
    #[arg(long = "policy", value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// What may be asked, and nothing else; may be given several times
    #[arg(
        long = "entry-point",
        value_name = "PATH",
        default_value = "kitelogik/main"
    )]
    entry_points: Vec<String>,
}

/// Becomes the server: Ctrl-C ends it.
///
/// # Errors
///
/// When the address is not loopback, a policy is not there, or OPA cannot be run.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if !arguments.addr.ip().is_loopback() {
        bail!(
            "`{}` is not a loopback address: whoever reaches this server learns what the policy decides",
            arguments.addr
        );
    }
    let opa = provision::provide()?;
    let folder = Metadata::read()?.target()?.join("opa-serve");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let authorization = folder.join("authz.rego");
    fs::write(&authorization, queries_only(&arguments.entry_points)?)
        .with_context(|| format!("cannot write `{}`", authorization.display()))?;

    let mut command = Command::new(opa.path());
    command.args([
        "run",
        "--server",
        "--skip-version-check",
        "--authorization",
        "basic",
        "--log-level",
        "error",
    ]);
    command.args([
        "--log-format",
        "text",
        "--addr",
        &arguments.addr.to_string(),
    ]);
    for pattern in IGNORED {
        command.args(["--ignore", pattern]);
    }
    command.arg(&authorization);
    for policy in policies(arguments)? {
        command.arg(policy);
    }
    eprintln!(
        "OPA on http://{} answers {} and refuses all else; Ctrl-C ends it",
        arguments.addr,
        arguments.entry_points.join(", ")
    );
    // Only comes back when it fails.
    Err(command.exec()).context("cannot run OPA")
}

/// What the server loads besides its authorization policy.
fn policies(arguments: &Arguments) -> Result<Vec<PathBuf>> {
    for policy in &arguments.policies {
        if !policy.exists() {
            bail!("there is no policy at `{}`", policy.display());
        }
    }
    Ok(arguments.policies.clone())
}
