use std::sync::Arc;

use crate::key::Key;
use crate::ledger::Ledger;
use crate::{KeyChange, LedgerError};

impl Ledger {
    /// Puts a new key in the place of the ledger's: a checkpoint is signed with the old key, its last; both keys
    /// sign the change, an entry tells of it, and the new key is in the key's file.
    ///
    /// Checkpoints of before go on to verify, by the old key. With `digests` the key of digests is another one,
    /// too: then digests of what came before no longer equal those of what comes after (each chain's first entry
    /// names the key of its own), requests that wait are over and are asked for anew, and denials
    /// no longer stick.
    ///
    /// With `digests` **this holds the ledger's writer until all requests for approval are sealed anew**, the ones that
    /// are over, too: where there are many, remove the old ones first ([`Ledger::retain`]). Removals of before are
    /// signed for once more, by the new key.
    ///
    /// **This ledger, and every other process's, must be opened anew**, with the new file: until then they record, but
    /// sign no checkpoint, and with `digests` approvals are refused. The old key is needed for nothing any more: what
    /// signs with it from here on is found.
    ///
    /// # Errors
    ///
    /// The ledger was opened for reading, its key was changed meanwhile ([`LedgerError::KeyChanged`]), or the
    /// file or the store could not be written. Open the ledger to learn which key holds: the new one lies beside the
    /// old one's file, and is taken if it does.
    pub async fn rotate_key(&self, digests: bool) -> Result<KeyChange, LedgerError> {
        let shared = self.shared();
        shared.store.writer()?;
        let (Some(old), Some(path)) = (shared.key.clone(), shared.key_file.clone()) else {
            return Err(LedgerError::ReadOnly);
        };
        let queue = shared.store.writer()?.queue();
        if !queue.is_idle() {
            self.audit().flush().await?;
        }
        // It is in a file before it counts: a crash in between leaves both, and opening takes the one that does.
        let new = Arc::new(Key::create_after(&old, digests, &path)?);
        match shared.store.rotate(old, Arc::clone(&new)).await {
            Ok(change) => {
                new.replace(&path)?;
                Ok(change)
            }
            Err(error @ LedgerError::KeyChanged) => {
                new.discard(&path);
                Err(error)
            }
            // The store may have it all the same: then opening finds the file.
            Err(error) => Err(error),
        }
    }
}
