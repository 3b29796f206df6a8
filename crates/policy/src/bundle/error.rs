use std::path::PathBuf;

/// Why a bundle is not taken, or not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The file could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },

    /// It is no bundle that can be loaded.
    #[error("bundle `{bundle}` {problem}")]
    Refused {
        /// The bundle.
        bundle: String,
        /// What is wrong with it.
        problem: String,
    },

    /// Its signature is missing, wrong, or there where nobody checks it.
    #[error("bundle `{bundle}` {problem}")]
    Signature {
        /// The bundle.
        bundle: String,
        /// What is wrong with it.
        problem: String,
    },

    /// A key that cannot be used.
    #[error("the key {problem}")]
    Key {
        /// What is wrong with it, and what to give.
        problem: String,
    },
}

impl BundleError {
    pub(super) fn refused(bundle: &str, problem: impl Into<String>) -> Self {
        Self::Refused {
            bundle: bundle.to_owned(),
            problem: problem.into(),
        }
    }

    pub(super) fn signature(bundle: &str, problem: impl Into<String>) -> Self {
        Self::Signature {
            bundle: bundle.to_owned(),
            problem: problem.into(),
        }
    }

    pub(super) fn key(problem: impl Into<String>) -> Self {
        Self::Key {
            problem: problem.into(),
        }
    }
}
