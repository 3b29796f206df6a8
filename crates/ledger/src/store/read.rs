//! What is read of the audit chain, from either store.

use crate::LedgerError;
use crate::audit::{Chain, Checkpoint, Removals, Stored};

use super::Store;
use super::statements::{self, Found, Param, WriterRow};

/// How a number of an entry is given to a statement.
pub(crate) fn number(number: u64) -> Param {
    Param::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Dispatches one question to the store: `connection` reads SQLite, `client` asks PostgreSQL.
macro_rules! ask {
    ($store:expr, |$connection:ident| $sqlite:expr, |$client:ident| $postgres:expr) => {
        match $store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => store.read(move |$connection| $sqlite).await,
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                let pooled = store.client().await?;
                let $client: &tokio_postgres::Client = &pooled;
                $postgres
            }
        }
    };
}

impl Store {
    /// The entries of a statement that begins as [`statements::DECISIONS`] or `ENTRIES` does.
    pub(crate) async fn fetch(
        &self,
        sql: String,
        params: Vec<Param>,
    ) -> Result<Vec<Found>, LedgerError> {
        ask!(
            self,
            |connection| super::sqlite::read::fetch(connection, &sql, &params),
            |client| super::postgres::read::fetch(client, &sql, &params).await
        )
    }

    /// So many entries of a chain after the place `after`.
    pub(crate) async fn chain(
        &self,
        writer: u64,
        after: u64,
        limit: i64,
    ) -> Result<Vec<Stored>, LedgerError> {
        let params = [number(writer), number(after), Param::Number(limit)];
        ask!(
            self,
            |connection| super::sqlite::read::chain(connection, &params),
            |client| super::postgres::read::chain(client, &params).await
        )
    }

    /// Where every chain ends.
    pub(crate) async fn heads(&self) -> Result<Vec<Chain>, LedgerError> {
        ask!(
            self,
            |connection| super::sqlite::read::heads(connection),
            |client| super::postgres::read::heads(client).await
        )
    }

    pub(crate) async fn writers(&self) -> Result<Vec<WriterRow>, LedgerError> {
        ask!(
            self,
            |connection| super::sqlite::read::writers(connection),
            |client| super::postgres::read::writers(client).await
        )
    }

    /// Writers of entries that are not registered.
    pub(crate) async fn strangers(&self) -> Result<Vec<u64>, LedgerError> {
        let found = self.numbers(statements::STRANGERS).await?;
        Ok(found
            .into_iter()
            .flatten()
            .map(|writer| u64::try_from(writer).unwrap_or(0))
            .collect())
    }

    /// What the store says of what was removed.
    pub(crate) async fn removals(&self) -> Result<Removals, LedgerError> {
        ask!(
            self,
            |connection| super::sqlite::removal::removals(connection)
                .map_err(|error| LedgerError::store("reading the ledger", error)),
            |client| Ok(super::postgres::removal::removals(client).await?)
        )
    }

    /// So many checkpoints after the one with this number.
    pub(crate) async fn checkpoints(
        &self,
        after: u64,
        limit: i64,
    ) -> Result<Vec<Checkpoint>, LedgerError> {
        let params = vec![number(after), Param::Number(limit)];
        self.read_checkpoints(statements::CHECKPOINTS, params).await
    }

    /// The last checkpoint that was signed by then.
    pub(crate) async fn checkpoint_before(
        &self,
        at: i64,
    ) -> Result<Option<Checkpoint>, LedgerError> {
        let params = vec![Param::Number(at)];
        let found = self
            .read_checkpoints(statements::CHECKPOINT_BEFORE, params)
            .await?;
        Ok(found.into_iter().next())
    }

    async fn numbers(&self, sql: &'static str) -> Result<Vec<Option<i64>>, LedgerError> {
        ask!(
            self,
            |connection| super::sqlite::read::numbers(connection, sql, &[]),
            |client| {
                let rows = super::postgres::read::all(client, sql, &[]).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            }
        )
    }

    pub(super) async fn texts(
        &self,
        sql: &'static str,
        params: Vec<Param>,
    ) -> Result<Vec<String>, LedgerError> {
        ask!(
            self,
            |connection| super::sqlite::read::texts(connection, sql, &params),
            |client| {
                let rows = super::postgres::read::all(client, sql, &params).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            }
        )
    }

    async fn read_checkpoints(
        &self,
        sql: &'static str,
        params: Vec<Param>,
    ) -> Result<Vec<Checkpoint>, LedgerError> {
        let texts = self.texts(sql, params).await?;
        texts
            .iter()
            .map(|text| Checkpoint::from_json(text))
            .collect()
    }
}
