use kitelogik_policy::PolicyError;

/// Why there is no engine for a policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The policy cannot be loaded.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy is not what the embedded engine can evaluate.
    #[error("the policy does not compile: {0}")]
    Compile(String),
    /// A function that calls itself, directly or by way of others.
    #[error(
        "the function `{0}` calls itself; Rego has no recursion: write it as a rule over `walk` or a comprehension"
    )]
    Recursion(String),
}
