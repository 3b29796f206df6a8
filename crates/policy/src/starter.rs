//! Policies to begin from.

/// A policy with its tests, to copy and to change. Each runs with the built-in bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Starter {
    /// What it is asked for by, as in `financial-refunds`.
    pub name: &'static str,
    /// What it does, in one line.
    pub description: &'static str,
    /// The names of its files, and their texts: rules (`policy.rego`), their tests (`policy_test.rego`), `README.md`.
    pub files: &'static [(&'static str, &'static str)],
}

macro_rules! starter {
    ($name:literal) => {
        Starter {
            name: $name,
            description: include_str!(concat!("../starters/", $name, "/README.md"))
                .trim_ascii_end(),
            files: &[
                (
                    "README.md",
                    include_str!(concat!("../starters/", $name, "/README.md")),
                ),
                (
                    "policy.rego",
                    include_str!(concat!("../starters/", $name, "/policy.rego")),
                ),
                (
                    "policy_test.rego",
                    include_str!(concat!("../starters/", $name, "/policy_test.rego")),
                ),
            ],
        }
    };
}

static STARTERS: [Starter; 7] = [
    starter!("code-execution"),
    starter!("financial-refunds"),
    starter!("healthcare-phi"),
    starter!("pii"),
    starter!("rate-and-cost-caps"),
    starter!("read-only"),
    starter!("tool-allowlist"),
];

/// The policies to begin from, in the order of their names.
///
/// ```
/// use kitelogik_policy::{Policy, starters};
///
/// let refunds = starters().iter().find(|starter| starter.name == "financial-refunds").expect("is one of them");
/// let mut policy = Policy::builder();
/// for (name, text) in refunds.files {
///     if name.ends_with(".rego") && !name.ends_with("_test.rego") {
///         policy = policy.rego(*name, *text);
///     }
/// }
/// assert!(policy.build().is_ok());
/// ```
pub fn starters() -> &'static [Starter] {
    &STARTERS
}
