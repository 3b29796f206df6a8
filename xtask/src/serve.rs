//! `cargo xtask opa serve`: a server to try things on.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use kitelogik_opa_process::{IGNORED, queries_only};
use kitelogik_policy::{Policy, PolicyBuilder};

use crate::cargo::{self, Metadata};
use crate::provision;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The loopback address to listen on
    #[arg(long, default_value = "127.0.0.1:8181")]
    addr: SocketAddr,
    /// A file or folder of Rego, JSON and YAML to serve, together with the built-in bundle; may be
    /// given several times. Default: the policy of the first example
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
    command.arg(policy(arguments, folder.join("policy"))?);
    eprintln!(
        "OPA on http://{} answers {} and refuses all else; Ctrl-C ends it",
        arguments.addr,
        arguments.entry_points.join(", ")
    );
    // Only comes back when it fails.
    Err(command.exec()).context("cannot run OPA")
}

/// Writes what the server loads besides its authorization policy: the policy, composed with the
/// built-in bundle as the embedded engine composes it.
fn policy(arguments: &Arguments, folder: PathBuf) -> Result<PathBuf> {
    let mut policies = arguments.policies.clone();
    if policies.is_empty() {
        policies.push(cargo::root()?.join("examples/policies"));
    }
    let policy = policies
        .into_iter()
        .fold(Policy::builder(), PolicyBuilder::path)
        .build()?;
    policy.write_to(&folder)?;
    Ok(folder)
}
