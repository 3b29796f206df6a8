use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{self, SHA256};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::LedgerError;
use crate::hex::{self, Hex};

/// A SHA-256, or an HMAC of it: 32 bytes, shown as 64 hexadecimal digits.
pub type Digest = Hex<32>;

/// The public half of a ledger's signing key (Ed25519): all that it takes to verify checkpoints.
pub type PublicKey = Hex<32>;

/// The signature of a checkpoint (Ed25519).
pub type Signature = Hex<64>;

const HEADING: &str = "kitelogik ledger key 1";

/// What only the ledger knows: the key of its digests, and the key that signs its checkpoints.
///
/// Two secrets in one file of text, readable by its owner only.
pub(crate) struct Key {
    /// Kept as well in the form in which a file has it, for the file of the next key.
    digest_secret: [u8; 32],
    digests: hmac::Key,
    signing: Ed25519KeyPair,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("public", &self.public())
            .finish_non_exhaustive()
    }
}

impl Key {
    /// Reads the key at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, LedgerError> {
        let wrong = |problem: String| LedgerError::Key {
            path: path.to_owned(),
            problem,
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        check_permissions(path).map_err(wrong)?;
        Self::parse(&text).ok_or_else(|| wrong("is not a key of a ledger".to_owned()))
    }

    /// Reads the key at `path`, or makes one there that nobody else may read.
    ///
    /// Of several processes that begin at once, one makes the key and all read it.
    pub(crate) fn read_or_create(path: &Path) -> Result<Self, LedgerError> {
        if !path.exists() {
            create(path, random()?, random()?).map_err(|problem| LedgerError::Key {
                path: path.to_owned(),
                problem,
            })?;
        }
        Self::read(path)
    }

    /// Where the key that signs as `public`, and takes over from the one at `path`, lies until it does: a name of its
    /// own, so that nobody's change stands in the way of another's.
    fn next_file(path: &Path, public: &PublicKey) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        let id: String = public.to_string().chars().take(16).collect();
        name.push(format!(".new-{id}"));
        name.into()
    }

    /// Makes a key to take over from `before`, beside `path`; its digests are the same unless they are to be
    /// `others`.
    pub(crate) fn create_after(
        before: &Self,
        others: bool,
        path: &Path,
    ) -> Result<Self, LedgerError> {
        let digests = match others {
            true => random()?,
            false => before.digest_secret,
        };
        let signing = random()?;
        let key = Self::of(digests, &signing)
            .ok_or_else(|| LedgerError::store("making a key", "it cannot sign"))?;
        let next = Self::next_file(path, &key.public());
        create(&next, digests, signing).map_err(|problem| LedgerError::Key {
            path: next.clone(),
            problem,
        })?;
        Ok(key)
    }

    /// Puts this key, which took over, in the place of the one at `path`.
    pub(crate) fn replace(&self, path: &Path) -> Result<(), LedgerError> {
        let next = Self::next_file(path, &self.public());
        std::fs::rename(&next, path).map_err(|error| LedgerError::Key {
            path: path.to_owned(),
            problem: format!(
                "cannot be replaced by `{}`, which is the key from now on: {error}",
                next.display()
            ),
        })
    }

    /// Removes what was made of this key, which did not take over.
    pub(crate) fn discard(&self, path: &Path) {
        let next = Self::next_file(path, &self.public());
        if let Err(error) = std::fs::remove_file(&next) {
            tracing::warn!(%error, file = %next.display(), "a key that was not used is left behind");
        }
    }

    /// The key at `path` that signs as `public`. Where a change of it was interrupted, that is the one that lies
    /// beside it, which is put in its place where that is wanted.
    pub(crate) fn current(
        path: &Path,
        public: &PublicKey,
        replaces: bool,
    ) -> Result<Arc<Self>, LedgerError> {
        let key = Self::read(path);
        let is_current =
            |key: &Result<Self, LedgerError>| key.as_ref().is_ok_and(|key| key.public() == *public);
        if is_current(&key) {
            return key.map(Arc::new);
        }
        let next = Self::read(&Self::next_file(path, public));
        if is_current(&next) {
            let next = next?;
            // Another process may have done it meanwhile.
            if replaces
                && let Err(error) = next.replace(path)
                && !is_current(&Self::read(path))
            {
                return Err(error);
            }
            return Ok(Arc::new(next));
        }
        key.and_then(|_| {
            Err(LedgerError::Key {
                path: path.to_owned(),
                problem: "was this ledger's before it was changed, or is the key of another ledger"
                    .to_owned(),
            })
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != HEADING {
            return None;
        }
        let digests: [u8; 32] = hex::decode(lines.next()?.strip_prefix("digests ")?)?;
        let seed: [u8; 32] = hex::decode(lines.next()?.strip_prefix("signing ")?)?;
        Self::of(digests, &seed)
    }

    fn of(digests: [u8; 32], seed: &[u8; 32]) -> Option<Self> {
        Some(Self {
            digest_secret: digests,
            digests: hmac::Key::new(hmac::HMAC_SHA256, &digests),
            signing: Ed25519KeyPair::from_seed_unchecked(seed).ok()?,
        })
    }

    /// The keyed digest of `parts`, for one `purpose`: equal for equal parts, and nothing else can be
    /// told from it. Parts never run into one another.
    pub(crate) fn digest(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.digests);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Hex::from_slice(context.sign().as_ref())
    }

    /// The name of its key of digests, from which nothing can be told about it.
    pub(crate) fn digest_key(&self) -> Digest {
        self.digest("digest key", &[])
    }

    pub(crate) fn public(&self) -> PublicKey {
        Hex::from_slice(self.signing.public_key().as_ref())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        Hex::from_slice(self.signing.sign(message).as_ref())
    }
}

/// Whether `signature` is that of `message` by the holder of `public`'s other half.
pub(crate) fn is_signed(public: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    UnparsedPublicKey::new(&ED25519, public.bytes())
        .verify(message, signature.bytes())
        .is_ok()
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Hex::from_slice(digest::digest(&SHA256, bytes).as_ref())
}

/// `N` bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], LedgerError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| LedgerError::store("making a random number", "the system gave none"))?;
    Ok(bytes)
}

/// Whole or not at all: written beside `path`, then moved there unless another process was first.
fn create(path: &Path, digests: [u8; 32], signing: [u8; 32]) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot be made: {error}");
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Only its owner may read what tempfile makes.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    writeln!(
        file,
        "{HEADING}\ndigests {}\nsigning {}",
        Hex::new(digests),
        Hex::new(signing)
    )
    .map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(failed(error.error));
        }
        _ => {}
    }
    // A key that counts and is gone after a power failure would be worse than none.
    #[cfg(unix)]
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(())
}

#[cfg(unix)]
fn check_permissions(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path)
        .map_err(|error| format!("cannot be read: {error}"))?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(format!(
            "may be read by others than its owner (mode {:03o}); `chmod 600` it",
            mode & 0o777
        ))
    }
}

#[cfg(not(unix))]
fn check_permissions(_: &Path) -> Result<(), String> {
    Ok(())
}
