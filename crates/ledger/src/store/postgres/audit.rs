use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, GenericClient};

use super::Inner;
use crate::LedgerError;
use crate::audit::{Backend, Chain, Columns, Identity, Row};
use crate::hex::Hex;

/// What chains are held under: a number of this program's own ("KITE").
const CHAINS: i32 = 0x4b49_5445;

/// How long one step of writing may take before the connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connection that writes what the gate records.
pub(crate) struct Writing {
    inner: Arc<Inner>,
    client: Option<Client>,
    /// What the transaction will add: all of it in one statement.
    batch: Batch,
}

impl Writing {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            client: None,
            batch: Batch::default(),
        }
    }

    fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        self.inner.connector.handle().block_on(async {
            tokio::time::timeout(PATIENCE, work)
                .await
                .unwrap_or_else(|_| Err(super::failed("no answer in time")))
        })
    }

    fn connected(&mut self) -> Result<&Client, LedgerError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = None;
            let connector = &self.inner.connector;
            let (client, _driver) = self.block_on(async { Ok(connector.driven().await?) })?;
            self.client = Some(client);
        }
        self.client.as_ref().ok_or_else(closed)
    }

    fn execute(&mut self, sql: &str) -> Result<(), LedgerError> {
        let client = self.client.as_ref().ok_or_else(closed)?;
        self.block_on(async { Ok(client.batch_execute(sql).await?) })
    }
}

fn closed() -> LedgerError {
    super::failed("the connection is closed")
}

impl Backend for Writing {
    fn begin(&mut self) -> Result<(), LedgerError> {
        self.batch = Batch::default();
        self.connected()?;
        self.execute("BEGIN")
    }

    fn register(&mut self, identity: &Identity) -> Result<u64, LedgerError> {
        let client = self.client.as_ref().ok_or_else(closed)?;
        self.block_on(register(client, identity))
    }

    fn insert(&mut self, row: &Row<'_>) -> Result<(), LedgerError> {
        self.batch.push(row);
        Ok(())
    }

    #[cfg(feature = "sqlite")]
    fn run(&mut self, _: crate::audit::Job, _: &mut Chain) -> crate::audit::Finish {
        // Nobody gives PostgreSQL a job for SQLite; whoever did is told that it was not done.
        Box::new(|_| ())
    }

    fn send(&mut self) -> Result<(), LedgerError> {
        let client = self.client.as_ref().ok_or_else(closed)?;
        self.block_on(self.batch.insert(client))
    }

    fn commit(&mut self) -> Result<(), LedgerError> {
        self.execute("COMMIT")
    }

    fn rollback(&mut self) {
        self.batch = Batch::default();
        // A connection in an unknown state is not used again: closing it gives the transaction up.
        self.client = None;
    }

    fn head(&mut self, writer: u64) -> Result<Chain, LedgerError> {
        self.connected()?;
        let client = self.client.as_ref().ok_or_else(closed)?;
        self.block_on(head(client, writer))
    }

    fn seal(&mut self, _: &mut Chain) -> Result<(), LedgerError> {
        match self.block_on(self.inner.seal()) {
            Err(error @ LedgerError::KeyChanged) => {
                tracing::warn!(%error, "no checkpoint is signed");
                Ok(())
            }
            sealed => sealed.map(drop),
        }
    }
}

pub(super) async fn register(
    client: &impl GenericClient,
    identity: &Identity,
) -> Result<u64, LedgerError> {
    let row = client
        .query_one(
            "INSERT INTO audit_writer (name, host, process, started) VALUES ($1, $2, $3, $4)
             RETURNING writer",
            &[
                &identity.name,
                &identity.host,
                &i64::from(identity.process),
                &crate::Timestamp::now().millis(),
            ],
        )
        .await?;
    Ok(unsigned(row.try_get(0)?))
}

/// The end of a writer's chain as it is in the store.
pub(super) async fn head(client: &impl GenericClient, writer: u64) -> Result<Chain, LedgerError> {
    // A commit whose answer was lost may still be on its way: then this waits for it.
    hold(client, signed(writer)).await?;
    let row = client
        .query_opt(
            "SELECT sequence, hash FROM audit_entry WHERE writer = $1 ORDER BY sequence DESC LIMIT 1",
            &[&signed(writer)],
        )
        .await?;
    match row {
        None => Ok(Chain::new(writer)),
        Some(row) => Ok(Chain {
            writer,
            count: unsigned(row.try_get(0)?),
            head: Hex::from_slice(row.try_get(1)?),
        }),
    }
}

/// Holds a chain until the transaction ends.
async fn hold(client: &impl GenericClient, writer: i64) -> Result<(), LedgerError> {
    // Those that share a number wait for each other, and that is all.
    let number = i32::try_from(writer % i64::from(i32::MAX)).unwrap_or(0);
    client
        .execute("SELECT pg_advisory_xact_lock($1, $2)", &[&CHAINS, &number])
        .await?;
    Ok(())
}

pub(super) async fn insert(
    client: &impl GenericClient,
    rows: &[Row<'_>],
) -> Result<(), LedgerError> {
    let mut batch = Batch::default();
    for row in rows {
        batch.push(row);
    }
    batch.insert(client).await
}

/// Rows, column by column, as one statement takes them.
#[derive(Default)]
struct Batch {
    numbers: [Vec<i64>; 4],
    bytes: [Vec<Vec<u8>>; 2],
    texts: [Vec<Option<String>>; 12],
    refers: Vec<Option<i64>>,
}

const INSERT: &str = "INSERT INTO audit_entry (writer, sequence, kind, at, hash, body, decision_id,
    session, principal, tenant, tool, action, verdict, tier, rules, fail_closed, request, outcome, refers)
  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $16::text[], $17::text[], $18::text[], $19::bigint[])";

impl Batch {
    fn push(&mut self, row: &Row<'_>) {
        let Columns {
            kind,
            at,
            decision_id,
            session,
            principal,
            tenant,
            tool,
            action,
            verdict,
            tier,
            rules,
            fail_closed,
            request,
            refers,
            outcome,
        } = row.columns;
        let numbers = [signed(row.writer), signed(row.sequence), *kind, *at];
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        let bytes = [row.hash.bytes().to_vec(), row.body.clone()];
        for (column, bytes) in self.bytes.iter_mut().zip(bytes) {
            column.push(bytes);
        }
        let texts = [
            decision_id,
            session,
            principal,
            tenant,
            tool,
            action,
            verdict,
            tier,
            rules,
            fail_closed,
            request,
            outcome,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text.clone());
        }
        self.refers.push(*refers);
    }

    async fn insert(&self, client: &impl GenericClient) -> Result<(), LedgerError> {
        let [writers, ..] = &self.numbers;
        let Some(writer) = writers.first() else {
            return Ok(());
        };
        hold(client, *writer).await?;
        let columns: Vec<&(dyn ToSql + Sync)> = self
            .numbers
            .iter()
            .map(|column| column as &(dyn ToSql + Sync))
            .chain(self.bytes.iter().map(|column| column as _))
            .chain(self.texts.iter().map(|column| column as _))
            .chain(std::iter::once(&self.refers as _))
            .collect();
        client.execute(INSERT, &columns).await?;
        Ok(())
    }
}

/// Writers and places are counted from 1: they never reach the sign.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
