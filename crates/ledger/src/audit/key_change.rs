use serde::{Deserialize, Serialize};

use crate::key::{Digest, Key, PublicKey, Signature, is_signed, sha256};
use crate::{LedgerError, Timestamp};

use super::{Checkpoint, Content, EntryKind};

/// The word of a ledger's key that another takes over, and that other's word that it does.
///
/// Up to its checkpoint the key before signs, behind it the key after, and no other. Both have signed
/// it: so whoever trusts one of them trusts the other for its part, and nobody else can put a key in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KeyChange {
    /// The version of this document: 1.
    pub version: u32,
    /// The ledger's own id.
    pub ledger: Digest,
    /// Its number, from 1.
    pub number: u64,
    /// When it was signed.
    pub at: Timestamp,
    /// The digest of the change before; zeros for the first.
    pub previous: Digest,
    /// The last checkpoint that the key before signed.
    pub checkpoint: u64,
    /// The digest of that checkpoint, which holds those of all before it.
    pub checkpoint_digest: Digest,
    /// The key that signed up to here.
    pub before: PublicKey,
    /// The key that signs from here on.
    pub after: PublicKey,
    /// The id of the key of digests from here on. Where it is another than before, digests of equal values
    /// are no longer equal.
    pub digest_key: Digest,
    /// The signature over all of the above by the key before.
    pub signature: Signature,
    /// The same by the key after.
    pub countersignature: Signature,
}

impl KeyChange {
    const VERSION: u32 = 1;

    /// Signs that `after` takes over from `before` behind `checkpoint`.
    pub(crate) fn sign(
        before: &Key,
        after: &Key,
        last: Option<&Self>,
        checkpoint: &Checkpoint,
    ) -> Self {
        let mut change = Self {
            version: Self::VERSION,
            ledger: checkpoint.ledger,
            number: last.map_or(1, |last| last.number.saturating_add(1)),
            at: Timestamp::now(),
            previous: last.map(Self::digest).unwrap_or_default(),
            checkpoint: checkpoint.number,
            checkpoint_digest: checkpoint.digest(),
            before: before.public(),
            after: after.public(),
            digest_key: after.digest_key(),
            signature: Signature::default(),
            countersignature: Signature::default(),
        };
        let message = change.message();
        change.signature = before.sign(&message);
        change.countersignature = after.sign(&message);
        change
    }

    /// Its digest (SHA-256): what the next change and the entry about it hold.
    pub fn digest(&self) -> Digest {
        let mut bytes = self.message();
        bytes.extend_from_slice(self.signature.bytes());
        bytes.extend_from_slice(self.countersignature.bytes());
        sha256(&bytes)
    }

    /// The entry that tells of it.
    pub(crate) fn entry(&self) -> Content {
        let mut content = Content::new(EntryKind::KeyChange, self.at);
        content.checkpoint = Some(self.checkpoint);
        content.checkpoint_digest = Some(self.checkpoint_digest);
        content.digest_key = Some(self.digest_key);
        content.key_change = Some(self.number);
        content.key_change_digest = Some(self.digest());
        content
    }

    /// Whether it follows `last`, in the ledger whose first key is `first`, and both keys signed it.
    fn follows(&self, ledger: Digest, first: PublicKey, last: Option<&Self>) -> bool {
        let message = self.message();
        self.version == Self::VERSION
            && self.ledger == ledger
            && self.number == last.map_or(1, |last| last.number.saturating_add(1))
            && self.previous == last.map(Self::digest).unwrap_or_default()
            && self.checkpoint > last.map_or(0, |last| last.checkpoint)
            && self.before == last.map_or(first, |last| last.after)
            && is_signed(&self.before, &message, &self.signature)
            && is_signed(&self.after, &message, &self.countersignature)
    }

