//! Projects to begin from.

/// A policy, its tests and an agent that uses it.
pub(crate) struct Template {
    /// What `--template` calls it.
    pub(crate) name: &'static str,
    /// What it is about, in a few words.
    pub(crate) about: &'static str,
    /// The name of the Rust package.
    package: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../templates/", $folder, "/", $path)))),*]
    };
}

/// The first is the default.
pub(crate) const TEMPLATES: [Template; 1] = [Template {
    name: "financial-refunds",
    about: "refunds up to a limit, larger ones for a person to approve, large ones denied",
    package: "refund-agent",
    files: files!("financial-refunds":
        "README.md",
        "events.jsonl",
        "policies/refunds.rego",
        "policies/refunds_test.rego",
        "policies/refunds_test.yaml",
        "src/main.rs",
    ),
}];

const CARGO: &str = include_str!("../templates/Cargo.toml.template");
const GITIGNORE: &str = "/target\n";

impl Template {
    /// The files of a project: their paths with slashes, and their texts. `kitelogik` is what stands behind the
    /// dependency's name in `Cargo.toml`.
    pub(crate) fn files(&self, kitelogik: &str) -> Vec<(&'static str, String)> {
        let cargo = CARGO
            .replace("{{name}}", self.package)
            .replace("{{kitelogik}}", kitelogik);
        let mut files = vec![("Cargo.toml", cargo), (".gitignore", GITIGNORE.to_owned())];
        files.extend(
            self.files
                .iter()
                .map(|(path, text)| (*path, (*text).to_owned())),
        );
        files
    }
}
