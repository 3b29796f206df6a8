use std::sync::Arc;

use rusqlite::{Connection, params};

use super::wal::LogKeeper;
use crate::audit::{Backend, Chain, Entries, Finish, Identity, Job, Row};
use crate::hex::Hex;
use crate::key::Key;
use crate::{Digest, LedgerError, PublicKey};

/// The one connection that writes.
pub(crate) struct Writing {
    connection: Connection,
    log: LogKeeper,
    key: Arc<Key>,
    ledger: Digest,
    first_key: PublicKey,
}

impl Writing {
    pub(super) fn new(
        connection: Connection,
        log: LogKeeper,
        key: Arc<Key>,
        ledger: Digest,
        first_key: PublicKey,
    ) -> Self {
        Self {
            connection,
            log,
            key,
            ledger,
            first_key,
        }
    }

    /// Signs a checkpoint within the transaction, and gives the end of the chain after it.
    fn sealed(&self, mut chain: Chain) -> Result<Chain, LedgerError> {
        let mut entries = Entries::default();
        let (ledger, first) = (self.ledger, self.first_key);
        super::seal::seal(&self.connection, &self.key, ledger, first, &mut entries)?;
        for draft in entries.drafts() {
            insert(&self.connection, &chain.append(draft))?;
        }
        Ok(chain)
    }

    fn run_sql(&self, sql: &str) -> Result<(), LedgerError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(drop)
            .map_err(failed)
    }
}

pub(super) fn failed(error: rusqlite::Error) -> LedgerError {
    LedgerError::store("writing to the ledger", error)
}

impl Backend for Writing {
    fn begin(&mut self) -> Result<(), LedgerError> {
        self.run_sql("BEGIN IMMEDIATE")
    }

    fn register(&mut self, identity: &Identity) -> Result<u64, LedgerError> {
        self.connection
            .execute(
                "INSERT INTO audit_writer (name, host, process, started) VALUES (?1, ?2, ?3, ?4)",
                params![
                    identity.name,
                    identity.host,
                    identity.process,
                    crate::Timestamp::now().millis()
                ],
            )
            .map_err(failed)?;
        u64::try_from(self.connection.last_insert_rowid())
            .map_err(|error| LedgerError::store("registering the writer", error))
    }

    fn insert(&mut self, row: &Row<'_>) -> Result<(), LedgerError> {
        in_transaction(&self.connection)?;
        insert(&self.connection, row)
    }

    fn run(&mut self, job: Job, chain: &mut Chain) -> Finish {
        job(&self.connection, chain)
    }

    fn commit(&mut self) -> Result<(), LedgerError> {
        in_transaction(&self.connection)?;
        self.run_sql("COMMIT")
            .inspect(|()| self.log.written(&self.connection))
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(error = error.to_string(), "transaction not rolled back");
        }
    }

    fn head(&mut self, writer: u64) -> Result<Chain, LedgerError> {
        head(&self.connection, writer)
    }

    fn seal(&mut self, chain: &mut Chain) -> Result<(), LedgerError> {
        self.begin()?;
        let sealed = self.sealed(*chain);
        match sealed.and_then(|sealed| self.commit().map(|()| sealed)) {
            Ok(sealed) => {
                *chain = sealed;
                Ok(())
            }
            Err(error) => {
                self.rollback();
                match error {
                    LedgerError::KeyChanged => {
                        tracing::warn!(%error, "no checkpoint is signed");
                        Ok(())
                    }
                    error => Err(error),
                }
            }
        }
    }
}

/// Where the disk is full, the database may roll everything back by itself. What was written then would
/// stand alone, behind a hole.
pub(super) fn in_transaction(connection: &Connection) -> Result<(), LedgerError> {
    if connection.is_autocommit() {
        let problem = "the database gave the transaction up";
        return Err(LedgerError::store("writing to the ledger", problem));
    }
    Ok(())
}

/// The end of a writer's chain as it is in the store.
pub(super) fn head(connection: &Connection, writer: u64) -> Result<Chain, LedgerError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT sequence, hash FROM audit_entry WHERE writer = ?1 ORDER BY sequence DESC LIMIT 1",
        )
        .map_err(failed)?;
    let mut rows = statement.query([signed(writer)]).map_err(failed)?;
    match rows.next().map_err(failed)? {
        None => Ok(Chain::new(writer)),
        Some(row) => Ok(Chain {
            writer,
            count: unsigned(row.get(0).map_err(failed)?),
            head: Hex::new(row.get(1).map_err(failed)?),
        }),
    }
}

pub(super) fn insert(connection: &Connection, row: &Row<'_>) -> Result<(), LedgerError> {
    let columns = row.columns;
    connection
        .prepare_cached(
            "INSERT INTO audit_entry (writer, sequence, hash, body, kind, at, decision_id, session,
               principal, tenant, tool, action, verdict, tier, rules, fail_closed, request, refers, outcome)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                signed(row.writer),
                signed(row.sequence),
                row.hash.bytes(),
                row.body,
                columns.kind,
                columns.at,
                columns.decision_id,
                columns.session,
                columns.principal,
                columns.tenant,
                columns.tool,
                columns.action,
                columns.verdict,
                columns.tier,
                columns.rules,
                columns.fail_closed,
                columns.request,
                columns.refers,
                columns.outcome,
            ])
        })
        .map(drop)
        .map_err(failed)
}

/// Writers and places are counted from 1: they never reach the sign.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
