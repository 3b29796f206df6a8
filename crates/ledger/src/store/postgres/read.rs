use tokio_postgres::types::ToSql;
use tokio_postgres::{GenericClient, Row};

use super::audit::unsigned;
use crate::LedgerError;
use crate::audit::{Chain, Columns, Stored};
use crate::hex::Hex;
use crate::store::statements::{self, Found, Param, Raw, WriterRow};

/// All rows of `sql`.
pub(in crate::store) async fn all(
    client: &impl GenericClient,
    sql: &str,
    params: &[Param],
) -> Result<Vec<Row>, LedgerError> {
    Ok(client.query(sql, &parameters(params)).await?)
}

/// Parameters as the driver takes them.
pub(super) fn parameters(params: &[Param]) -> Vec<&(dyn ToSql + Sync)> {
    params
        .iter()
        .map(|param| -> &(dyn ToSql + Sync) {
            match param {
                Param::Text(text) => text,
                Param::Number(number) => number,
            }
        })
        .collect()
}

pub(in crate::store) async fn fetch(
    client: &impl GenericClient,
    sql: &str,
    params: &[Param],
) -> Result<Vec<Found>, LedgerError> {
    // What has no type of its own is text to PostgreSQL: the place of an outcome is a number.
    let sql = sql.replace("NULL, NULL, NULL", "NULL::bigint, NULL::bytea, NULL::bytea");
    let rows = all(client, &sql, params).await?;
    rows.iter()
        .map(|row| {
            let writer = unsigned(row.try_get(0)?);
            let raw = |sequence: i64, hash: usize, body: usize| {
                Ok::<_, tokio_postgres::Error>(Raw {
                    writer,
                    sequence: unsigned(sequence),
                    hash: row.try_get(hash)?,
                    body: row.try_get(body)?,
                })
            };
            Ok(Found {
                entry: raw(row.try_get(1)?, 2, 3)?,
                outcome: row
                    .try_get::<_, Option<i64>>(4)?
                    .map(|sequence| raw(sequence, 5, 6))
                    .transpose()?,
            })
        })
        .collect()
}

pub(in crate::store) async fn chain(
    client: &impl GenericClient,
    params: &[Param],
) -> Result<Vec<Stored>, LedgerError> {
    let rows = all(client, statements::CHAIN, params).await?;
    rows.iter()
        .map(|row| {
            Ok(Stored {
                writer: unsigned(row.try_get(0)?),
                sequence: unsigned(row.try_get(1)?),
                hash: row.try_get(2)?,
                body: row.try_get(3)?,
                columns: Columns {
                    kind: row.try_get(4)?,
                    at: row.try_get(5)?,
                    decision_id: row.try_get(6)?,
                    session: row.try_get(7)?,
                    principal: row.try_get(8)?,
                    tenant: row.try_get(9)?,
                    tool: row.try_get(10)?,
                    action: row.try_get(11)?,
                    verdict: row.try_get(12)?,
                    tier: row.try_get(13)?,
                    rules: row.try_get(14)?,
                    fail_closed: row.try_get(15)?,
                    request: row.try_get(16)?,
                    refers: row.try_get(17)?,
                    outcome: row.try_get(18)?,
                },
            })
        })
        .collect()
}

pub(in crate::store) async fn heads(
    client: &impl GenericClient,
) -> Result<Vec<Chain>, LedgerError> {
    let rows = all(client, statements::HEADS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Chain {
                writer: unsigned(row.try_get(0)?),
                count: unsigned(row.try_get(1)?),
                head: Hex::from_slice(row.try_get(2)?),
            })
        })
        .collect()
}

pub(in crate::store) async fn writers(
    client: &impl GenericClient,
) -> Result<Vec<WriterRow>, LedgerError> {
    let rows = all(client, statements::WRITERS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(WriterRow {
                writer: unsigned(row.try_get(0)?),
                name: row.try_get(1)?,
                host: row.try_get(2)?,
                process: unsigned(row.try_get(3)?),
                started: row.try_get(4)?,
            })
        })
        .collect()
}
