//! What keeps a policy from being loaded.

use std::fmt;
use std::path::PathBuf;

/// Why a policy could not be loaded. A gate is never built from half a policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Nothing that could decide: no Rego in the directory, or nothing given at all.
    #[error(
        "no policy in {place}: a policy needs at least one `.rego` file that is no test, or a `.yaml` file with `rules`"
    )]
    NoPolicy {
        /// Where it was looked for.
        place: String,
    },

    /// Syntax errors, unknown functions and functions that reach outside: all of them, of all files, one a line.
    #[error("{}", Lines(.0))]
    Rego(Vec<Problem>),

    /// Everything that is wrong in the rules written in YAML: all of it, of all files, one a line.
    #[error("{}", Lines(.0))]
    Rules(Vec<Problem>),

    /// A file or directory could not be read or written.
    #[error("cannot {action} `{}`: {cause}", path.display())]
    Io {
        /// What was tried, as in `read`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer. Part of the message, and therefore no `source()`: a chain of errors would tell
        /// it twice.
        cause: std::io::Error,
    },

    /// A file that is not loaded for what it is: too large, not UTF-8, outside the directory, of an unknown kind.
    #[error("`{}`: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },

    /// A data document that is not valid JSON or YAML, or names a key twice.
    #[error("{origin}: {problem}")]
    Data {
        /// The document.
        origin: String,
        /// What is wrong, and where.
        problem: String,
    },

    /// A bundle that is not taken.
    #[cfg(feature = "bundle")]
    #[error(transparent)]
    Bundle(#[from] crate::bundle::BundleError),

    /// Two data documents, or a data document and a rule, give the same path.
    #[error("`{path}` is given by {first} and by {second}: remove it from one of them")]
    Conflict {
        /// The path both give, as in `data.refunds.limit`.
        path: String,
        /// The one read first.
        first: String,
        /// The other.
        second: String,
    },

    /// A limit of the built-in bundle that is unknown, mistyped or out of bounds.
    #[error("{origin}: `{path}` {problem}")]
    Limit {
        /// The document that gives it.
        origin: String,
        /// The limit, as in `data.kitelogik.limits.security.blocked_hosts[2]`.
        path: String,
        /// What is wrong and what to write.
        problem: String,
    },

    /// A module declares rules in a package of the built-in bundle without replacing all of it.
    #[error("{module} declares rules in `{package}`, a package of the built-in bundle: {advice}")]
    BuiltinPackage {
        /// The module.
        module: String,
        /// The package, as in `kitelogik.main`.
        package: String,
        /// How to ask for it on purpose.
        advice: &'static str,
    },

    /// The rule or package that the gate is to ask for does not exist.
    #[error("the entry point `{entry_point}` does not exist; {advice}")]
    EntryPoint {
        /// The path that was asked for.
        entry_point: String,
        /// What does exist.
        advice: String,
    },
}

/// One problem in one place of a Rego module or a rules file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// The name of the module or rules file: its path as it was given, where it is a file.
    pub module: String,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.module, self.message);
        }
        write!(
            f,
            "{}:{}:{}: {}",
            self.module, self.line, self.column, self.message
        )
    }
}

pub(crate) struct Lines<'a>(pub(crate) &'a [Problem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
