use std::sync::Arc;

use serde::Serialize;

use crate::approvals::ApprovalKey;
use crate::store::ApprovalStore;
use crate::{LedgerError, Timestamp};

use super::AuditLog;
use super::checkpoint::Checkpoint;

/// How many entries one transaction removes, so that others do not wait for long.
const CHUNK: i64 = 2_000;

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Retention {
    /// The checkpoint that is left in the place of what was removed.
    pub checkpoint: u64,
    /// How many entries were removed.
    pub removed: u64,
    /// How many requests for approval were removed: none by [`AuditLog::retain`], which leaves them.
    pub approvals: u64,
}

impl AuditLog {
    /// Signs a checkpoint: where all chains end at this moment. Keep it elsewhere.
    ///
    /// # Errors
    ///
    /// The store could not be written, or was opened for reading.
    pub async fn checkpoint(&self) -> Result<Checkpoint, LedgerError> {
        if let Ok(queue) = self.queue()
            && !queue.is_idle()
        {
            self.flush().await?;
        }
        self.shared.store.seal().await
    }

    /// Removes what is sealed by the last checkpoint that was signed before `before`; the checkpoint is
    /// left, so that verifying goes on from it, and an entry that the ledger's key signs tells of the removal: nobody
    /// without the key can pass a removal off as this.
    ///
    /// No checkpoint counts that was signed since the oldest request for approval was made whose time is not over,
    /// however it was decided: its use stays in the record, so that it cannot be used again. With requests that can be
    /// used for long ([`ApprovalOptions::expiry`](crate::ApprovalOptions::expiry)), more stays.
    ///
    /// Requests for approval stay: [`Ledger::retain`](crate::Ledger::retain) removes the old ones of them, too.
    ///
    /// Removing is the one way in which entries leave the ledger. It is done piece by piece, so that
    /// gates can write meanwhile; interrupted, call it again.
    ///
    /// # Errors
    ///
    /// There is no such checkpoint, the ledger's key was changed since it was opened, something was removed that the
    /// key did not sign for, or the store could not be written.
    pub async fn retain(&self, before: Timestamp) -> Result<Retention, LedgerError> {
        let store = &self.shared.store;
        store.writer()?;
        let key = self.shared.key.clone().map(ApprovalKey::new);
        let approvals = ApprovalStore::new(Arc::clone(&self.shared), key);
        let oldest = approvals.oldest_in_time().await?;
        let limit = oldest.map_or(before.millis(), |oldest| {
            before.millis().min(oldest.millis().saturating_sub(1))
        });
        let Some(checkpoint) = store.checkpoint_before(limit).await? else {
            return Err(LedgerError::Retention(format!(
                "no checkpoint was signed before {}{}: only whole sealed segments are removed",
                Timestamp::from_millis(limit),
                match limit < before.millis() {
                    true => ", when a request for approval was made whose time is not over",
                    false => "",
                }
            )));
        };
        let keys = store.keys().await?.genuine()?;
        checkpoint.verify(&keys.of_checkpoint(checkpoint.number))?;
        store.begin_retention(checkpoint.clone(), before).await?;
        let mut removed = 0_u64;
        for head in &checkpoint.writers {
            loop {
                let some = store.remove(head.writer, head.count, CHUNK).await?;
                if some == 0 {
                    break;
                }
                removed = removed.saturating_add(some);
            }
        }
        Ok(Retention {
            checkpoint: checkpoint.number,
            removed,
            approvals: 0,
        })
    }
}
