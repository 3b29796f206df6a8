use serde::Serialize;

use crate::{LedgerError, Timestamp};

use super::checkpoint::Checkpoint;
use super::{AuditLog, Content, EntryKind};

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
    /// left, so that verifying goes on from it, and an entry tells of the removal.
    ///
    /// Requests for approval stay: [`Ledger::retain`](crate::Ledger::retain) removes the old ones of them, too.
    ///
    /// Removing is the one way in which entries leave the ledger. It is done piece by piece, so that
    /// gates can write meanwhile; interrupted, call it again.
    ///
    /// # Errors
    ///
    /// There is no such checkpoint, or the store could not be written.
    pub async fn retain(&self, before: Timestamp) -> Result<Retention, LedgerError> {
        let store = &self.shared.store;
        let Some(checkpoint) = store.checkpoint_before(before.millis()).await? else {
            return Err(LedgerError::Retention(format!(
                "no checkpoint was signed before {before}: only whole sealed segments are removed"
            )));
        };
        let keys = store.keys().await?.genuine()?;
        checkpoint.verify(&keys.of_checkpoint(checkpoint.number))?;
        let last = store.retained().await?.unwrap_or(0);
        if checkpoint.number > last {
            let mut entry = Content::new(EntryKind::Retention, Timestamp::now());
            entry.checkpoint = Some(checkpoint.number);
            entry.checkpoint_digest = Some(checkpoint.digest());
            entry.to = Some(before);
            store.begin_retention(checkpoint.clone(), entry).await?;
        }
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
