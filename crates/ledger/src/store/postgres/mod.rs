//! The ledger in a PostgreSQL that many processes share.

pub(crate) mod approvals;
mod audit;
pub(crate) mod changes;
mod connect;
mod open;
pub(super) mod read;
pub(super) mod removal;
mod rotation;
mod seal;
mod security;

use std::sync::Arc;

use deadpool_postgres::{Object, Pool, PoolError};
use kitelogik_core::BoxFuture;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Transaction};

use crate::audit::{Chain, Draft, Entries, Identity, Writer};
use crate::hex::Hex;
use crate::key::{Key, random};
use crate::store::migrations::latest;
use crate::store::{Mode, Opening};
use crate::{Digest, LedgerError, PublicKey};

use audit::Writing;
pub(crate) use connect::Connector;

/// A PostgreSQL database: a pool of connections, and one more that writes what the gate records.
pub(crate) struct Postgres {
    inner: Arc<Inner>,
    /// The thread that writes; none where the ledger was opened for reading.
    writer: Option<Writer>,
}

struct Inner {
    connector: Connector,
    pool: Pool,
    id: Digest,
    first_key: PublicKey,
    public_key: PublicKey,
    key: Option<Arc<Key>>,
    identity: Option<Identity>,
    /// The chain of what is written besides the gate's records, in transactions that may wait for
    /// other processes: the gate's records do not wait behind them. Begun when it is needed.
    chain: Mutex<Steps>,
}

/// What is known of the second chain.
#[derive(Default)]
struct Steps {
    chain: Option<Chain>,
    /// A commit failed: what is in the store may be the chain before or after it.
    unsettled: Option<Chain>,
}

fn failed(error: impl std::fmt::Display) -> LedgerError {
    LedgerError::store("asking PostgreSQL", error)
}

/// Why the pool has no connection: what PostgreSQL said to it, or what became of the pool.
fn no_connection(error: PoolError) -> LedgerError {
    match error {
        PoolError::Backend(error) => LedgerError::store("connecting to PostgreSQL", told(&error)),
        other => failed(other),
    }
}

/// What PostgreSQL says, with the cause that the driver hides behind `db error`.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(database) => format!("{} ({})", database.message(), database.code().code()),
        None => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            text
        }
    }
}

impl From<tokio_postgres::Error> for LedgerError {
    fn from(error: tokio_postgres::Error) -> Self {
        failed(told(&error))
    }
}

impl Postgres {
    /// Opens the database as `opening` says.
    pub(crate) async fn open(opening: &Opening) -> Result<(Self, Option<Arc<Key>>), LedgerError> {
        let connector = Connector::new(&opening.address)?;
        let pool = connector.pool()?;
        let mut client = pool.get().await.map_err(no_connection)?;
        let found = open::version(&**client).await?;
        let (id, first_key, public_key, key) = match opening.mode {
            Mode::Create | Mode::Write => {
                if found.is_none() && opening.mode == Mode::Write {
                    return Err(opening.absent());
                }
                let key_file = opening.key_file()?;
                open::migrate(&mut client).await?;
                if open::identity(&**client).await?.is_none() {
                    let key = Key::read_or_create(key_file)?;
                    open::found(&mut client, &Hex::new(random()?), &key.public()).await?;
                }
                let (id, first_key) = open::identity(&**client)
                    .await?
                    .ok_or_else(|| opening.absent())?;
                let keys = rotation::keys(&**client, id, first_key).await?;
                let public_key = keys.genuine()?.current();
                let key = opening.key_for_writing(&public_key)?;
                (id, first_key, public_key, Some(key))
            }
            Mode::Read => {
                match found {
                    None => return Err(opening.absent()),
                    Some(found) if found < latest() => {
                        return Err(LedgerError::Older {
                            found,
                            known: latest(),
                        });
                    }
                    Some(_) => {}
                }
                let (id, first_key) = open::identity(&**client)
                    .await?
                    .ok_or_else(|| opening.absent())?;
                let keys = rotation::keys(&**client, id, first_key).await?;
                let public_key = keys.current();
                let key = opening.key_for_reading(&public_key)?;
                (id, first_key, public_key, key)
            }
        };
        drop(client);
        let writes = opening.mode != Mode::Read;
        let inner = Arc::new(Inner {
            connector,
            pool,
            id,
            first_key,
            public_key,
            identity: key
                .as_ref()
                .filter(|_| writes)
                .map(|key| opening.identity(id, key)),
            key: key.clone(),
            chain: Mutex::default(),
        });
        let writer = match &key {
            Some(key) if writes => {
                let writing = Box::new(Writing::new(Arc::clone(&inner)));
                Some(opening.writer(id, key, writing)?)
            }
            _ => None,
        };
        Ok((Self { inner, writer }, key))
    }

