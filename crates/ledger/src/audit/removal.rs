//! What was removed of the record, and the key's word that it was to be.

use crate::key::{Digest, Key, PublicKey, is_signed};
use crate::store::statements::Raw;
use crate::{LedgerError, Timestamp};

use super::{Checkpoint, Content, EntryKind, Keys};

/// The version of what is signed: 1.
const VERSION: u32 = 1;

/// The entry that says that what `checkpoint` holds is removed, because all is that was sealed before `before`.
///
/// It is signed: whoever can write the store can take entries out of it, and write one that tells of it with a
/// fitting hash. Only who has the key can say that it was in order.
pub(crate) fn entry(key: &Key, checkpoint: &Checkpoint, before: Timestamp) -> Content {
    let mut entry = Content::new(EntryKind::Retention, Timestamp::now());
    entry.checkpoint = Some(checkpoint.number);
    entry.checkpoint_digest = Some(checkpoint.digest());
    entry.to = Some(before);
    entry.signature = Some(key.sign(&message(checkpoint, entry.at, before)));
    entry
}

/// Whether `entry` says so of `checkpoint`, with the signature of the other half of `key`.
fn is_word(entry: &Content, checkpoint: &Checkpoint, key: &PublicKey) -> bool {
    let (Some(before), Some(signature)) = (entry.to, &entry.signature) else {
        return false;
    };
    entry.kind == EntryKind::Retention
        && entry.checkpoint == Some(checkpoint.number)
        && entry.checkpoint_digest == Some(checkpoint.digest())
        && is_signed(key, &message(checkpoint, entry.at, before), signature)
}

/// What is signed: every field has a length of its own, and none is that of a checkpoint or of a change of the key.
/// The checkpoint's digest holds where each chain is cut.
fn message(checkpoint: &Checkpoint, at: Timestamp, before: Timestamp) -> Vec<u8> {
    let mut message = b"kitelogik retention\0".to_vec();
    message.extend_from_slice(&VERSION.to_be_bytes());
    message.extend_from_slice(checkpoint.ledger.bytes());
    message.extend_from_slice(&at.millis().to_be_bytes());
    message.extend_from_slice(&checkpoint.number.to_be_bytes());
    message.extend_from_slice(checkpoint.digest().bytes());
    message.extend_from_slice(&before.millis().to_be_bytes());
    message
}

/// What a store says of removals; anybody who can write it may have said it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Removals {
    /// Up to where entries may be removed, of each chain of which some may be.
    pub(crate) limits: Vec<Limit>,
    /// The checkpoint that is left in their place.
    pub(crate) checkpoint: Option<String>,
    /// The entries that tell of removals.
    pub(crate) told: Vec<Raw>,
}

/// A row of `audit_retention`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) writer: u64,
    pub(crate) count: u64,
    pub(crate) checkpoint: u64,
}

impl Removals {
    /// The number of the checkpoint up to which entries were removed.
    pub(crate) fn number(limits: &[Limit]) -> Option<u64> {
        limits.iter().map(|limit| limit.checkpoint).max()
    }

    /// Up to where entries were removed, if any were, and whether the key that signs now has said so. The word of a
    /// key before it is worth nothing: whoever has taken that one could have given it since.
    pub(crate) fn cut(&self, ledger: Digest, keys: &Keys) -> Option<Cut> {
        let number = Self::number(&self.limits)?;
        let text = self.checkpoint.as_deref();
        let checkpoint = text.and_then(|text| Checkpoint::from_json(text).ok());
        let is_genuine = |checkpoint: &Checkpoint| {
            checkpoint.number == number
                && checkpoint.ledger == ledger
                && checkpoint.verify(&keys.of_checkpoint(number)).is_ok()
        };
        let checkpoint = match (checkpoint.filter(is_genuine), text) {
            (Some(checkpoint), _) => checkpoint,
            (None, Some(_)) => return Some(Cut::doubted(number, None, "which is not genuine")),
            (None, None) => return Some(Cut::doubted(number, None, "which is missing")),
        };
        let read = self.told.iter().filter_map(|raw| raw.read().ok());
        let word = read
            .map(|entry| entry.content)
            .find(|entry| is_word(entry, &checkpoint, &keys.current()));
        let Some(before) = word.and_then(|word| word.to) else {
            let why = "and no record that the ledger's key signed tells of it";
            return Some(Cut::doubted(number, Some(checkpoint), why));
        };
        let is_held = |limit: &Limit| {
            let head = checkpoint.head(limit.writer);
            head.is_some_and(|head| head.count == limit.count)
        };
        if !self.limits.iter().all(is_held) {
            let why = "and may be removed further than it goes";
            return Some(Cut::doubted(number, Some(checkpoint), why));
        }
        Some(Cut {
            number,
            checkpoint: Some(checkpoint),
            word: Ok(before),
        })
    }
}

/// Up to where entries were removed.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) number: u64,
    /// Where each chain begins since; none where that cannot be told.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// What was to be older than this by the key's word, or why there is no such word.
    word: Result<Timestamp, String>,
}

impl Cut {
    fn doubted(number: u64, checkpoint: Option<Checkpoint>, why: &str) -> Self {
        Self {
            number,
            checkpoint,
            word: Err(format!(
                "records were removed up to checkpoint {number}, {why}"
            )),
        }
    }

    /// Why it is not to be believed.
    pub(crate) fn doubt(&self) -> Option<&str> {
        self.word.as_ref().err().map(String::as_str)
    }

    /// Nothing more is removed behind a removal that is not to be believed: it would be covered.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        match &self.word {
            Ok(_) => Ok(()),
            Err(why) => Err(LedgerError::Retention(format!(
                "{why}: `verify`, and nothing more is removed"
            ))),
        }
    }

    /// Whether something that was written since `at` may have been removed.
    pub(crate) fn may_have_removed(&self, at: Timestamp) -> bool {
        match (&self.word, &self.checkpoint) {
            (Ok(_), Some(checkpoint)) => at <= checkpoint.at,
            _ => true,
        }
    }

    /// The same word by the key that takes over, where this one is to be believed.
    pub(crate) fn said_again(&self, key: &Key) -> Option<Content> {
        match (&self.word, &self.checkpoint) {
            (Ok(before), Some(checkpoint)) => Some(entry(key, checkpoint, *before)),
            _ => None,
        }
    }
}
