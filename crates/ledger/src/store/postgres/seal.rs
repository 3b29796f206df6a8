use tokio_postgres::Transaction;

use super::audit::signed;
use super::{Inner, Postgres, read, rotation};
use crate::audit::{Checkpoint, Content, Entries};
use crate::key::Key;
use crate::store::statements;
use crate::{Digest, LedgerError, PublicKey};

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
    let checkpoint = Checkpoint::sign(key, ledger, last.as_ref(), heads);
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

    /// Lets go of all entries up to `checkpoint`; `entry` tells of it.
    pub(crate) async fn begin_retention(
        &self,
        checkpoint: Checkpoint,
        entry: Content,
    ) -> Result<(), LedgerError> {
        self.write(|transaction, entries| {
            Box::pin(async move {
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
                entries.append(&entry);
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
