use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "postgres")]
use futures_util::FutureExt as _;
use kitelogik_core::Use;

use super::Store;
use crate::approvals::plan::{Answer, Ask, Changes, Decide, Taking};
use crate::approvals::row::{Columns, Forged, Row};
use crate::approvals::{ApprovalError, ApprovalFilter, ApprovalKey, ApprovalView, Hub, Tenants};
use crate::audit::{AuditEntry, AuditLog, Content, Entries, EntryKind};
use crate::ledger::Shared as Ledger;
use crate::{LedgerError, Timestamp};

/// The requests in the store: what writes is one transaction, with the entries of the chain.
#[derive(Clone)]
pub(crate) struct ApprovalStore {
    ledger: Arc<Ledger>,
    key: Option<ApprovalKey>,
}

/// What was written, and what comes of it.
type Done<T> = Result<(Changes, T), LedgerError>;

impl ApprovalStore {
    pub(crate) fn new(ledger: Arc<Ledger>, key: Option<ApprovalKey>) -> Self {
        Self { ledger, key }
    }

    /// The key that seals requests.
    pub(crate) fn key(&self) -> Result<&ApprovalKey, LedgerError> {
        self.key.as_ref().ok_or_else(|| LedgerError::Key {
            path: self.ledger.key_file.clone().unwrap_or_default(),
            problem: "is needed for approvals, and is not there or not for you".to_owned(),
        })
    }

    pub(crate) async fn ask(&self, ask: Ask) -> Done<Answer> {
        match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                in_sqlite(store, ask, self.key()?, super::sqlite::approvals::ask).await
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                in_postgres(store, ask, self.key()?, |transaction, ask, key| {
                    super::postgres::approvals::ask(transaction, ask, key).boxed()
                })
                .await
            }
        }
    }

    pub(crate) async fn decide(&self, decide: Decide) -> Done<Result<ApprovalView, ApprovalError>> {
        match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                in_sqlite(store, decide, self.key()?, super::sqlite::approvals::decide).await
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                in_postgres(store, decide, self.key()?, |transaction, decide, key| {
                    super::postgres::approvals::decide(transaction, decide, key).boxed()
                })
                .await
            }
        }
    }

    pub(crate) async fn take(&self, taking: Taking) -> Done<Result<Use, Forged>> {
        let store = &self.ledger.store;
        let taking = (taking, store.id(), store.first_key());
        match store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                in_sqlite(store, taking, self.key()?, super::sqlite::approvals::take).await
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                in_postgres(store, taking, self.key()?, |transaction, taking, key| {
                    super::postgres::approvals::take(transaction, taking, key).boxed()
                })
                .await
            }
        }
    }

    /// Ends requests whose time is up.
    pub(crate) async fn sweep(&self) -> Done<()> {
        match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                in_sqlite(store, (), self.key()?, super::sqlite::approvals::sweep).await
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                in_postgres(store, (), self.key()?, |transaction, (), key| {
                    super::postgres::approvals::sweep(transaction, key).boxed()
                })
                .await
            }
        }
    }

    /// Removes requests that were over before `before`; gives how many.
    pub(crate) async fn remove(&self, before: Timestamp) -> Result<u64, LedgerError> {
        match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                let work = move |connection: &_, entries: &mut Entries| {
                    let removed = super::sqlite::approvals::remove(connection, before);
                    let removed = removed.map_err(keeping)?;
                    tell_removed(removed, before, entries);
                    Ok(removed)
                };
                store.write(work).await
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                store
                    .write(move |transaction, entries| {
                        async move {
                            let removed =
                                super::postgres::approvals::remove(transaction, before).await?;
                            tell_removed(removed, before, entries);
                            Ok(removed)
                        }
                        .boxed()
                    })
                    .await
            }
        }
    }

    /// When the oldest request was asked for whose time is not over, whatever became of it.
    pub(crate) async fn oldest_in_time(&self) -> Result<Option<Timestamp>, LedgerError> {
        let found = match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                let look = super::sqlite::approvals::in_time;
                store.read(move |c| look(c).map_err(reading)).await?
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                let client = store.client().await?;
                super::postgres::approvals::in_time(&**client).await?
            }
        };
        let key = self.key()?;
        let rows = found
            .into_iter()
            // What is not the ledger's lets nothing run, whatever is removed.
            .filter_map(|columns| Row::read(columns, key).ok());
        Ok(rows.map(|row| row.view.created_at).min())
    }

    /// The request with this id as it lies there, and the moment by the store's clock.
    pub(crate) async fn get(
        &self,
        id: String,
    ) -> Result<(Option<Columns>, Timestamp), LedgerError> {
        match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                let look = move |connection: &_| super::sqlite::approvals::get(connection, &id);
                store.read(move |c| look(c).map_err(reading)).await
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                let client = store.client().await?;
                Ok(super::postgres::approvals::get(&**client, &id).await?)
            }
        }
    }

    /// The entries of the chain about a request, oldest first.
    pub(crate) async fn history(&self, id: &str) -> Result<Vec<AuditEntry>, LedgerError> {
        let log = AuditLog::new(Arc::clone(&self.ledger));
        log.of_request(id).await
    }

    pub(crate) async fn list(
        &self,
        filter: ApprovalFilter,
        tenants: Tenants,
    ) -> Result<(Vec<Columns>, Timestamp), LedgerError> {
        match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                let look = move |connection: &_| {
                    super::sqlite::approvals::list(connection, &filter, &tenants)
                };
                store.read(move |c| look(c).map_err(reading)).await
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                let client = store.client().await?;
                Ok(super::postgres::approvals::list(&**client, &filter, &tenants).await?)
            }
        }
    }

    pub(crate) async fn count_pending(&self, tenants: Tenants) -> Result<u64, LedgerError> {
        match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => {
                let look = move |connection: &_| {
                    super::sqlite::approvals::count_pending(connection, &tenants)
                };
                store.read(move |c| look(c).map_err(reading)).await
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                let client = store.client().await?;
                Ok(super::postgres::approvals::count_pending(&**client, &tenants).await?)
            }
        }
    }

    /// Tells `hub` what other processes change, for as long as it is polled.
    pub(crate) async fn bring_changes(self, hub: Arc<Hub>) {
        match &self.ledger.store {
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => super::sqlite::changes::bring(store, &hub).await,
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => super::postgres::changes::bring(store, &hub).await,
        }
    }
}

