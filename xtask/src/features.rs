//! Whether each feature builds alone: what all of them together bring along, one alone may lack.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::{Metadata, cargo, shown, succeed};

/// Which features each package is checked with: without any where it can be, and each feature once. All of them together
/// are checked elsewhere.
const CHECKED: [(&str, &[&str]); 5] = [
    (
        "kitelogik",
        &[
            "", "bundle", "embedded", "ledger", "macros", "metrics", "postgres", "reload", "rest",
            "webhook",
        ],
    ),
    // It needs a store.
    (
        "kitelogik-ledger",
        &["sqlite", "postgres", "postgres,webhook"],
    ),
    (
        "kitelogik-opa",
        &["", "embedded", "metrics", "reload", "rest"],
    ),
    ("kitelogik-policy", &["", "bundle"]),
    ("kitelogik-web", &["", "oidc"]),
];

/// Checks that each builds. Warnings count as errors.
///
/// # Errors
///
/// When one does not, and the error names the command; or when a feature is not among those that are checked.
pub(crate) fn check() -> Result<()> {
    let metadata = Metadata::read()?;
    for package in metadata.packages() {
        let name = package.get("name").and_then(Value::as_str);
        let name = name.context("cargo's metadata has a package without a name")?;
        let features = package.get("features").and_then(Value::as_object);
        for feature in features.into_iter().flat_map(|features| features.keys()) {
            if feature != "default" && !is_checked(name, feature) {
                bail!(
                    "nothing checks that feature `{feature}` of {name} builds alone: add it to `xtask/src/features.rs`"
                );
            }
        }
    }
    for (package, sets) in CHECKED {
        for features in sets {
            let mut command = cargo()?;
            // Clippy is strict with the workspace alone: nothing else is built anew, as for a flag of rustc.
            command.args(["clippy", "--quiet", "--package", package]);
            command.args(["--no-default-features", "--features", features]);
            command.args(["--", "-D", "warnings"]);
            println!("{}", shown(&command));
            succeed(&mut command)?;
        }
    }
    Ok(())
}

fn is_checked(package: &str, feature: &str) -> bool {
    CHECKED
        .iter()
        .filter(|(name, _)| *name == package)
        .flat_map(|(_, sets)| *sets)
        .any(|set| set.split(',').any(|name| name == feature))
}
