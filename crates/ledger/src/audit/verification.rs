use serde::Serialize;

use crate::PublicKey;

use super::check::Problem;
use super::checkpoint::Checkpoint;

/// How many problems are listed: 100. There is at most one for each chain.
pub(super) const MAX_PROBLEMS: usize = 100;

/// What a ledger is held against.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    pub(super) public_keys: Vec<PublicKey>,
    pub(super) checkpoints: Vec<Checkpoint>,
}

/// What came of looking at every record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// How many entries there are, of all chains.
    pub records: u64,
    /// How many chains.
    pub writers: u64,
    /// How many checkpoints were held against them, the ones kept elsewhere included.
    pub checkpoints: u64,
    /// The number of the checkpoint up to which old records were removed in order.
    pub removed_up_to: Option<u64>,
    /// How many entries lie behind the last checkpoint: nothing but the chain itself proves that
    /// there were no more of them.
    pub unsealed: u64,
    /// What is wrong, the first bad record of each chain; empty where everything is whole.
    pub problems: Vec<Problem>,
}

impl VerifyOptions {
    /// The ledger against itself: its chains, and the checkpoints in it, by the key that it names.
    pub fn new() -> Self {
        Self::default()
    }

    /// A key that is trusted to sign checkpoints; may be given several times. Whoever can write the store can
    /// put another one in it: only a key that was kept elsewhere proves who signed.
    ///
    /// Each must be one of the ledger's. Where its key was changed, those before and after that a trusted key
    /// vouches for are trusted for their part ([`KeyChange`](crate::KeyChange)). **Give the last one**: somebody who
    /// has an older one could write another ledger from its time on, in which the last does not occur.
    #[must_use]
    pub fn public_key(mut self, key: PublicKey) -> Self {
        self.public_keys.push(key);
        self
    }

    /// A checkpoint that was kept elsewhere.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint: Checkpoint) -> Self {
        self.checkpoints.push(checkpoint);
        self
    }
}

impl VerifyOptions {
    pub(super) fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// The key by which a checkpoint is to be looked at where nothing tells of changes: its own, if that is
    /// trusted or nothing is said.
    pub(super) fn key_of<'a>(&'a self, checkpoint: &'a Checkpoint) -> &'a PublicKey {
        let own = &checkpoint.public_key;
        match self.public_keys.first() {
            Some(first) if !self.public_keys.contains(own) => first,
            _ => own,
        }
    }
}

impl Verification {
    /// Whether everything is whole.
    pub fn is_intact(&self) -> bool {
        self.problems.is_empty()
    }
}
