//! `kitelogik bundle`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kitelogik_opa::Embedded;
use kitelogik_policy::bundle::{Bundle as PolicyBundle, BundleError, SigningKey};
use kitelogik_policy::{Policy, PolicyError};
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::files::{self, NewFile};
use crate::output::{Output, shown, style};
use crate::policy::{PolicyOptions, VerificationArguments, default_paths, read_key};

const EXAMPLES: &str = "\
Examples:
  kitelogik bundle build policies -o bundle.tar.gz
  kitelogik bundle verify bundle.tar.gz";

const BUILD_EXAMPLES: &str = "\
Examples:
  kitelogik bundle build
  kitelogik bundle build policies -o refunds.tar.gz --revision v7 --sequence 7
  kitelogik bundle build policies -o signed.tar.gz --signing-key private.pem

An OPA server takes it with `opa run --server -b bundle.tar.gz`, and where it is signed with
`--verification-key public.pem --signing-alg RS256`.";

const VERIFY_EXAMPLES: &str = "\
Exit codes: 0 it can be loaded, 1 it is refused, 2 an error

Examples:
  kitelogik bundle verify bundle.tar.gz
  kitelogik bundle verify signed.tar.gz --verification-key public.pem
  kitelogik bundle verify signed.tar.gz --skip-verify";

/// Build and check OPA bundles: a policy in one file, signed if there is a key
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bundle {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Build(Build),
    Verify(Verify),
}

/// Make a bundle that `opa run -b` and `kitelogik -p` load
///
/// Rules in YAML are compiled, tests are left out, and the built-in bundle is part of it unless the policy brings its own.
#[derive(Args, Debug)]
#[command(after_help = BUILD_EXAMPLES)]
struct Build {
    /// Directories and files, as for `--policy`. Default: `./policies`
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "bundle.tar.gz")]
    output: PathBuf,
    /// The version to put into the manifest. Default: the policy's digest
    #[arg(long)]
    revision: Option<String>,
    /// Its place in the order of versions, as in the number of a build: a gate that reloads bundles takes none that comes
    /// before the one in force
    #[arg(long, value_name = "NUMBER")]
    sequence: Option<u64>,
    /// A path under `data` that the bundle speaks for, as in `kitelogik`; may be repeated. Default: everything
    #[arg(long = "root", value_name = "PATH")]
    roots: Vec<String>,
    /// Sign it: a private key in PEM (RSA, P-256), or a file with a secret of 32 bytes or more
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// The id by which whoever verifies finds the key
    #[arg(
        long,
        value_name = "ID",
        default_value = "default",
        requires = "signing_key"
    )]
    key_id: String,
    #[command(flatten)]
    options: PolicyOptions,
}

/// Check that a bundle can be loaded, and what it is
#[derive(Args, Debug)]
#[command(after_help = VERIFY_EXAMPLES)]
struct Verify {
    /// The bundle
    file: PathBuf,
    #[command(flatten)]
    verification: VerificationArguments,
}

pub(crate) fn run(arguments: &Bundle, output: &mut Output) -> Outcome {
    match &arguments.action {
        Action::Build(arguments) => build(arguments, output),
        Action::Verify(arguments) => verify(arguments, output),
    }
}