    /// The thread that writes.
    pub(crate) fn writer(&self) -> Result<&Writer, LedgerError> {
        self.writer.as_ref().ok_or(LedgerError::ReadOnly)
    }

    pub(crate) fn id(&self) -> Digest {
        self.inner.id
    }

    pub(crate) fn first_key(&self) -> PublicKey {
        self.inner.first_key
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.inner.public_key
    }

    /// A connection of the pool, for reading.
    pub(crate) async fn client(&self) -> Result<Object, LedgerError> {
        self.inner.pool.get().await.map_err(no_connection)
    }

    /// Closes the connections of the pool that nobody uses.
    pub(crate) fn forget_idle(&self) {
        self.inner.pool.retain(|_, _| false);
    }

    /// How to make a connection outside of the pool, as for `LISTEN`.
    pub(crate) fn connector(&self) -> &Connector {
        &self.inner.connector
    }

    /// Does `work` in one transaction with the entries that it adds: whole and on disk when this
    /// returns `Ok`, and not at all where `work` or the store fails.
    ///
    /// Within one process one such piece of work follows the other.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl for<'a> FnOnce(&'a Transaction<'a>, &'a mut Entries) -> BoxFuture<'a, Result<T, E>>
        + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<LedgerError> + Send,
    {
        self.inner.write(work).await
    }
}

impl Inner {
    async fn write<T, E>(
        &self,
        work: impl for<'a> FnOnce(&'a Transaction<'a>, &'a mut Entries) -> BoxFuture<'a, Result<T, E>>
        + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<LedgerError> + Send,
    {
        let Some(identity) = &self.identity else {
            return Err(LedgerError::ReadOnly.into());
        };
        let mut steps = self.chain.lock().await;
        let mut client = self.pool.get().await.map_err(no_connection)?;
        // The driver's own client: the pool's wrapper around it has a transaction of another type.
        let client: &mut Client = &mut client;
        settle(&mut steps, client).await?;
        let transaction = client.transaction().await.map_err(LedgerError::from)?;
        let mut entries = Entries::default();
        let value = work(&transaction, &mut entries).await?;
        if entries.drafts().is_empty() {
            transaction.commit().await.map_err(LedgerError::from)?;
            return Ok(value);
        }
        let mut chain = match steps.chain {
            Some(chain) => chain,
            None => {
                let writer = audit::register(&transaction, identity).await?;
                let mut chain = Chain::new(writer);
                let start = Draft::new(&identity.start());
                audit::insert(&transaction, &[chain.append(&start)]).await?;
                chain
            }
        };
        let rows: Vec<_> = entries
            .drafts()
            .iter()
            .map(|draft| chain.append(draft))
            .collect();
        audit::insert(&transaction, &rows).await?;
        // Also where this future is dropped while the commit is on its way.
        steps.unsettled = Some(chain);
        transaction.commit().await.map_err(LedgerError::from)?;
        steps.unsettled = None;
        steps.chain = Some(chain);
        Ok(value)
    }
}

/// Finds out whether the transaction is in the store whose end nobody saw.
async fn settle(steps: &mut Steps, client: &Client) -> Result<(), LedgerError> {
    if let Some(after) = steps.unsettled {
        if audit::head(client, after.writer).await? == after {
            steps.chain = Some(after);
        }
        steps.unsettled = None;
    }
    Ok(())
}
