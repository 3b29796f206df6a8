use kitelogik_core::Use;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params, params_from_iter};

use super::removal;
use crate::approvals::plan::{
    self, Answer, Ask, Changes, Decide, Found, Past, Taking, Wanted, Written,
};
use crate::approvals::row::{Columns, Forged, Row, is_end};
use crate::approvals::table;
use crate::approvals::{ApprovalError, ApprovalFilter, ApprovalKey, ApprovalView, Tenants};
use crate::store::statements::Raw;
use crate::{Digest, PublicKey, Timestamp};

/// The number of a change: one more than the last.
const NEXT: &str = "(SELECT coalesce(max(change), 0) + 1 FROM approvals)";

pub(crate) fn ask(
    connection: &Connection,
    ask: &Ask,
    key: &ApprovalKey,
) -> rusqlite::Result<(Changes, Answer)> {
    let now = Timestamp::now();
    let found = found(connection, ask, now, key)?;
    let (changes, answer) = plan::ask(ask, found, now);
    write(connection, &changes, key)?;
    Ok((changes, answer))
}

pub(crate) fn decide(
    connection: &Connection,
    decide: &Decide,
    key: &ApprovalKey,
) -> rusqlite::Result<(Changes, Result<ApprovalView, ApprovalError>)> {
    let row = read(connection, table::OF_ID, &decide.id, key)?;
    let other = match &decide.wanted {
        Wanted::Edit { digest, .. } => {
            let digest = digest.to_string();
            read(connection, table::OPEN_OF_CALL, &digest, key)?
        }
        Wanted::Approve | Wanted::Deny => Ok(None),
    };
    let (changes, decided) = plan::decide(decide, row, other, Timestamp::now());
    write(connection, &changes, key)?;
    Ok((changes, decided))
}

pub(crate) fn take(
    connection: &Connection,
    (taking, ledger, first): &(Taking, Digest, PublicKey),
    key: &ApprovalKey,
) -> rusqlite::Result<(Changes, Result<Use, Forged>)> {
    let row = read(connection, table::OF_ID, &taking.id, key)?;
    let past = Past {
        is_over: ends(connection, &taking.id)?,
        cut: removal::cut(connection, *ledger, *first)?,
    };
    let (changes, used) = plan::take(taking, row, &past, Timestamp::now());
    write(connection, &changes, key)?;
    Ok((changes, used))
}

pub(crate) fn sweep(
    connection: &Connection,
    (): &(),
    key: &ApprovalKey,
) -> rusqlite::Result<(Changes, ())> {
    let now = Timestamp::now();
    let mut statement = connection.prepare_cached(&format!("{} {}", table::READ, table::DUE))?;
    let due: Vec<Columns> = statement
        .query_map([now.millis()], columns)?
        .collect::<Result<_, _>>()?;
    let due = due
        .into_iter()
        .filter_map(|columns| Row::read(columns, key).ok());
    let changes = plan::sweep(due.collect(), now);
    write(connection, &changes, key)?;
    Ok((changes, ()))
}

/// Puts all requests under the seal of another key, and ends those that are open.
pub(crate) fn rekey(
    connection: &Connection,
    old: &ApprovalKey,
    new: &ApprovalKey,
) -> rusqlite::Result<Changes> {
    let mut statement = connection.prepare(table::READ)?;
    let all: Vec<Columns> = statement
        .query_map([], columns)?
        .collect::<Result<_, _>>()?;
    let changes = plan::rekey(all, old, Timestamp::now());
    for over in changes.new_views() {
        connection.execute(table::REMOVE_ONE, [&over.id])?;
    }
    write(connection, &changes, new)?;
    Ok(changes)
}

pub(crate) fn remove(connection: &Connection, before: Timestamp) -> rusqlite::Result<u64> {
    let removed = connection.execute(table::REMOVE, [before.millis()])?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}

pub(crate) fn get(
    connection: &Connection,
    id: &str,
) -> rusqlite::Result<(Option<Columns>, Timestamp)> {
    let mut statement = connection.prepare_cached(&format!("{} {}", table::READ, table::OF_ID))?;
    let found = statement.query_row([id], columns).optional()?;
    Ok((found, Timestamp::now()))
}

/// The requests whose time is not over, whatever became of them.
pub(crate) fn in_time(connection: &Connection) -> rusqlite::Result<Vec<Columns>> {
    let mut statement = connection.prepare(&format!("{} {}", table::READ, table::IN_TIME))?;
    let found = statement.query_map([Timestamp::now().millis()], columns)?;
    found.collect()
}

pub(crate) fn list(
    connection: &Connection,
    filter: &ApprovalFilter,
    tenants: &Tenants,
) -> rusqlite::Result<(Vec<Columns>, Timestamp)> {
    let now = Timestamp::now();
    let (text, values) = table::list(filter, tenants, now);
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map(params_from_iter(values), columns)?;
    Ok((rows.collect::<Result<_, _>>()?, now))
}

pub(crate) fn count_pending(connection: &Connection, tenants: &Tenants) -> rusqlite::Result<u64> {
    let (text, values) = table::count_pending(tenants, Timestamp::now());
    connection.query_row(&text, params_from_iter(values), number)
}

