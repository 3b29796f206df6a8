//! The stores that every test runs on.

use kitelogik_ledger::{Ledger, LedgerBuilder};
use tempfile::TempDir;

/// A store of a test's own, empty at first.
pub(crate) struct TestStore {
    pub(crate) address: String,
    pub(crate) folder: TempDir,
}

impl TestStore {
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let address = format!("sqlite:{}", folder.path().join("ledger.db").display());
        Self { address, folder }
    }

    pub(crate) fn postgres(address: String) -> Self {
        Self {
            address,
            folder: TempDir::new().unwrap(),
        }
    }

    /// A process's way to the ledger, with the key that all processes share.
    pub(crate) fn builder(&self) -> LedgerBuilder {
        Ledger::builder(&self.address).key_file(self.folder.path().join("ledger.key"))
    }

    pub(crate) async fn open(&self) -> Ledger {
        self.builder().open().await.unwrap()
    }

    /// Runs SQL past the ledger, as whoever can write the store could. True where it was done.
    pub(crate) async fn sql(&self, sql: &str) -> Result<(), String> {
        if let Some(path) = self.address.strip_prefix("sqlite:") {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection
                .busy_timeout(std::time::Duration::from_secs(5))
                .unwrap();
            return connection
                .execute_batch(sql)
                .map_err(|error| error.to_string());
        }
        let (client, connection) = tokio_postgres::connect(&self.address, tokio_postgres::NoTls)
            .await
            .unwrap();
        let driver = tokio::spawn(connection);
        client
            .batch_execute("SET search_path TO kitelogik")
            .await
            .unwrap();
        let done = client
            .batch_execute(sql)
            .await
            .map_err(|error| error.as_db_error().unwrap().message().to_owned());
        driver.abort();
        done
    }

    /// Keeps the requests as they are, for [`Self::put_back`].
    pub(crate) async fn keep(&self) {
        let kept = "CREATE TABLE kept AS SELECT * FROM approvals";
        self.sql(kept).await.unwrap();
    }

    /// Makes the requests what they were when they were kept.
    pub(crate) async fn put_back(&self) {
        let back = "DELETE FROM approvals; INSERT INTO approvals SELECT * FROM kept";
        self.sql(back).await.unwrap();
    }

    /// Runs SQL that the triggers would refuse.
    pub(crate) async fn forge(&self, sql: &str) {
        let tables = [
            "audit_entry",
            "audit_writer",
            "audit_checkpoint",
            "audit_retention",
            "audit_ledger",
            "audit_key",
        ];
        if self.address.starts_with("sqlite:") {
            let drop: String = {
                let path = self.address.strip_prefix("sqlite:").unwrap();
                let connection = rusqlite::Connection::open(path).unwrap();
                let mut triggers = connection
                    .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'audit%'")
                    .unwrap();
                let names = triggers
                    .query_map([], |row| row.get::<_, String>(0))
                    .unwrap();
                names
                    .map(|name| format!("DROP TRIGGER {};", name.unwrap()))
                    .collect()
            };
            self.sql(&format!("{drop} {sql}")).await.unwrap();
        } else {
            let disable: String = tables
                .iter()
                .map(|table| format!("ALTER TABLE {table} DISABLE TRIGGER USER;"))
                .collect();
            self.sql(&format!("{disable} {sql}")).await.unwrap();
        }
    }
}

/// Makes a test for each store of one body.
macro_rules! on_both_stores {
    ($(
        $(#[$attribute:meta])*
        async fn $name:ident($store:ident: TestStore) $body:block
    )+) => {
        $(
            mod $name {
                use super::*;

                async fn on($store: $crate::stores::TestStore) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                $(#[$attribute])*
                async fn sqlite() {
                    on($crate::stores::TestStore::sqlite()).await;
                }

                #[cfg(feature = "postgres")]
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                $(#[$attribute])*
                async fn postgres() {
                    if let Some(url) = kitelogik_postgres_process::postgres_or_skip!() {
                        on($crate::stores::TestStore::postgres(url)).await;
                    }
                }
            }
        )+
    };
}
pub(crate) use on_both_stores;
