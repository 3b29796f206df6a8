//! Runs the examples as a user would.

use std::collections::BTreeSet;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::{Metadata, cargo, shown, succeed};

/// How long an example may run.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs every example of the workspace offline and without input.
///
/// A package excepts the examples that wait for a person, by name, in its manifest:
/// `[package.metadata.xtask]`, `interactive-examples = ["approval"]`.
///
/// # Errors
///
/// When one does not exit with 0 in time, or when two have the same name.
pub(crate) fn run_all() -> Result<()> {
    let examples = examples()?;
    // With the features of the tests: everything is built already. All at once, so that the limit below
    // is about the run alone.
    succeed(cargo()?.args(["build", "--workspace", "--all-features", "--examples"]))?;
    for example in &examples {
        let mut command = cargo()?;
        command.args(["run", "--quiet", "--all-features", "--example", example]);
        for outside in ["OPENAI_BASE_URL", "OPENAI_API_KEY"] {
            command.env_remove(outside);
        }
        println!("\n$ {}", shown(&command));
        let begin = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot run example `{example}`"))?;
        wait(child).with_context(|| format!("example `{example}`"))?;
        println!("({:.1?})", begin.elapsed());
    }
    Ok(())
}

fn examples() -> Result<BTreeSet<String>> {
    let metadata = Metadata::read()?;
    let mut examples = BTreeSet::new();
    let mut interactive = BTreeSet::new();
    for package in metadata.packages() {
        let list = package.pointer("/metadata/xtask/interactive-examples");
        interactive.extend(strings(list).map(str::to_owned));
        let targets = package
            .get("targets")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for target in
            targets.filter(|target| strings(target.get("kind")).any(|kind| kind == "example"))
        {
            let name = target
                .get("name")
                .and_then(Value::as_str)
                .context("cargo's metadata names a target")?;
            if !examples.insert(name.to_owned()) {
                bail!(
                    "two examples are named `{name}`, so `cargo run --example {name}` finds neither"
                );
            }
        }
    }
    if let Some(name) = interactive.difference(&examples).next() {
        bail!("`interactive-examples` excepts `{name}`, which is not an example");
    }
    Ok(examples.difference(&interactive).cloned().collect())
}

fn wait(mut child: Child) -> Result<()> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() {
                Ok(())
            } else {
                bail!("ended with {status}")
            };
        }
        if begin.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            bail!("did not end within {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
