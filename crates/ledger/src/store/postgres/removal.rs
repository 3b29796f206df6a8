use tokio_postgres::{Error, GenericClient, Transaction};

use super::audit::{signed, unsigned};
use crate::audit::{Cut, Keys, Limit, Removals};
use crate::store::rotation::CHANGES;
use crate::store::statements::{self, Raw};
use crate::{Digest, PublicKey};

/// Nobody lets go of more, or signs a checkpoint, until the transaction ends.
const HELD: &str = "SELECT pg_advisory_xact_lock_shared(7386517321945072)";

/// What the store says of removals.
pub(in crate::store) async fn removals(client: &impl GenericClient) -> Result<Removals, Error> {
    let limits = limits(client).await?;
    let Some(number) = Removals::number(&limits) else {
        return Ok(Removals::default());
    };
    let checkpoint = client
        .query_opt(statements::CHECKPOINT, &[&signed(number)])
        .await?;
    let checkpoint = checkpoint.map(|row| row.try_get(0)).transpose()?;
    let mut told = Vec::new();
    for row in client.query(statements::TOLD, &[]).await? {
        told.push(Raw {
            writer: unsigned(row.try_get(0)?),
            sequence: unsigned(row.try_get(1)?),
            hash: row.try_get(2)?,
            body: row.try_get(3)?,
        });
    }
    Ok(Removals {
        limits,
        checkpoint,
        told,
    })
}

/// Up to where entries were removed, which stays so until the transaction ends.
pub(super) async fn cut(
    transaction: &Transaction<'_>,
    ledger: Digest,
    first: PublicKey,
) -> Result<Option<Cut>, Error> {
    if limits(transaction).await?.is_empty() {
        return Ok(None);
    }
    transaction.batch_execute(HELD).await?;
    let removals = removals(transaction).await?;
    let mut changes = Vec::new();
    for row in transaction.query(CHANGES, &[]).await? {
        changes.push(row.try_get(0)?);
    }
    Ok(removals.cut(ledger, &Keys::read(ledger, first, &changes)))
}

async fn limits(client: &impl GenericClient) -> Result<Vec<Limit>, Error> {
    let rows = client.query(statements::LIMITS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Limit {
                writer: unsigned(row.try_get(0)?),
                count: unsigned(row.try_get(1)?),
                checkpoint: unsigned(row.try_get(2)?),
            })
        })
        .collect()
}
