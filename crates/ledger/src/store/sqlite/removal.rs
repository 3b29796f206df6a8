use rusqlite::{Connection, OptionalExtension as _};

use super::audit::{signed, unsigned};
use crate::audit::{Cut, Keys, Limit, Removals};
use crate::store::rotation::CHANGES;
use crate::store::statements::{self, Raw};
use crate::{Digest, PublicKey};

/// What the store says of removals.
pub(in crate::store) fn removals(connection: &Connection) -> rusqlite::Result<Removals> {
    let limits: Vec<Limit> = connection
        .prepare_cached(statements::LIMITS)?
        .query_map([], |row| {
            Ok(Limit {
                writer: unsigned(row.get(0)?),
                count: unsigned(row.get(1)?),
                checkpoint: unsigned(row.get(2)?),
            })
        })?
        .collect::<Result<_, _>>()?;
    let Some(number) = Removals::number(&limits) else {
        return Ok(Removals::default());
    };
    let checkpoint = connection
        .prepare_cached(statements::CHECKPOINT)?
        .query_row([signed(number)], |row| row.get(0))
        .optional()?;
    let told = connection
        .prepare_cached(statements::TOLD)?
        .query_map([], |row| {
            Ok(Raw {
                writer: unsigned(row.get(0)?),
                sequence: unsigned(row.get(1)?),
                hash: row.get(2)?,
                body: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Removals {
        limits,
        checkpoint,
        told,
    })
}

/// Up to where entries were removed.
pub(super) fn cut(
    connection: &Connection,
    ledger: Digest,
    first: PublicKey,
) -> rusqlite::Result<Option<Cut>> {
    let removals = removals(connection)?;
    let changes: Vec<String> = connection
        .prepare_cached(CHANGES)?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(removals.cut(ledger, &Keys::read(ledger, first, &changes)))
}
