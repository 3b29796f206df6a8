//! Whether each feature builds alone: what all of them together bring along, one alone may lack.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo::{Metadata, cargo, shown, succeed};

/// Packages that need one of some features, whichever: another is checked with the last of them.
const NEEDED: [(&str, &[&str]); 1] = [("kitelogik-ledger", &["sqlite", "postgres"])];

/// Checks that each package builds without its features, and with each alone; all of them together are checked elsewhere.
/// Warnings count as errors.
///
/// # Errors
///
/// When one does not build; the error names the command.
pub(crate) fn check() -> Result<()> {
    let metadata = Metadata::read()?;
    for package in metadata.packages() {
        let name = package.get("name").and_then(Value::as_str);
        let name = name.context("cargo's metadata has a package without a name")?;
        let features = package.get("features").and_then(Value::as_object);
        let features = features.into_iter().flat_map(|features| features.keys());
        for set in sets(name, features.map(String::as_str)) {
            let mut command = cargo()?;
            // Clippy is strict with the workspace alone: nothing else is built anew, as for a flag of rustc.
            command.args(["clippy", "--quiet", "--package", name]);
            command.args(["--no-default-features", "--features", &set]);
            command.args(["--", "-D", "warnings"]);
            println!("{}", shown(&command));
            succeed(&mut command)?;
        }
    }
    Ok(())
}

/// The sets of features that a package with these is checked with; none where it has none.
fn sets<'a>(package: &str, features: impl Iterator<Item = &'a str>) -> Vec<String> {
    let needed = NEEDED.iter().find(|(name, _)| *name == package);
    let needed: &[&str] = needed.map_or(&[], |(_, needed)| needed);
    let mut sets: Vec<String> = features
        .filter(|feature| *feature != "default")
        .map(|feature| match needed.last() {
            Some(base) if !needed.contains(&feature) => format!("{base},{feature}"),
            _ => feature.to_owned(),
        })
        .collect();
    if needed.is_empty() && !sets.is_empty() {
        sets.insert(0, String::new());
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::sets;

    #[test]
    fn each_feature_is_checked_alone_or_with_what_its_package_needs() {
        let features = ["default", "rest", "embedded"];
        let of = |package| sets(package, features.into_iter());
        assert_eq!(of("kitelogik-opa"), ["", "rest", "embedded"]);
        let features = ["default", "sqlite", "postgres", "webhook"];
        let of = sets("kitelogik-ledger", features.into_iter());
        assert_eq!(of, ["sqlite", "postgres", "postgres,webhook"]);
        assert!(sets("kitelogik-core", [].into_iter()).is_empty());
    }
}