fn build(arguments: &Build, output: &mut Output) -> Outcome {
    let paths = default_paths(&arguments.paths)?;
    let policy = arguments.options.load_with(
        &paths,
        output,
        kitelogik_policy::PolicyBuilder::for_elsewhere,
    )?;
    // What does not compile is not worth shipping.
    Embedded::new(policy.clone()).map_err(Failure::new)?;
    let mut bundle = PolicyBundle::of(&policy);
    if let Some(revision) = &arguments.revision {
        bundle = bundle.with_revision(revision);
    }
    if let Some(sequence) = arguments.sequence {
        bundle = bundle.with_sequence(sequence);
    }
    if !arguments.roots.is_empty() {
        bundle = bundle.with_roots(&arguments.roots).map_err(Failure::new)?;
    }
    let key = match &arguments.signing_key {
        None => None,
        Some(path) => Some(
            SigningKey::read(&read_key(path)?)
                .map_err(|error| of_key(path, &error))?
                .with_id(&arguments.key_id),
        ),
    };
    let content = bundle.to_bytes(key.as_ref()).map_err(Failure::new)?;
    let size = content.len();
    files::replace(&[NewFile {
        path: arguments.output.clone(),
        content,
    }])?;
    let file = arguments.output.display().to_string();
    let algorithm = key.as_ref().map(SigningKey::algorithm);
    if output.is_json() {
        output.json(&json!({
            "file": file,
            "bytes": size,
            "revision": bundle.revision(),
            "sequence": bundle.sequence(),
            "roots": bundle.roots(),
            "modules": bundle.modules().collect::<Vec<_>>(),
            "signed": algorithm,
        }))?;
    } else {
        let signed = algorithm.map_or("not signed".to_owned(), |name| {
            format!("signed with {name}")
        });
        output.line(format_args!(
            "wrote {}: {} modules, {size} bytes, {signed}",
            shown(&file),
            bundle.modules().count()
        ))?;
        output.line(format_args!("  revision = {}", shown(bundle.revision())))?;
        print_sequence(&bundle, output)?;
    }
    Ok(Answer::Yes)
}

fn verify(arguments: &Verify, output: &mut Output) -> Outcome {
    let verification = arguments.verification.verification()?;
    let refused = |error: &dyn std::fmt::Display, output: &mut Output| -> Outcome {
        if output.is_json() {
            output.json(&json!({"ok": false, "problem": error.to_string()}))?;
        } else {
            let verdict = output.paint(style::NO, "refused");
            output.line(format_args!("{verdict}: {}", shown(&error.to_string())))?;
        }
        Ok(Answer::No)
    };
    let bundle = match PolicyBundle::load(&arguments.file, &verification) {
        Ok(bundle) => bundle,
        Err(error @ BundleError::Io { .. }) => return Err(Failure::new(error)),
        Err(error) => return refused(&error, output),
    };
    let policy: Result<Policy, PolicyError> = Policy::builder().bundle(bundle.clone()).build();
    let policy = match policy {
        Ok(policy) => policy,
        Err(error) => return refused(&error, output),
    };
    if let Err(error) = Embedded::new(policy) {
        return refused(&error, output);
    }
    let checked = arguments.verification.checks();
    if output.is_json() {
        output.json(&json!({
            "ok": true,
            "revision": bundle.revision(),
            "sequence": bundle.sequence(),
            "roots": bundle.roots(),
            "modules": bundle.modules().collect::<Vec<_>>(),
            "signed": bundle.is_signed(),
            "signature_checked": checked,
        }))?;
        return Ok(Answer::Yes);
    }
    let signature = match (bundle.is_signed(), checked) {
        (true, true) => "signature valid",
        (true, false) => "signature not checked",
        (false, _) => "not signed",
    };
    let verdict = output.paint(style::YES, "ok");
    output.line(format_args!("{verdict}: {signature}"))?;
    output.line(format_args!("  revision = {}", shown(bundle.revision())))?;
    print_sequence(&bundle, output)?;
    let roots: Vec<String> = bundle
        .roots()
        .iter()
        .map(|root| format!("/{}", shown(root.trim_start_matches('/'))))
        .collect();
    output.line(format_args!("  roots    = {}", roots.join(", ")))?;
    for module in bundle.modules() {
        output.line(format_args!("  module   = {}", shown(module)))?;
    }
    Ok(Answer::Yes)
}

fn print_sequence(bundle: &PolicyBundle, output: &mut Output) -> Outcome<()> {
    match bundle.sequence() {
        Some(sequence) => output.line(format_args!("  sequence = {sequence}")),
        None => Ok(()),
    }
}

fn of_key(path: &std::path::Path, error: &BundleError) -> Failure {
    Failure::new(format_args!("`{}`: {error}", path.display()))
}
