use kitelogik_ledger::{Ledger, LedgerError};
use kitelogik_postgres_process::{Server, skip_without_postgres};
use serde_json::json;
use tempfile::TempDir;

use super::Authority;
use crate::approvals::desk::{ann, refund_of};
use crate::audit::world::{allowed, record};

/// The name that the server's certificate is for. It resolves nowhere: addresses name the loopback.
const NAME: &str = "db.example.test";

/// A PostgreSQL that speaks TLS, and files with an authority that vouches for it and with one that does not.
struct Guarded {
    server: Server,
    folder: TempDir,
}

impl Guarded {
    /// None where there is no PostgreSQL: the test is counted as skipped.
    fn start(here: &str) -> Option<Self> {
        let programs = skip_without_postgres(env!("CARGO_PKG_NAME"), here)?;
        let authority = Authority::new();
        let certificate = authority.sign(NAME);
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
        let stranger = Authority::new().pem;
        std::fs::write(folder.path().join("stranger.pem"), stranger).unwrap();
        let server = Server::start_with_tls(programs, &certificate.pem, &certificate.key);
        Some(Self {
            server: server.unwrap(),
            folder,
        })
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn open(&self, address: &str) -> Result<Ledger, LedgerError> {
        let builder = Ledger::builder(address).key_file(self.file("ledger.key"));
        builder.open().await
    }

    /// Why there is no ledger at `address`.
    async fn refusal(&self, address: &str) -> String {
        self.open(address).await.unwrap_err().to_string()
    }

    /// A session with the server, past the ledger, on its socket.
    async fn session(&self) -> tokio_postgres::Client {
        let url = self.server.database().unwrap();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    }

    /// How many connections of ledgers there are with TLS, and how many without.
    async fn connections(&self) -> (i64, i64) {
        let row = self
            .session()
            .await
            .query_one(
                "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl)
                 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                 WHERE application_name = 'kitelogik'",
                &[],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1))
    }

    /// Switches TLS off, as somebody in between does who says that the server has none.
    async fn switch_tls_off(&self) {
        let session = self.session().await;
        for sql in ["ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()"] {
            session.batch_execute(sql).await.unwrap();
        }
        loop {
            let row = self.session().await.query_one("SHOW ssl", &[]).await;
            if row.unwrap().get::<_, &str>(0) == "off" {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_proves_its_name_is_written_to_over_tls_only() {
    fn here() {}
    let Some(guarded) = Guarded::start(std::any::type_name_of_val(&here)) else {
        return;
    };
    let address = guarded.server.secured_database(NAME).unwrap();
    let address = format!("{address}&sslrootcert={}", guarded.file("ca.pem"));
    for mode in ["", "&sslmode=require", "&sslmode=verify-full"] {
        let ledger = guarded.open(&format!("{address}{mode}")).await.unwrap();
        record(&ledger.audit(), "s1", &allowed()).await;
        let mut watch = ledger.approvals().watch(&ann());
        let call = refund_of(json!({"mode": mode}));
        let id = call.pending(&ledger).await;
        while watch.next().await.unwrap().id != id {}
        let (secure, plain) = guarded.connections().await;
        assert!(
            secure >= 3,
            "{secure}: the pool, the writer, and one that listens"
        );
        assert_eq!(plain, 0);
        ledger.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_prove_its_name_gets_nothing() {
    fn here() {}
    let Some(guarded) = Guarded::start(std::any::type_name_of_val(&here)) else {
        return;
    };
    let other = guarded
        .server
        .secured_database("other.example.test")
        .unwrap();
    let right = guarded.server.secured_database(NAME).unwrap();
    let (ca, stranger) = (guarded.file("ca.pem"), guarded.file("stranger.pem"));
    for (address, why) in [
        (
            format!("{right}&sslrootcert={stranger}"),
            "invalid peer certificate",
        ),
        (
            format!("{right}&sslrootcert={stranger}&sslmode=require"),
            "invalid peer certificate",
        ),
        (
            format!("{right}&sslrootcert={stranger}&sslmode=prefer"),
            "invalid peer certificate",
        ),
        // The system's authorities do not know it.
        (right.clone(), "invalid peer certificate"),
        (
            format!("{right}&sslmode=verify-ca"),
            "invalid peer certificate",
        ),
        (format!("{other}&sslrootcert={ca}"), NAME),
        (format!("{other}&sslrootcert={ca}&sslmode=verify-ca"), NAME),
        (format!("{right}&sslrootcert={ca}.not"), "No such file"),
        (format!("{right}&sslmode=allow"), "`sslmode` is"),
    ] {
        let refusal = guarded.refusal(&address).await;
        assert!(refusal.contains(why), "{address}: {refusal}");
    }
    assert_eq!(guarded.connections().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_is_refused_where_tls_is_demanded() {
    fn here() {}
    let Some(guarded) = Guarded::start(std::any::type_name_of_val(&here)) else {
        return;
    };
    let right = guarded.server.secured_database(NAME).unwrap();
    let here = guarded.server.secured_database("127.0.0.1").unwrap();
    guarded.switch_tls_off().await;
    let ca = guarded.file("ca.pem");
    for address in [
        right.clone(),
        format!("{right}&sslrootcert={ca}"),
        format!("{right}&sslrootcert={ca}&sslmode=verify-full"),
        format!("{here}&sslmode=require"),
        format!("{here}&sslrootcert={ca}"),
    ] {
        let refusal = guarded.refusal(&address).await;
        assert!(
            refusal.contains("does not support TLS"),
            "{address}: {refusal}"
        );
    }
    assert_eq!(guarded.connections().await, (0, 0));
    // Whoever says so may have it, and on the loopback nobody must.
    for address in [format!("{right}&sslmode=prefer"), here] {
        let ledger = guarded.open(&address).await.unwrap();
        record(&ledger.audit(), "s1", &allowed()).await;
        ledger.close().await.unwrap();
    }
}
