use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Rows, ToSql, params_from_iter};

use super::audit::unsigned;
use crate::LedgerError;
use crate::audit::{Chain, Columns, Stored};
use crate::hex::Hex;
use crate::store::statements::{self, Found, Param, Raw, WriterRow};

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Number(number) => ToSqlOutput::from(*number),
        })
    }
}

fn failed(error: rusqlite::Error) -> LedgerError {
    LedgerError::store("reading the ledger", error)
}

/// All rows of `sql`, each read by `read`.
fn all<T>(
    connection: &Connection,
    sql: &str,
    params: &[Param],
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, LedgerError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows: Rows<'_> = statement.query(params_from_iter(params)).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(read(row).map_err(failed)?);
    }
    Ok(found)
}

pub(in crate::store) fn fetch(
    connection: &Connection,
    sql: &str,
    params: &[Param],
) -> Result<Vec<Found>, LedgerError> {
    all(connection, sql, params, |row| {
        let writer = unsigned(row.get(0)?);
        let raw = |sequence: i64, hash: usize, body: usize| {
            Ok::<_, rusqlite::Error>(Raw {
                writer,
                sequence: unsigned(sequence),
                hash: row.get(hash)?,
                body: row.get(body)?,
            })
        };
        Ok(Found {
            entry: raw(row.get(1)?, 2, 3)?,
            outcome: row
                .get::<_, Option<i64>>(4)?
                .map(|sequence| raw(sequence, 5, 6))
                .transpose()?,
        })
    })
}

pub(in crate::store) fn chain(
    connection: &Connection,
    params: &[Param],
) -> Result<Vec<Stored>, LedgerError> {
    all(connection, statements::CHAIN, params, |row| {
        Ok(Stored {
            writer: unsigned(row.get(0)?),
            sequence: unsigned(row.get(1)?),
            hash: row.get(2)?,
            body: row.get(3)?,
            columns: Columns {
                kind: row.get(4)?,
                at: row.get(5)?,
                decision_id: row.get(6)?,
                session: row.get(7)?,
                principal: row.get(8)?,
                tenant: row.get(9)?,
                tool: row.get(10)?,
                action: row.get(11)?,
                verdict: row.get(12)?,
                tier: row.get(13)?,
                rules: row.get(14)?,
                fail_closed: row.get(15)?,
                request: row.get(16)?,
                refers: row.get(17)?,
                outcome: row.get(18)?,
            },
        })
    })
}

pub(in crate::store) fn heads(connection: &Connection) -> Result<Vec<Chain>, LedgerError> {
    all(connection, statements::HEADS, &[], |row| {
        Ok(Chain {
            writer: unsigned(row.get(0)?),
            count: unsigned(row.get(1)?),
            head: Hex::from_slice(&row.get::<_, Vec<u8>>(2)?),
        })
    })
}

pub(in crate::store) fn writers(connection: &Connection) -> Result<Vec<WriterRow>, LedgerError> {
    all(connection, statements::WRITERS, &[], |row| {
        Ok(WriterRow {
            writer: unsigned(row.get(0)?),
            name: row.get(1)?,
            host: row.get(2)?,
            process: unsigned(row.get(3)?),
            started: row.get(4)?,
        })
    })
}

pub(in crate::store) fn numbers(
    connection: &Connection,
    sql: &str,
    params: &[Param],
) -> Result<Vec<Option<i64>>, LedgerError> {
    all(connection, sql, params, |row| row.get(0))
}

pub(in crate::store) fn texts(
    connection: &Connection,
    sql: &str,
    params: &[Param],
) -> Result<Vec<String>, LedgerError> {
    all(connection, sql, params, |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations;

    #[test]
    fn where_chains_end_is_found_without_reading_them() {
        let connection = Connection::open_in_memory().unwrap();
        for migration in migrations::MIGRATIONS {
            connection.execute_batch(migration.sqlite).unwrap();
        }
        let plan = format!("EXPLAIN QUERY PLAN {}", statements::HEADS);
        let steps = all(&connection, &plan, &[], |row| row.get::<_, String>(3)).unwrap();
        assert!(steps.iter().any(|step| step == "SCAN w"), "{steps:?}");
        let looks = |step: &String| step == "SCAN w" || !step.starts_with("SCAN");
        assert!(steps.iter().all(looks), "{steps:?}");
    }
}
