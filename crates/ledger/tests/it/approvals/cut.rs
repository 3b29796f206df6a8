//! Callers that wait while the connection is lost on which a decision would be told.

use std::sync::Arc;
use std::time::Duration;

use kitelogik_core::{Approval, Approver as _};
use kitelogik_ledger::{ApprovalOptions, Ledger};
use kitelogik_postgres_process::{Server, skip_without_postgres};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::desk::{ann, refund};
use crate::stores::TestStore;

/// The documented time within which a connection that fell silent counts as lost and there is another,
/// and some more for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(6 + 10);

struct Desk {
    server: Server,
    store: TestStore,
    url: String,
}

impl Desk {
    /// None where there is no PostgreSQL: the test is counted as skipped.
    fn new(here: &str) -> Option<Self> {
        let programs = skip_without_postgres(env!("CARGO_PKG_NAME"), here)?;
        let server = Server::start(programs).unwrap();
        let url = server.database().unwrap();
        let store = TestStore::postgres(url.clone());
        Some(Self { server, store, url })
    }

    async fn ledger(&self, address: &str) -> Ledger {
        let key = self.store.folder.path().join("ledger.key");
        let builder = Ledger::builder(address).key_file(key);
        builder
            .approvals(ApprovalOptions::new())
            .open()
            .await
            .unwrap()
    }

    /// A call that waits, its request, and whoever else decides: each with connections of its own.
    async fn waiting(&self, address: &str) -> (JoinHandle<Approval>, String) {
        let ledger = self.ledger(address).await;
        let id = refund().pending(&ledger).await;
        let approver = ledger.approvals().waiting();
        let waiting =
            tokio::spawn(async move { approver.approve(&refund().request()).await.unwrap() });
        // It waits when there is a connection that listens, and has nothing more to ask for: an answer may not be on its way
        // when a connection falls silent.
        let database = self.url.rsplit('/').next().unwrap();
        let quiet = format!(
            "SELECT 1 FROM pg_stat_activity listens
             WHERE listens.query LIKE 'LISTEN%' AND listens.datname = '{database}' AND NOT EXISTS (
               SELECT 1 FROM pg_stat_activity asks
               WHERE asks.datname = listens.datname AND asks.query NOT LIKE '%pg_stat_activity%'
                 AND (asks.state <> 'idle' OR asks.state_change > clock_timestamp() - interval '300 milliseconds'))"
        );
        while self.ask(&quiet).await == 0 {
            tokio::task::yield_now().await;
        }
        (waiting, id)
    }

    /// How many rows there are.
    async fn ask(&self, sql: &str) -> usize {
        let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client.query(sql, &[]).await.unwrap().len()
    }

    /// Decides, and waits for the caller to hear of it.
    async fn decide(&self, waiting: JoinHandle<Approval>, id: String) {
        let elsewhere = self.ledger(&self.url).await;
        elsewhere
            .approvals()
            .approve(&id, &ann(), "")
            .await
            .unwrap();
        let woken = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(matches!(woken.unwrap().unwrap(), Approval::Granted { .. }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_wakes_though_its_connections_were_cut() {
    fn here() {}
    let Some(desk) = Desk::new(std::any::type_name_of_val(&here)) else {
        return;
    };
    let (waiting, id) = desk.waiting(&desk.url).await;
    let cut = desk
        .ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    assert!(cut > 1, "{cut}");
    desk.decide(waiting, id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_wakes_though_the_server_was_killed() {
    fn here() {}
    let Some(mut desk) = Desk::new(std::any::type_name_of_val(&here)) else {
        return;
    };
    let (waiting, id) = desk.waiting(&desk.url).await;
    desk.server.kill_at_once().unwrap();
    desk.server.resume().unwrap();
    desk.decide(waiting, id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_wakes_though_its_connections_fell_silent() {
    fn here() {}
    let Some(desk) = Desk::new(std::any::type_name_of_val(&here)) else {
        return;
    };
    let between = Between::start(&desk);
    let (waiting, id) = desk.waiting(&between.address(&desk)).await;
    between.fall_silent();
    desk.decide(waiting, id).await;
}

/// Somebody between ledger and server.
struct Between {
    folder: tempfile::TempDir,
    silent: Arc<watch::Sender<u64>>,
}

impl Between {
    fn start(desk: &Desk) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let socket = desk.server.socket();
        let listener = UnixListener::bind(folder.path().join(socket.file_name().unwrap())).unwrap();
        let silent = Arc::new(watch::Sender::new(0));
        let cutting = Arc::clone(&silent);
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut far = UnixStream::connect(&socket).await.unwrap();
                let mut silent = cutting.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        // Both ends stay open, and nothing comes through any more.
                        _ = silent.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { folder, silent }
    }

    fn address(&self, desk: &Desk) -> String {
        let folder = |path: &std::path::Path| path.display().to_string().replace('/', "%2F");
        let server = folder(desk.server.socket().parent().unwrap());
        desk.url.replace(&server, &folder(self.folder.path()))
    }

    /// From now on nothing comes through on the connections that there are; new ones are as they should be.
    fn fall_silent(&self) {
        self.silent.send_modify(|times| *times += 1);
    }
}
