//! What the toolbox and the adapters may not pull in.

use anyhow::{Result, bail};

use crate::cargo::{cargo, output};

/// Crates that a user of these packages asks for by a feature of the facade, or brings along.
const PACKAGES: [&str; 3] = ["kitelogik-toolbox", "kitelogik-openai", "kitelogik-rig"];
const ENGINES_AND_CLIENTS: [&str; 6] = [
    "hyper",
    "native-tls",
    "regorus",
    "reqwest",
    "rustls",
    "ureq",
];

/// Checks that no adapter drags an engine or an HTTP client along.
///
/// # Errors
///
/// When one does; the error names the way it comes in.
pub(crate) fn check() -> Result<()> {
    for package in PACKAGES {
        let tree = output(cargo()?.args([
            "tree",
            "--package",
            package,
            "--edges=normal",
            "--prefix=none",
            "--format={p}",
        ]))?;
        let mut crates: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        crates.sort_unstable();
        crates.dedup();
        for unwanted in ENGINES_AND_CLIENTS {
            if crates.contains(&unwanted) {
                bail!(
                    "{package} must not depend on {unwanted}; see `cargo tree --package {package} --edges=normal \
                     --invert {unwanted}`"
                );
            }
        }
        println!(
            "{package}: {} crates, no engine and no HTTP client",
            crates.len()
        );
    }
    Ok(())
}
