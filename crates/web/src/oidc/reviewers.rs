//! The file of reviewers: who of a provider's people may sign in, as what.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use kitelogik_core::text::is_hidden;
use serde::Deserialize;
use serde_json::Value;

use super::claims::Claims;
use crate::identity::Identity;

/// How large the file may be, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A JSON file that says who of a provider's people may sign in, by their claims, and as what. The first rule that fits a
/// person counts; whom none fits does not get in.
///
/// ```json
/// {
///   "reviewers": [
///     {"claim": "email", "value": "ann@example.com", "role": "operator", "tenants": "all"},
///     {"claim": "groups", "value": "refund-approvers", "role": "manager", "tenants": ["acme"]},
///     {"claim": "/realm_access/roles", "value": "audit", "role": "auditor", "tenants": "all", "read_only": true}
///   ]
/// }
/// ```
///
/// A rule fits where the claim is that text, or a list with it, to the letter. `email` counts only where the provider
/// says that it is verified; a claim that begins with `/` is a JSON pointer. The file is read at every request, so that a person who is
/// taken out is out at once; while it cannot be read, nobody is let in, but sessions are there again when it can. Who can write it can let themselves in: it may be writable by its owner only, and its
/// folder must not be writable by the agent.
#[derive(Clone, Debug)]
pub struct ReviewerFile {
    path: PathBuf,
}

/// Who may sign in, and as what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ReviewerRule {
    /// The claim that is looked at.
    pub claim: String,
    /// What it is, or has in its list.
    pub value: String,
    /// The role that they decide in.
    pub role: String,
    /// Whose calls they see.
    pub tenants: RuleTenants,
    /// Whether they see but do not decide.
    #[serde(default)]
    pub read_only: bool,
}

/// Whose calls somebody sees. It has to be said: nobody sees everything because a line was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum RuleTenants {
    /// `"all"`: all of them, and those without a tenant.
    All,
    /// `["acme", "globex"]`: those of these tenants.
    Only(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    reviewers: Vec<ReviewerRule>,
}

/// Why the file of reviewers cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewerFileError {
    /// It cannot be read.
    #[error("cannot read `{path}`: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else than reviewers.
    #[error("`{path}` is no file of reviewers: {problem}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Others than its owner can write it.
    #[error("`{path}` can be written by others: `chmod go-w` it", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// It names nobody.
    #[error("`{path}` lets nobody in: name reviewers in it", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl ReviewerFile {
    /// The file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The rules, in their order; one or more.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is writable by others, or holds no rules.
    pub fn rules(&self) -> Result<Vec<ReviewerRule>, ReviewerFileError> {
        let file = File::open(&self.path).map_err(|source| self.io(source))?;
        self.check_mode(&file)?;
        let mut text = String::new();
        let read = file
            .take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(|source| self.io(source))?;
        if read as u64 == MAX_BYTES {
            return Err(self.malformed("it is too large".to_owned()));
        }
        let document: Document =
            serde_json::from_str(&text).map_err(|error| self.malformed(error.to_string()))?;
        for rule in &document.reviewers {
            let mut texts = [&rule.claim, &rule.value, &rule.role].into_iter();
            if texts.any(|text| text.is_empty() || text.chars().any(is_hidden)) {
                let problem = "a claim, value or role is empty or has hidden characters";
                return Err(self.malformed(problem.to_owned()));
            }
        }
        if document.reviewers.is_empty() {
            return Err(ReviewerFileError::Empty {
                path: self.path.clone(),
            });
        }
        Ok(document.reviewers)
    }

    /// Who this is, by the first rule that fits.
    pub(super) fn identity(
        &self,
        name: &str,
        claims: &Claims,
    ) -> Result<Option<Identity>, ReviewerFileError> {
        let rules = self.rules()?;
        let rule = rules
            .into_iter()
            .find(|rule| claims.has(&rule.claim, &rule.value));
        Ok(rule.map(|rule| Identity {
            name: name.to_owned(),
            role: rule.role,
            tenants: match rule.tenants {
                RuleTenants::All => None,
                RuleTenants::Only(tenants) => Some(tenants),
            },
            read_only: rule.read_only,
        }))
    }

    #[cfg(unix)]
    fn check_mode(&self, file: &File) -> Result<(), ReviewerFileError> {
        use std::os::unix::fs::PermissionsExt as _;

        let metadata = file.metadata().map_err(|source| self.io(source))?;
        if metadata.permissions().mode() & 0o022 == 0 {
            Ok(())
        } else {
            Err(ReviewerFileError::Open {
                path: self.path.clone(),
            })
        }
    }

    #[cfg(not(unix))]
    fn check_mode(&self, file: &File) -> Result<(), ReviewerFileError> {
        file.metadata().map(drop).map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> ReviewerFileError {
        ReviewerFileError::Io {
            path: self.path.clone(),
            source,
        }
    }

    fn malformed(&self, problem: String) -> ReviewerFileError {
        ReviewerFileError::Malformed {
            path: self.path.clone(),
            problem,
        }
    }
}

impl TryFrom<Value> for RuleTenants {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        const WANTED: &str = "`tenants` is \"all\" or a list of tenants";
        match value {
            Value::String(word) if word == "all" => Ok(Self::All),
            Value::Array(tenants) => tenants
                .into_iter()
                .map(|tenant| match tenant {
                    Value::String(tenant) if !tenant.chars().any(is_hidden) => Ok(tenant),
                    _ => Err(WANTED),
                })
                .collect::<Result<_, _>>()
                .map(Self::Only),
            _ => Err(WANTED),
        }
    }
}
