use tokio_postgres::Transaction;

use super::audit::signed;
use super::{Inner, Postgres, approvals, read, removal as removals, rotation};
use crate::audit::{Checkpoint, Entries, removal};
use crate::key::Key;
use crate::store::statements;
use crate::{Digest, LedgerError, PublicKey, Timestamp};

/// One process at a time signs a checkpoint. A number of this program's own.
const ALONE: &str = "SELECT pg_advisory_xact_lock(7386517321945072)";

impl Inner {
    /// Signs a checkpoint and adds the entry about it.
    pub(super) async fn seal(&self) -> Result<Checkpoint, LedgerError> {
        let key = self.key.clone().ok_or(LedgerError::ReadOnly)?;
        let (ledger, first) = (self.id, self.first_key);
        self.write(|transaction, entries| {
            Box::pin(async move { seal(transaction, &key, ledger, first, entries).await })
        })
        .await
    }
}

/// Signs a checkpoint, within a transaction, and adds the entry about it.
pub(super) async fn seal(
    transaction: &Transaction<'_>,
    key: &Key,
    ledger: Digest,
    first: PublicKey,
    entries: &mut Entries,
) -> Result<Checkpoint, LedgerError> {
    transaction.batch_execute(ALONE).await?;
    let keys = rotation::keys(transaction, ledger, first).await?;
    keys.check(key)?;
    let last = transaction
        .query_opt(statements::LAST_CHECKPOINT, &[])
        .await?;
    let last = match last {
        Some(row) => Some(Checkpoint::from_json(row.try_get(0)?)?),
        None => None,
    };
    let heads = read::heads(transaction).await?;
    let heads = heads.into_iter().map(Into::into).collect();
    // By the clock of the requests for approval whose steps it holds, and read behind them.
    let now = approvals::now(transaction).await?;
    let checkpoint = Checkpoint::sign(key, ledger, last.as_ref(), now, heads);
    transaction
        .execute(
            statements::ADD_CHECKPOINT,
            &[
                &signed(checkpoint.number),
                &checkpoint.at.millis(),
                &checkpoint.to_json()?,
            ],
        )
        .await?;
    entries.append(&checkpoint.seal());
    Ok(checkpoint)
}

impl Postgres {
    /// Signs a checkpoint and adds the entry about it.
    pub(crate) async fn seal(&self) -> Result<Checkpoint, LedgerError> {
        self.inner.seal().await
    }

    /// Lets go of all entries up to `checkpoint`, and tells of it, unless that was done before.
    pub(crate) async fn begin_retention(
        &self,
        checkpoint: Checkpoint,
        before: Timestamp,
    ) -> Result<(), LedgerError> {
        let (ledger, first) = (self.inner.id, self.inner.first_key);
        let key = self.inner.key.clone().ok_or(LedgerError::ReadOnly)?;
        self.write(move |transaction, entries| {
            Box::pin(async move {
                transaction.batch_execute(ALONE).await?;
                rotation::keys(transaction, ledger, first)
                    .await?
                    .check(&key)?;
                if let Some(cut) = removals::cut(transaction, ledger, first).await? {
                    cut.check()?;
                    if checkpoint.number <= cut.number {
                        return Ok(());
                    }
                }
                for head in &checkpoint.writers {
                    transaction
                        .execute(
                            statements::ALLOW_REMOVAL,
                            &[
                                &signed(head.writer),
                                &signed(head.count),
                                &signed(checkpoint.number),
                            ],
                        )
                        .await?;
                }
                entries.append(&removal::entry(&key, &checkpoint, before));
                Ok(())
            })
        })
        .await
    }

    /// Removes some of the entries up to `count` of a chain; gives how many.
    pub(crate) async fn remove(
        &self,
        writer: u64,
        count: u64,
        limit: i64,
    ) -> Result<u64, LedgerError> {
        let client = self.client().await?;
        Ok(client
            .execute(
                statements::REMOVE,
                &[&signed(writer), &signed(count), &limit],
            )
            .await?)
    }
}
