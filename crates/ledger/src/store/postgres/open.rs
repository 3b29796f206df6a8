//! Bringing the schema up to date, and what the database says of the ledger.

use tokio_postgres::{Client, GenericClient};

use crate::hex::Hex;
use crate::store::migrations;
use crate::{Digest, LedgerError, PublicKey};

/// One process at a time looks at the schema and changes it. A number of this program's own.
const ALONE: &str = "SELECT pg_advisory_xact_lock(7386517321945070)";

/// Brings the schema up to date, all of it or nothing.
pub(super) async fn migrate(client: &mut Client) -> Result<(), LedgerError> {
    let found = version(client).await?;
    if found == Some(migrations::latest()) {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction.batch_execute(ALONE).await?;
    transaction
        .batch_execute(
            "CREATE SCHEMA IF NOT EXISTS kitelogik;
             CREATE TABLE IF NOT EXISTS ledger_schema (version bigint NOT NULL)",
        )
        .await?;
    // Another process may have done it while this one waited.
    let found = version(&transaction).await?.unwrap_or(0);
    for migration in migrations::missing(found) {
        transaction.batch_execute(migration.postgres).await?;
    }
    transaction
        .execute("DELETE FROM ledger_schema", &[])
        .await?;
    transaction
        .execute(
            "INSERT INTO ledger_schema (version) VALUES ($1)",
            &[&migrations::latest()],
        )
        .await?;
    Ok(transaction.commit().await?)
}

/// The schema's version; none where there is no ledger.
pub(super) async fn version(client: &impl GenericClient) -> Result<Option<i64>, LedgerError> {
    let there = client
        .query_one(
            "SELECT to_regclass('kitelogik.ledger_schema') IS NOT NULL",
            &[],
        )
        .await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let found: Option<i64> = client
        .query_one("SELECT max(version) FROM kitelogik.ledger_schema", &[])
        .await?
        .try_get(0)?;
    let known = migrations::latest();
    match found {
        Some(found) if found > known => Err(LedgerError::Newer { found, known }),
        found => Ok(found),
    }
}

/// The ledger's own id and public key.
pub(super) async fn identity(
    client: &impl GenericClient,
) -> Result<Option<(Digest, PublicKey)>, LedgerError> {
    let row = client
        .query_opt("SELECT id, public_key FROM audit_ledger", &[])
        .await?;
    row.map(|row| {
        Ok((
            Hex::from_slice(row.try_get(0)?),
            Hex::from_slice(row.try_get(1)?),
        ))
    })
    .transpose()
}

/// Gives a new ledger its id and key; where another process was faster, its are left.
pub(super) async fn found(
    client: &mut Client,
    id: &Digest,
    public_key: &PublicKey,
) -> Result<(), LedgerError> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(ALONE).await?;
    transaction
        .execute(
            "INSERT INTO audit_ledger (id, public_key)
             SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM audit_ledger)",
            &[&id.bytes().as_slice(), &public_key.bytes().as_slice()],
        )
        .await?;
    Ok(transaction.commit().await?)
}
