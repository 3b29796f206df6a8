use kitelogik_policy::PolicyError;
use kitelogik_rego::{CompileError, RecursiveFunction};

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
    /// A function that calls itself, directly or by way of others, and where it is written.
    #[error("{0}")]
    Recursion(RecursiveFunction),
}

impl From<CompileError> for EmbeddedError {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Recursion(function) => Self::Recursion(function),
            other => Self::Compile(other.to_string()),
        }
    }
}
