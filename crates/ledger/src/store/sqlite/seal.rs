use rusqlite::{Connection, params};

use super::Sqlite;
use super::audit::{failed, signed};
use super::{read, removal as removals, rotation};
use crate::audit::{Checkpoint, Entries, removal};
use crate::key::Key;
use crate::store::statements;
use crate::{Digest, LedgerError, PublicKey, Timestamp};

/// Signs a checkpoint, within a transaction, and adds the entry about it.
pub(super) fn seal(
    connection: &Connection,
    key: &Key,
    ledger: Digest,
    first: PublicKey,
    entries: &mut Entries,
) -> Result<Checkpoint, LedgerError> {
    rotation::keys(connection, ledger, first)?.check(key)?;
    let last = read::texts(connection, statements::LAST_CHECKPOINT, &[])?;
    let last = last
        .first()
        .map(|text| Checkpoint::from_json(text))
        .transpose()?;
    let heads = read::heads(connection)?.into_iter().map(Into::into);
    let now = Timestamp::now();
    let checkpoint = Checkpoint::sign(key, ledger, last.as_ref(), now, heads.collect());
    connection
        .execute(
            statements::ADD_CHECKPOINT,
            params![
                signed(checkpoint.number),
                checkpoint.at.millis(),
                checkpoint.to_json()?
            ],
        )
        .map_err(failed)?;
    entries.append(&checkpoint.seal());
    Ok(checkpoint)
}

impl Sqlite {
    /// Signs a checkpoint and adds the entry about it.
    pub(crate) async fn seal(&self) -> Result<Checkpoint, LedgerError> {
        let (ledger, first) = (self.id, self.first_key);
        let key = self.key.clone().ok_or(LedgerError::ReadOnly)?;
        self.write(move |connection, entries| seal(connection, &key, ledger, first, entries))
            .await
    }

    /// Lets go of all entries up to `checkpoint`, and tells of it, unless that was done before.
    pub(crate) async fn begin_retention(
        &self,
        checkpoint: Checkpoint,
        before: Timestamp,
    ) -> Result<(), LedgerError> {
        let (ledger, first) = (self.id, self.first_key);
        let key = self.key.clone().ok_or(LedgerError::ReadOnly)?;
        self.write(move |connection, entries| {
            rotation::keys(connection, ledger, first)?.check(&key)?;
            let cut = removals::cut(connection, ledger, first).map_err(failed)?;
            if let Some(cut) = cut {
                cut.check()?;
                if checkpoint.number <= cut.number {
                    return Ok(());
                }
            }
            for head in &checkpoint.writers {
                connection
                    .execute(
                        statements::ALLOW_REMOVAL,
                        params![
                            signed(head.writer),
                            signed(head.count),
                            signed(checkpoint.number)
                        ],
                    )
                    .map_err(failed)?;
            }
            entries.append(&removal::entry(&key, &checkpoint, before));
            Ok(())
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
        self.write(move |connection, _| {
            connection
                .prepare_cached(statements::REMOVE)
                .and_then(|mut statement| {
                    statement.execute(params![signed(writer), signed(count), limit])
                })
                .map(|removed| removed as u64)
                .map_err(failed)
        })
        .await
    }
}