    /// What is signed: every field has a length of its own, so no two documents share a message, and none
    /// is that of a checkpoint.
    fn message(&self) -> Vec<u8> {
        let mut message = b"kitelogik key change\0".to_vec();
        message.extend_from_slice(&self.version.to_be_bytes());
        message.extend_from_slice(self.ledger.bytes());
        message.extend_from_slice(&self.number.to_be_bytes());
        message.extend_from_slice(&self.at.millis().to_be_bytes());
        message.extend_from_slice(self.previous.bytes());
        message.extend_from_slice(&self.checkpoint.to_be_bytes());
        message.extend_from_slice(self.checkpoint_digest.bytes());
        message.extend_from_slice(self.before.bytes());
        message.extend_from_slice(self.after.bytes());
        message.extend_from_slice(self.digest_key.bytes());
        message
    }

    pub(crate) fn to_json(&self) -> Result<String, LedgerError> {
        serde_json::to_string(self)
            .map_err(|error| LedgerError::store("writing a change of the key", error))
    }
}

/// The keys of a ledger, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Keys {
    first: PublicKey,
    changes: Vec<KeyChange>,
    /// The number of the first change that is not genuine. What comes after it counts for nothing.
    broken: Option<u64>,
}

impl Keys {
    /// The keys of `ledger`, whose first is `first`, with the changes as they lie in the store.
    pub(crate) fn read(ledger: Digest, first: PublicKey, changes: &[String]) -> Self {
        let mut keys = Self {
            first,
            changes: Vec::new(),
            broken: None,
        };
        for text in changes {
            let last = keys.changes.last();
            let change = serde_json::from_str::<KeyChange>(text)
                .ok()
                .filter(|change| change.follows(ledger, first, last));
            match change {
                Some(change) => keys.changes.push(change),
                None => {
                    keys.broken = Some(last.map_or(1, |last| last.number.saturating_add(1)));
                    break;
                }
            }
        }
        keys
    }

    /// The same, where all of it is genuine: what is written with it must be.
    pub(crate) fn genuine(self) -> Result<Self, LedgerError> {
        match self.broken {
            None => Ok(self),
            Some(number) => Err(LedgerError::Checkpoint(format!(
                "keys cannot be told: change {number} of the ledger's key is not genuine"
            ))),
        }
    }

    pub(crate) fn changes(&self) -> &[KeyChange] {
        &self.changes
    }

    pub(crate) fn broken(&self) -> Option<u64> {
        self.broken
    }

    /// The key that the ledger was made with.
    #[cfg(feature = "sqlite")]
    pub(crate) fn first(&self) -> PublicKey {
        self.first
    }

    /// The key that signs now.
    pub(crate) fn current(&self) -> PublicKey {
        self.changes.last().map_or(self.first, |last| last.after)
    }

    /// The key that signs, or signed, the checkpoint with this number.
    pub(crate) fn of_checkpoint(&self, number: u64) -> PublicKey {
        let change = self
            .changes
            .iter()
            .find(|change| number <= change.checkpoint);
        change.map_or_else(|| self.current(), |change| change.before)
    }

    /// The change behind the checkpoint with this number.
    pub(crate) fn change_behind(&self, number: u64) -> Option<&KeyChange> {
        self.changes
            .iter()
            .find(|change| change.checkpoint == number)
    }

    /// Whether this is one of them.
    pub(crate) fn include(&self, key: &PublicKey) -> bool {
        self.first == *key || self.changes.iter().any(|change| change.after == *key)
    }

    /// Whether `key` signs now, so that what it writes counts.
    pub(crate) fn check(&self, key: &Key) -> Result<(), LedgerError> {
        if self.current() == key.public() {
            Ok(())
        } else {
            Err(LedgerError::KeyChanged)
        }
    }

    /// Whether the digests that `key` makes are those of the ledger, as far as it tells.
    pub(crate) fn check_digests(&self, key: &Key) -> Result<(), LedgerError> {
        match self.changes.last() {
            Some(last) if last.digest_key != key.digest_key() => Err(LedgerError::KeyChanged),
            _ => Ok(()),
        }
    }
}
