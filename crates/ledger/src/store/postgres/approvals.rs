use kitelogik_core::Use;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, GenericClient, Row as SqlRow, SimpleQueryMessage, Transaction};

use super::removal;
use crate::approvals::plan::{
    self, Answer, Ask, Changes, Decide, Found, Past, Taking, Wanted, Written,
};
use crate::approvals::row::{Columns, Forged, Row, is_end};
use crate::approvals::table;
use crate::approvals::{ApprovalError, ApprovalFilter, ApprovalKey, ApprovalView, Tenants};
use crate::store::postgres::read::parameters;
use crate::store::rotation::CHANGES;
use crate::store::statements::Raw;
use crate::{Digest, PublicKey, Timestamp};

/// The number of a change: one more than the last that was given out.
const NEXT: &str = "nextval('approvals_change_number')";

/// Whoever asks for something new is alone in that, so that no limit is passed and no call asked for
/// twice. A number of this program's own.
const ASKING: &str = "SELECT pg_advisory_xact_lock(7386517321945071)";

/// The channel on which the ids of requests that changed are told.
pub(crate) const CHANNEL: &str = "kitelogik_approvals";

pub(crate) async fn ask(
    transaction: &Transaction<'_>,
    ask: &Ask,
    key: &ApprovalKey,
) -> Result<(Changes, Answer), Error> {
    transaction.batch_execute(ASKING).await?;
    let now = now(transaction).await?;
    let found = found(transaction, ask, now, key).await?;
    let (changes, answer) = plan::ask(ask, found, now);
    write(transaction, &changes, key).await?;
    Ok((changes, answer))
}

pub(crate) async fn decide(
    transaction: &Transaction<'_>,
    decide: &Decide,
    key: &ApprovalKey,
) -> Result<(Changes, Result<ApprovalView, ApprovalError>), Error> {
    let other = match &decide.wanted {
        Wanted::Edit { digest, .. } => {
            transaction.batch_execute(ASKING).await?;
            let digest = digest.to_string();
            read(transaction, table::OPEN_OF_CALL, &digest, key).await?
        }
        Wanted::Approve | Wanted::Deny => Ok(None),
    };
    let row = read(transaction, table::OF_ID, &decide.id, key).await?;
    let now = now(transaction).await?;
    let (changes, decided) = plan::decide(decide, row, other, now);
    write(transaction, &changes, key).await?;
    Ok((changes, decided))
}

pub(crate) async fn take(
    transaction: &Transaction<'_>,
    (taking, ledger, first): &(Taking, Digest, PublicKey),
    key: &ApprovalKey,
) -> Result<(Changes, Result<Use, Forged>), Error> {
    let row = read(transaction, table::OF_ID, &taking.id, key).await?;
    let past = Past {
        is_over: ends(transaction, &taking.id).await?,
        cut: removal::cut(transaction, *ledger, *first).await?,
    };
    let now = now(transaction).await?;
    let (changes, used) = plan::take(taking, row, &past, now);
    write(transaction, &changes, key).await?;
    Ok((changes, used))
}

pub(crate) async fn sweep(
    transaction: &Transaction<'_>,
    key: &ApprovalKey,
) -> Result<(Changes, ()), Error> {
    let now = now(transaction).await?;
    let text = format!("{} {} FOR UPDATE SKIP LOCKED", table::READ, table::DUE);
    let due = transaction.query(&text, &[&now.millis()]).await?;
    let due = due
        .iter()
        .filter_map(|row| columns(row).ok())
        .filter_map(|columns| Row::read(columns, key).ok());
    let changes = plan::sweep(due.collect(), now);
    write(transaction, &changes, key).await?;
    Ok((changes, ()))
}

/// Puts all requests under the seal of another key, and ends those that are open.
pub(crate) async fn rekey(
    transaction: &Transaction<'_>,
    old: &ApprovalKey,
    new: &ApprovalKey,
) -> Result<Changes, Error> {
    let now = now(transaction).await?;
    let all = transaction.query(table::READ, &[]).await?;
    let all: Result<Vec<Columns>, Error> = all.iter().map(columns).collect();
    let changes = plan::rekey(all?, old, now);
    for over in changes.new_views() {
        transaction.execute(table::REMOVE_ONE, &[&over.id]).await?;
    }
    write(transaction, &changes, new).await?;
    Ok(changes)
}

/// The changes of the ledger's key, behind a lock that lets nobody change it until the transaction ends.
pub(crate) async fn key_changes(transaction: &Transaction<'_>) -> Result<Vec<String>, Error> {
    let text = format!("LOCK TABLE approvals IN ROW EXCLUSIVE MODE; {CHANGES}");
    let answers = transaction.simple_query(&text).await?;
    let rows = answers.into_iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Ok(rows.collect())
}

pub(crate) async fn remove(client: &impl GenericClient, before: Timestamp) -> Result<u64, Error> {
    client.execute(table::REMOVE, &[&before.millis()]).await
}

pub(crate) async fn get(
    client: &impl GenericClient,
    id: &str,
) -> Result<(Option<Columns>, Timestamp), Error> {
    let text = format!("{} {}", table::READ, table::OF_ID);
    let found = client.query_opt(&text, &[&id]).await?;
    let found = found.as_ref().map(columns).transpose()?;
    Ok((found, now(client).await?))
}

/// The requests whose time is not over, whatever became of them.
pub(crate) async fn in_time(client: &impl GenericClient) -> Result<Vec<Columns>, Error> {
    let text = format!("{} {}", table::READ, table::IN_TIME);
    let now = now(client).await?;
    let found = client.query(&text, &[&now.millis()]).await?;
    found.iter().map(columns).collect()
}

