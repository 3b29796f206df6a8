//! The file of tokens: who may sign in.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use kitelogik_core::text::is_hidden;
use kitelogik_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::secret::{Digest, NoRandomness, secret};

/// What every token begins with, so that a secret scanner knows it.
const PREFIX: &str = "klt_";

/// How large the file may be, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file of tokens. Of each, it holds the SHA-256 and whom it signs in; the token itself is shown once, when it is
/// made. A token is 256 random bits, so that a slow digest would protect nothing.
///
/// The file is readable by its owner only, and its folder must not be writable by the agent.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

/// One token of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// Whom it signs in.
    pub identity: Identity,
    /// The token's SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    tokens: Vec<TokenEntry>,
}

/// Why the file of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It cannot be read or written.
    #[error("cannot {what} `{path}`: {source}", path = path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else than tokens.
    #[error("`{path}` is no file of tokens: {problem}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Others than its owner can read or write it.
    #[error("`{path}` is open to others: `chmod 600` it", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// A name is taken, missing, or hides something.
    #[error("`{name}` cannot be the name of a token: {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl TokenFile {
    /// The tokens at `path`, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All tokens, also those that ended; none where there is no file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is open to others, or holds something else.
    pub fn entries(&self) -> Result<Vec<TokenEntry>, TokenError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.io("read", source)),
        };
        self.check_mode(&file)?;
        let mut text = String::new();
        let read = file
            .take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(|source| self.io("read", source))?;
        if read as u64 == MAX_BYTES {
            return Err(self.malformed("it is too large".to_owned()));
        }
        let document: Document =
            serde_json::from_str(&text).map_err(|error| self.malformed(error.to_string()))?;
        for entry in &document.tokens {
            if Digest::parse(&entry.sha256).is_none() {
                return Err(self.malformed("`sha256` is not 64 hexadecimal digits".to_owned()));
            }
        }
        Ok(document.tokens)
    }

    /// Makes a token that signs `identity` in until `expires`, and returns it: it is kept nowhere.
    ///
    /// # Errors
    ///
    /// The name is empty, taken or hides something; or the file cannot be read or written.
    pub fn create(&self, identity: Identity, expires: Timestamp) -> Result<String, TokenError> {
        let name = &identity.name;
        let problem = |problem| TokenError::Name {
            name: name.clone(),
            problem,
        };
        if name.trim().is_empty() || name.len() > 100 {
            return Err(problem("it has 1 to 100 bytes"));
        }
        if [name, &identity.role]
            .into_iter()
            .chain(identity.tenants.iter().flatten())
            .any(|text| text.chars().any(is_hidden))
        {
            return Err(problem("it, the role or a tenant has hidden characters"));
        }
        let _alone = self.alone()?;
        let mut tokens = self.entries()?;
        if tokens.iter().any(|entry| entry.identity.name == *name) {
            return Err(problem("there is one of this name; revoke that first"));
        }
        let token = format!("{PREFIX}{}", secret()?);
        tokens.push(TokenEntry {
            identity,
            sha256: Digest::of(&token).as_str().to_owned(),
            created: Timestamp::now(),
            expires,
        });
        self.write(tokens)?;
        Ok(token)
    }

    /// Takes the token of this name away; sessions that it began end at once. False where there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn revoke(&self, name: &str) -> Result<bool, TokenError> {
        let _alone = self.alone()?;
        let mut tokens = self.entries()?;
        let before = tokens.len();
        tokens.retain(|entry| entry.identity.name != name);
        let found = tokens.len() < before;
        if found {
            self.write(tokens)?;
        }
        Ok(found)
    }

    /// The token with this digest, if it has not ended. Read anew each time, so that a revoked one is gone at once.
    pub(crate) fn find(&self, digest: &Digest) -> Result<Option<Identity>, TokenError> {
        let now = Timestamp::now();
        Ok(self
            .entries()?
            .into_iter()
            .find(|entry| entry.sha256 == digest.as_str() && now < entry.expires)
            .map(|entry| entry.identity))
    }

    /// Holds `FILE.lock` until it is dropped: were two to change the file at once, what one of them revoked
    /// could come back with the other's.
    fn alone(&self) -> Result<File, TokenError> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options
            .open(path)
            .map_err(|source| self.io("write", source))?;
        lock.lock().map_err(|source| self.io("write", source))?;
        Ok(lock)
    }

    /// Whole or not at all, and never readable by others, not even for a moment.
    fn write(&self, tokens: Vec<TokenEntry>) -> Result<(), TokenError> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let written = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, &Document { tokens })?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        written().map_err(|source| self.io("write", source))
    }

    #[cfg(unix)]
    fn check_mode(&self, file: &File) -> Result<(), TokenError> {
        use std::os::unix::fs::PermissionsExt as _;

        let metadata = file.metadata().map_err(|source| self.io("read", source))?;
        if metadata.permissions().mode() & 0o077 == 0 {
            Ok(())
        } else {
            Err(TokenError::Open {
                path: self.path.clone(),
            })
        }
    }

    #[cfg(not(unix))]
    fn check_mode(&self, _: &File) -> Result<(), TokenError> {
        std::fs::metadata(&self.path)
            .map(drop)
            .map_err(|source| self.io("read", source))
    }

    fn io(&self, what: &'static str, source: io::Error) -> TokenError {
        TokenError::Io {
            what,
            path: self.path.clone(),
            source,
        }
    }

    fn malformed(&self, problem: String) -> TokenError {
        TokenError::Malformed {
            path: self.path.clone(),
            problem,
        }
    }
}