/// The number of the last change, and the requests that changed after the one with number `since`.
pub(crate) fn changed(connection: &Connection, since: i64) -> rusqlite::Result<(i64, Vec<String>)> {
    let mut statement = connection
        .prepare_cached("SELECT change, id FROM approvals WHERE change > ?1 ORDER BY change")?;
    let mut rows = statement.query([since])?;
    let (mut last, mut ids) = (since, Vec::new());
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        ids.push(row.get(1)?);
    }
    Ok((last, ids))
}

/// The number of the last change.
pub(crate) fn last_change(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT coalesce(max(change), 0) FROM approvals",
        [],
        |row| row.get(0),
    )
}

fn found(
    connection: &Connection,
    asked: &Ask,
    now: Timestamp,
    key: &ApprovalKey,
) -> rusqlite::Result<Result<Found, Forged>> {
    let mut statement =
        connection.prepare_cached(&format!("{} {}", table::READ, table::OF_CALL))?;
    let rows: Vec<Columns> = statement
        .query_map([asked.call.digest.to_string()], columns)?
        .collect::<Result<_, _>>()?;
    let rows: Result<Vec<Row>, Forged> = rows.into_iter().map(|row| Row::read(row, key)).collect();
    let rows = match rows {
        Ok(rows) => rows,
        Err(forged) => return Ok(Err(forged)),
    };
    let edited = match rows.iter().find_map(|row| row.view.edited_to.as_deref()) {
        Some(id) => match read(connection, table::OF_ID, id, key)? {
            Ok(edited) => edited,
            Err(forged) => return Ok(Err(forged)),
        },
        None => None,
    };
    let count = |text: &str, of: &str| -> rusqlite::Result<u64> {
        let mut statement = connection.prepare_cached(text)?;
        statement.query_row(params![of, now.millis()], number)
    };
    let pending_of_tenant = match asked.tenant() {
        Some(tenant) => count(table::WAITING_OF_TENANT, tenant)?,
        None => connection
            .prepare_cached(table::WAITING_OF_NO_TENANT)?
            .query_row([now.millis()], number)?,
    };
    Ok(Ok(Found {
        rows,
        edited,
        pending_of_session: count(table::WAITING_OF_SESSION, asked.session())?,
        pending_of_tenant,
    }))
}

fn read(
    connection: &Connection,
    condition: &str,
    of: &str,
    key: &ApprovalKey,
) -> rusqlite::Result<Result<Option<Row>, Forged>> {
    let mut statement = connection.prepare_cached(&format!("{} {condition}", table::READ))?;
    let found = statement.query_row([of], columns).optional()?;
    Ok(found.map(|columns| Row::read(columns, key)).transpose())
}

fn write(connection: &Connection, changes: &Changes, key: &ApprovalKey) -> rusqlite::Result<()> {
    for written in &changes.rows {
        match written {
            Written::New(row) => {
                let columns = row.columns(key);
                let text = format!("{}{NEXT})", table::NEW);
                connection.prepare_cached(&text)?.execute(params![
                    columns.id,
                    columns.state,
                    columns.digest,
                    columns.session,
                    columns.tenant,
                    columns.principal,
                    columns.tool,
                    columns.expires_at,
                    columns.frame,
                    columns.basis,
                    columns.document,
                    columns.seal,
                ])?;
            }
            Written::Changed(row, before) => {
                let columns = row.columns(key);
                let text = format!("{}{NEXT}{}", table::CHANGE, table::CHANGE_OF);
                let changed = connection.prepare_cached(&text)?.execute(params![
                    columns.state,
                    columns.document,
                    columns.seal,
                    columns.id,
                    before.as_str(),
                ])?;
                if changed != 1 {
                    return Err(rusqlite::Error::StatementChangedRows(changed));
                }
            }
        }
    }
    Ok(())
}

/// Whether the chain says that the request is over.
fn ends(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(table::STEPS)?;
    let steps = statement.query_map([id], |row| {
        Ok(Raw {
            writer: number_at(row, 0)?,
            sequence: number_at(row, 1)?,
            hash: row.get(2)?,
            body: row.get(3)?,
        })
    })?;
    let steps: Vec<Raw> = steps.collect::<Result<_, _>>()?;
    Ok(steps.iter().any(is_end))
}

fn number(row: &SqlRow<'_>) -> rusqlite::Result<u64> {
    number_at(row, 0)
}

fn number_at(row: &SqlRow<'_>, place: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(place)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

fn columns(row: &SqlRow<'_>) -> rusqlite::Result<Columns> {
    Ok(Columns {
        id: row.get(0)?,
        state: row.get(1)?,
        digest: row.get(2)?,
        session: row.get(3)?,
        tenant: row.get(4)?,
        principal: row.get(5)?,
        tool: row.get(6)?,
        expires_at: row.get(7)?,
        frame: row.get(8)?,
        basis: row.get(9)?,
        document: row.get(10)?,
        seal: row.get(11)?,
    })
}