pub(crate) async fn list(
    client: &impl GenericClient,
    filter: &ApprovalFilter,
    tenants: &Tenants,
) -> Result<(Vec<Columns>, Timestamp), Error> {
    let now = now(client).await?;
    let (text, values) = table::list(filter, tenants, now);
    let rows = client.query(&text, &parameters(&values)).await?;
    Ok((rows.iter().map(columns).collect::<Result<_, _>>()?, now))
}

pub(crate) async fn count_pending(
    client: &impl GenericClient,
    tenants: &Tenants,
) -> Result<u64, Error> {
    let (text, values) = table::count_pending(tenants, now(client).await?);
    let row = client.query_one(&text, &parameters(&values)).await?;
    count(&row)
}

/// The moment, by the clock of the server: the one clock that all processes share.
pub(super) async fn now(client: &impl GenericClient) -> Result<Timestamp, Error> {
    let text = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let row = client.query_one(text, &[]).await?;
    Ok(Timestamp::from_millis(row.try_get(0)?))
}

async fn found(
    transaction: &Transaction<'_>,
    asked: &Ask,
    now: Timestamp,
    key: &ApprovalKey,
) -> Result<Result<Found, Forged>, Error> {
    let text = format!("{} {} FOR UPDATE", table::READ, table::OF_CALL);
    let digest = asked.call.digest.to_string();
    let found = transaction.query(&text, &[&digest]).await?;
    let mut rows = Vec::new();
    for row in &found {
        match Row::read(columns(row)?, key) {
            Ok(row) => rows.push(row),
            Err(forged) => return Ok(Err(forged)),
        }
    }
    let edited = match rows.iter().find_map(|row| row.view.edited_to.as_deref()) {
        Some(id) => match read(transaction, table::OF_ID, id, key).await? {
            Ok(edited) => edited,
            Err(forged) => return Ok(Err(forged)),
        },
        None => None,
    };
    let now = now.millis();
    let of_session = transaction
        .query_one(table::WAITING_OF_SESSION, &[&asked.session(), &now])
        .await?;
    let of_tenant = match asked.tenant() {
        Some(tenant) => {
            let values: [&(dyn ToSql + Sync); 2] = [&tenant, &now];
            transaction
                .query_one(table::WAITING_OF_TENANT, &values)
                .await?
        }
        None => {
            transaction
                .query_one(table::WAITING_OF_NO_TENANT, &[&now])
                .await?
        }
    };
    Ok(Ok(Found {
        rows,
        edited,
        pending_of_session: count(&of_session)?,
        pending_of_tenant: count(&of_tenant)?,
    }))
}

/// Reads one row and holds it until the transaction ends.
async fn read(
    transaction: &Transaction<'_>,
    condition: &str,
    of: &str,
    key: &ApprovalKey,
) -> Result<Result<Option<Row>, Forged>, Error> {
    let text = format!("{} {condition} FOR UPDATE", table::READ);
    let found = transaction.query_opt(&text, &[&of]).await?;
    let found = found.as_ref().map(columns).transpose()?;
    Ok(found.map(|columns| Row::read(columns, key)).transpose())
}

async fn write(
    transaction: &Transaction<'_>,
    changes: &Changes,
    key: &ApprovalKey,
) -> Result<(), Error> {
    for written in &changes.rows {
        match written {
            Written::New(row) => {
                let columns = row.columns(key);
                let text = format!("{}{NEXT})", table::NEW);
                let values: [&(dyn ToSql + Sync); 12] = [
                    &columns.id,
                    &columns.state,
                    &columns.digest,
                    &columns.session,
                    &columns.tenant,
                    &columns.principal,
                    &columns.tool,
                    &columns.expires_at,
                    &columns.frame,
                    &columns.basis,
                    &columns.document,
                    &columns.seal,
                ];
                transaction.execute(&text, &values).await?;
            }
            Written::Changed(row, before) => {
                let columns = row.columns(key);
                let before = before.as_str();
                let text = format!("{}{NEXT}{} RETURNING id", table::CHANGE, table::CHANGE_OF);
                let values: [&(dyn ToSql + Sync); 5] = [
                    &columns.state,
                    &columns.document,
                    &columns.seal,
                    &columns.id,
                    &before,
                ];
                // The row is held: that it is not there any more is an error, and nothing is written.
                transaction.query_one(&text, &values).await?;
            }
        }
    }
    for view in changes.views() {
        let values: [&(dyn ToSql + Sync); 2] = [&CHANNEL, &view.id];
        transaction
            .execute("SELECT pg_notify($1, $2)", &values)
            .await?;
    }
    Ok(())
}

/// Whether the chain says that the request is over.
async fn ends(transaction: &Transaction<'_>, id: &str) -> Result<bool, Error> {
    for row in transaction.query(table::STEPS, &[&id]).await? {
        let step = Raw {
            writer: number(&row, 0)?,
            sequence: number(&row, 1)?,
            hash: row.try_get(2)?,
            body: row.try_get(3)?,
        };
        if is_end(&step) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn count(row: &SqlRow) -> Result<u64, Error> {
    number(row, 0)
}

fn number(row: &SqlRow, place: usize) -> Result<u64, Error> {
    let number: i64 = row.try_get(place)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

fn columns(row: &SqlRow) -> Result<Columns, Error> {
    Ok(Columns {
        id: row.try_get(0)?,
        state: row.try_get(1)?,
        digest: row.try_get(2)?,
        session: row.try_get(3)?,
        tenant: row.try_get(4)?,
        principal: row.try_get(5)?,
        tool: row.try_get(6)?,
        expires_at: row.try_get(7)?,
        frame: row.try_get(8)?,
        basis: row.try_get(9)?,
        document: row.try_get(10)?,
        seal: row.try_get(11)?,
    })
}
