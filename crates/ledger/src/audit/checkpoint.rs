use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::key::{Digest, Key, PublicKey, Signature, is_signed, sha256};
use crate::{LedgerError, Timestamp};

use super::{Chain, Content, EntryKind};

/// The ends of all chains at one moment, signed.
///
/// Kept elsewhere - it is a small JSON document - it proves what was in the ledger then: with the
/// public key alone anybody can tell that it is genuine, and `verify` finds whatever was changed or
/// removed behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The version of this document: 1.
    pub version: u32,
    /// The ledger's own id.
    pub ledger: Digest,
    /// Its number: one more than that of the checkpoint before.
    pub number: u64,
    /// When it was signed.
    pub at: Timestamp,
    /// The digest of the checkpoint before; zeros for the first.
    pub previous: Digest,
    /// The end of every chain, by writer.
    pub writers: Vec<Head>,
    /// Whose signature it is.
    pub public_key: PublicKey,
    /// The signature over all of the above but the key.
    pub signature: Signature,
}

/// The end of one writer's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The writer.
    pub writer: u64,
    /// How many entries it had written.
    pub count: u64,
    /// The hash of the last of them.
    pub head: Digest,
}

impl From<Chain> for Head {
    fn from(chain: Chain) -> Self {
        Self {
            writer: chain.writer,
            count: chain.count,
            head: chain.head,
        }
    }
}

impl Checkpoint {
    const VERSION: u32 = 1;

    /// Signs where all chains end at `at`, by the store's clock: `writers`, and those of `before` of which retention has left no entry.
    /// Were these not carried on, the next retention would make them look as if they had been taken away.
    pub(crate) fn sign(
        key: &Key,
        ledger: Digest,
        before: Option<&Self>,
        at: Timestamp,
        mut writers: Vec<Head>,
    ) -> Self {
        let there: BTreeSet<u64> = writers.iter().map(|head| head.writer).collect();
        let sealed = before.map_or(&[][..], |before| &before.writers);
        writers.extend(sealed.iter().filter(|head| !there.contains(&head.writer)));
        writers.sort_by_key(|head| head.writer);
        let mut checkpoint = Self {
            version: Self::VERSION,
            ledger,
            number: before.map_or(1, |before| before.number.saturating_add(1)),
            at,
            previous: before.map(Self::digest).unwrap_or_default(),
            writers,
            public_key: key.public(),
            signature: Signature::default(),
        };
        checkpoint.signature = key.sign(&checkpoint.message());
        checkpoint
    }

    /// Whether it is the genuine checkpoint of the holder of `public_key`'s other half.
    ///
    /// # Errors
    ///
    /// It is not, or is of another version.
    pub fn verify(&self, public_key: &PublicKey) -> Result<(), LedgerError> {
        if self.version != Self::VERSION {
            return Err(LedgerError::Checkpoint(format!(
                "is of version {}, which this program does not know",
                self.version
            )));
        }
        if self.public_key != *public_key {
            return Err(LedgerError::Checkpoint(format!(
                "{} is signed by another key than `{public_key}`",
                self.number
            )));
        }
        let ascending = self
            .writers
            .is_sorted_by(|one, other| one.writer < other.writer);
        if !ascending || !is_signed(public_key, &self.message(), &self.signature) {
            return Err(LedgerError::Checkpoint(format!(
                "{} does not carry the signature of its key",
                self.number
            )));
        }
        Ok(())
    }

    /// Its digest (SHA-256): what the next checkpoint and the entry about it hold.
    pub fn digest(&self) -> Digest {
        let mut bytes = self.message();
        bytes.extend_from_slice(self.public_key.bytes());
        bytes.extend_from_slice(self.signature.bytes());
        sha256(&bytes)
    }

    /// The end of this writer's chain, where it had one.
    pub fn head(&self, writer: u64) -> Option<&Head> {
        let place = self
            .writers
            .binary_search_by_key(&writer, |head| head.writer);
        place.ok().and_then(|place| self.writers.get(place))
    }

    /// The entry that says that it was signed.
    pub(crate) fn seal(&self) -> Content {
        let mut content = Content::new(EntryKind::Seal, self.at);
        content.checkpoint = Some(self.number);
        content.checkpoint_digest = Some(self.digest());
        content
    }

    /// What is signed: every field has a length of its own, so no two documents share a message.
    fn message(&self) -> Vec<u8> {
        let mut message = b"kitelogik checkpoint\0".to_vec();
        message.extend_from_slice(&self.version.to_be_bytes());
        message.extend_from_slice(self.ledger.bytes());
        message.extend_from_slice(&self.number.to_be_bytes());
        message.extend_from_slice(&self.at.millis().to_be_bytes());
        message.extend_from_slice(self.previous.bytes());
        message.extend_from_slice(&(self.writers.len() as u64).to_be_bytes());
        for head in &self.writers {
            message.extend_from_slice(&head.writer.to_be_bytes());
            message.extend_from_slice(&head.count.to_be_bytes());
            message.extend_from_slice(head.head.bytes());
        }
        message
    }

    pub(crate) fn to_json(&self) -> Result<String, LedgerError> {
        serde_json::to_string(self).map_err(|error| LedgerError::Checkpoint(error.to_string()))
    }

    pub(crate) fn from_json(text: &str) -> Result<Self, LedgerError> {
        serde_json::from_str(text)
            .map_err(|error| LedgerError::Checkpoint(format!("does not read as one: {error}")))
    }
}
