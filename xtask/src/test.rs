//! `cargo xtask test`: every test, and the count of those that did not run.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use kitelogik_opa_process::{REQUIRE_ALL, SKIP_LOG};

use crate::cargo::{Metadata, cargo, succeed};

#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Fail when a test is skipped (as does `KITELOGIK_REQUIRE_ALL=1`)
    #[arg(long)]
    pub(crate) require_all: bool,
    /// Handed to `cargo test`, for example a part of a test's name
    #[arg(last = true)]
    pub(crate) arguments: Vec<OsString>,
}

/// Runs the tests with all features, doc tests included.
///
/// # Errors
///
/// When a test fails, or is skipped although all are required.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let require_all = arguments.require_all
        || env::var_os(REQUIRE_ALL).is_some_and(|value| !value.is_empty() && value != "0");
    let target = Metadata::read()?.target()?;
    fs::create_dir_all(&target).with_context(|| format!("cannot make `{}`", target.display()))?;
    let log = target.join("skipped-tests.txt");
    fs::write(&log, "").with_context(|| format!("cannot write `{}`", log.display()))?;

    let mut command = cargo()?;
    command
        .args(["test", "--workspace", "--all-features"])
        .args(&arguments.arguments)
        .env(SKIP_LOG, &log);
    if require_all {
        command.env(REQUIRE_ALL, "1");
    } else {
        command.env_remove(REQUIRE_ALL);
    }
    let tested = succeed(&mut command);

    let text =
        fs::read_to_string(&log).with_context(|| format!("cannot read `{}`", log.display()))?;
    let skipped: BTreeSet<&str> = text.lines().collect();
    println!("\n{}", summary(&skipped));
    tested?;
    if require_all && !skipped.is_empty() {
        bail!("all tests are required, and {} did not run", skipped.len());
    }
    Ok(())
}

fn summary(skipped: &BTreeSet<&str>) -> String {
    let headline = match skipped.len() {
        0 => "no test was skipped".to_owned(),
        1 => "1 test was skipped:".to_owned(),
        count => format!("{count} tests were skipped:"),
    };
    skipped
        .iter()
        .fold(headline, |text, line| text + "\n  " + line)
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn the_summary_counts_and_names_each_skipped_test_once() {
        assert_eq!(summary(&[].into()), "no test was skipped");
        assert_eq!(
            summary(&["b: needs OPA"].into()),
            "1 test was skipped:\n  b: needs OPA"
        );
        assert_eq!(
            summary(&["b", "a", "b"].into()),
            "2 tests were skipped:\n  a\n  b"
        );
    }
}