/// How long a store that could not be looked at for changes is left alone: 1 s.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

#[cfg(feature = "sqlite")]
async fn in_sqlite<A: Send + 'static, T: Send + 'static>(
    store: &super::sqlite::Sqlite,
    argument: A,
    key: &ApprovalKey,
    work: fn(&rusqlite::Connection, &A, &ApprovalKey) -> rusqlite::Result<(Changes, T)>,
) -> Done<T> {
    let key = key.clone();
    let (ledger, first) = (store.id(), store.first_key());
    let work = move |connection: &_, entries: &mut Entries| {
        let keys = super::sqlite::rotation::keys(connection, ledger, first)?;
        keys.check_digests(key.key())?;
        let done = work(connection, &argument, &key).map_err(keeping)?;
        record(&done.0, entries);
        Ok(done)
    };
    store.write(work).await
}

/// A piece of work in a transaction.
#[cfg(feature = "postgres")]
type InPostgres<A, T> =
    for<'a> fn(
        &'a tokio_postgres::Transaction<'a>,
        &'a A,
        &'a ApprovalKey,
    ) -> kitelogik_core::BoxFuture<'a, Result<(Changes, T), tokio_postgres::Error>>;

#[cfg(feature = "postgres")]
async fn in_postgres<A: Send + Sync + 'static, T: Send + 'static>(
    store: &super::postgres::Postgres,
    argument: A,
    key: &ApprovalKey,
    work: InPostgres<A, T>,
) -> Done<T> {
    let key = key.clone();
    let (ledger, first) = (store.id(), store.first_key());
    store
        .write(move |transaction, entries| {
            async move {
                let changes = super::postgres::approvals::key_changes(transaction).await?;
                crate::audit::Keys::read(ledger, first, &changes).check_digests(key.key())?;
                let done = work(transaction, &argument, &key).await?;
                record(&done.0, entries);
                Ok(done)
            }
            .boxed()
        })
        .await
}

/// Puts what happened into the audit chain, in the transaction that it happened in.
pub(super) fn record(changes: &Changes, entries: &mut Entries) {
    let now = Timestamp::now();
    for entry in &changes.entries {
        entries.append(&entry.clone().content(now));
    }
}

/// Notes that requests were removed, in the transaction that removed them.
fn tell_removed(removed: u64, before: Timestamp, entries: &mut Entries) {
    if removed > 0 {
        let mut entry = Content::new(EntryKind::Retention, Timestamp::now());
        entry.what = Some("approvals".to_owned());
        entry.count = Some(removed);
        entry.to = Some(before);
        entries.append(&entry);
    }
}

#[cfg(feature = "sqlite")]
fn keeping(error: rusqlite::Error) -> LedgerError {
    LedgerError::store("keeping approvals", error)
}

#[cfg(feature = "sqlite")]
fn reading(error: rusqlite::Error) -> LedgerError {
    LedgerError::store("reading approvals", error)
}
