//! Which policy is asked.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use kitelogik_policy::bundle::{Verification, VerifyingKey};
use kitelogik_policy::{Policy, PolicyBuilder, PolicyError};

use crate::answer::{Failure, Outcome};
use crate::output::Output;

/// Where the policy is looked for when nothing is said.
const DEFAULT: &str = "policies";

/// A policy, and what goes with it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArguments {
    /// A directory, a `.rego` or `.yaml` file, a bundle (`.tar.gz`), or `-`; may be repeated.
    /// Default: `./policies`
    #[arg(short, long = "policy", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) options: PolicyOptions,
}

impl PolicyArguments {
    /// Whether anything was said about a policy.
    pub(crate) fn given_files(&self) -> bool {
        !self.paths.is_empty() || !self.options.data.is_empty() || self.options.no_builtin
    }

    pub(crate) fn load(&self, output: &Output) -> Outcome<Policy> {
        self.options.load(&default_paths(&self.paths)?, output)
    }

    /// The policy as it decides wherever it lies: without protection for the place it is read from.
    pub(crate) fn load_for_comparison(&self, output: &Output) -> Outcome<Policy> {
        let paths = default_paths(&self.paths)?;
        self.options
            .load_with(&paths, output, PolicyBuilder::for_elsewhere)
    }

    pub(crate) fn entry_point(&self) -> &str {
        self.options
            .entry_point
            .as_deref()
            .unwrap_or(Policy::ENTRY_POINT)
    }

    pub(crate) fn reads_stdin(&self) -> bool {
        self.paths
            .iter()
            .chain(&self.options.data)
            .any(|path| path.as_os_str() == "-")
    }
}

/// `paths`, or the default where there are none.
pub(crate) fn default_paths(paths: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    if !paths.is_empty() {
        return Ok(paths.to_vec());
    }
    if !Path::new(DEFAULT).exists() {
        return Err(Failure::new(
            "there is no `./policies`: name a policy with `-p PATH`",
        ));
    }
    Ok(vec![PathBuf::from(DEFAULT)])
}

/// What goes with a policy, wherever it lies.
#[derive(Args, Debug)]
pub(crate) struct PolicyOptions {
    /// A JSON or YAML file whose keys are the paths under `data`, or `-`; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Vec<PathBuf>,
    /// Leave the built-in bundle out: nothing is denied but by the rules given.
    /// (A policy that brings its own `kitelogik.main` and `kitelogik.security` stands alone anyway)
    #[arg(long)]
    pub(crate) no_builtin: bool,
    /// The package or rule that decides. Default: `data.kitelogik.main`
    #[arg(long, value_name = "PATH")]
    entry_point: Option<String>,
    #[command(flatten)]
    verification: VerificationArguments,
}

/// How bundles are checked.
#[derive(Args, Debug)]
pub(crate) struct VerificationArguments {
    /// Take only bundles signed by this key: a public key in PEM (RSA, P-256), or a file with a secret
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Bundles",
        conflicts_with = "skip_verify"
    )]
    verification_key: Option<PathBuf>,
    /// Take bundles whatever their signature. By default only bundles without one are taken where no key is given
    #[arg(long, help_heading = "Bundles")]
    skip_verify: bool,
}

impl VerificationArguments {
    pub(crate) fn verification(&self) -> Outcome<Verification> {
        let Some(path) = &self.verification_key else {
            return Ok(if self.skip_verify {
                Verification::Skip
            } else {
                Verification::Unsigned
            });
        };
        VerifyingKey::read(&read_key(path)?)
            .map(Verification::Signed)
            .map_err(|error| Failure::new(format_args!("`{}`: {error}", path.display())))
    }

    /// Whether signatures are checked.
    pub(crate) fn checks(&self) -> bool {
        self.verification_key.is_some()
    }
}

impl PolicyOptions {
    /// Loads `paths` as one policy.
    pub(crate) fn load(&self, paths: &[PathBuf], output: &Output) -> Outcome<Policy> {
        self.load_with(paths, output, |builder| builder)
    }

    /// [`load`](Self::load), with one more word to the builder.
    pub(crate) fn load_with(
        &self,
        paths: &[PathBuf],
        output: &Output,
        more: impl FnOnce(PolicyBuilder) -> PolicyBuilder,
    ) -> Outcome<Policy> {
        let builder = self.builder(paths)?;
        let policy = more(builder).build().map_err(|error| explain(&error))?;
        for warning in policy.warnings() {
            output.warn(warning);
        }
        Ok(policy)
    }

    /// The policy of `paths`, yet to be read.
    pub(crate) fn builder(&self, paths: &[PathBuf]) -> Outcome<PolicyBuilder> {
        let mut builder = Policy::builder().verification(self.verification.verification()?);
        let mut stdin = Stdin::default();
        for path in paths {
            builder = if path.as_os_str() == "-" {
                let text = stdin.read()?;
                if is_rego(&text) {
                    builder.rego("stdin", text)
                } else {
                    builder.yaml("stdin", text)
                }
            } else {
                builder.path(path)
            };
        }
        for path in &self.data {
            builder = if path.as_os_str() == "-" {
                builder.data_yaml(stdin.read()?)
            } else {
                builder.data_file(path)
            };
        }
        if self.no_builtin {
            builder = builder.without_builtin_bundle();
        }
        if let Some(entry_point) = &self.entry_point {
            builder = builder.entry_point(entry_point);
        }
        Ok(builder)
    }
}

/// A Rego module begins with its package, and rules in YAML never do; both have the same comments.
fn is_rego(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .is_some_and(|line| line.starts_with("package"))
}

/// The library's error, in the words of the program where those differ.
pub(crate) fn explain(error: &PolicyError) -> Failure {
    match error {
        PolicyError::BuiltinPackage {
            module, package, ..
        } => Failure::new(format_args!(
            "{module} declares rules in `{package}`, a package of the built-in bundle: put your rules into `package kitelogik.userpolicy`, bring both `kitelogik.main` and `kitelogik.security` to replace the bundle, or leave it out on purpose with `--no-builtin`"
        )),
        other => Failure::new(other),
    }
}

/// Standard input, which is there to be read once.
#[derive(Default)]
struct Stdin {
    taken: bool,
}

impl Stdin {
    fn read(&mut self) -> Outcome<String> {
        if self.taken {
            return Err(Failure::new(
                "standard input can be read once: give `-` once, and files for the rest",
            ));
        }
        self.taken = true;
        read_stdin()
    }
}

/// The whole of standard input as text.
pub(crate) fn read_stdin() -> Outcome<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format_args!("cannot read standard input: {error}")))?;
    String::from_utf8(bytes).map_err(|_| Failure::new("standard input is not UTF-8"))
}

/// The bytes of a key file.
pub(crate) fn read_key(path: &Path) -> Outcome<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| Failure::new(format_args!("cannot read `{}`: {error}", path.display())))
}

/// The whole of a file as text; `-` is standard input.
pub(crate) fn read_file(path: &Path) -> Outcome<String> {
    if path.as_os_str() == "-" {
        return read_stdin();
    }
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::new(format_args!("cannot read `{}`: {error}", path.display())))?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::new(format_args!("`{}` is not UTF-8", path.display())))
}
