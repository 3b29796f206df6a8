//! Connections, and the threads that drive them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::security::Security;
use crate::LedgerError;

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// After so long without a word the system asks whether the other machine is still there, and after twice
/// as long without an answer the connection is lost.
const SILENCE: Duration = Duration::from_secs(10);

/// How many connections one process has at most, besides the one that writes and one that listens.
const CONNECTIONS: usize = 8;

/// What every connection begins with. Only the ledger's own schema is looked at, and `off` is the one
/// setting under which a commit may be lost that was acknowledged.
const GREETING: &str = "SET search_path TO kitelogik, pg_temp;
    SET lock_timeout TO '10s';
    SELECT set_config('synchronous_commit', 'on', false)
      WHERE current_setting('synchronous_commit') = 'off'";

/// A connection before anybody drives it: notifications arrive there.
pub(crate) type Driven = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Makes connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    runtime: Arc<Background>,
}

/// Threads of the ledger's own, so that no connection depends on the runtime that opened it.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Connector {
    /// For the database at `address`, in the form of a URL.
    ///
    /// What TLS it wants is in [`Ledger::builder`](crate::Ledger::builder).
    pub(crate) fn new(address: &str) -> Result<Self, LedgerError> {
        let wrong = |hint| LedgerError::Address {
            address: crate::address::shown(address),
            hint,
        };
        let (security, plain) = Security::split(address).map_err(wrong)?;
        let mut config: Config = plain.parse().map_err(|_| wrong(", as libpq has them"))?;
        if config.get_hosts().is_empty() {
            return Err(wrong("; it names no host"));
        }
        config.ssl_mode(security.mode(&config));
        config
            .connect_timeout(PATIENCE)
            .keepalives_idle(SILENCE)
            .keepalives_interval(SILENCE / 2)
            .keepalives_retries(2)
            .tcp_user_timeout(SILENCE.saturating_mul(2));
        if config.get_application_name().is_none() {
            config.application_name("kitelogik");
        }
        let tls = MakeRustlsConnect::new(tls(security.authorities.as_deref())?);
        // Behind all that can fail: a runtime may not be dropped where nothing may block.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("kitelogik-postgres")
            .enable_all()
            .build()
            .map_err(|error| LedgerError::store("starting a thread", error))?;
        Ok(Self {
            config,
            tls,
            runtime: Arc::new(Background(Some(runtime))),
        })
    }

    pub(crate) fn pool(&self) -> Result<Pool, LedgerError> {
        let manager = Manager::from_connect(
            self.config.clone(),
            self.clone(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE.saturating_mul(2)))
            .build()
            .map_err(super::failed)
    }

    /// A connection and what must be polled for it to do anything.
    ///
    /// It belongs to the runtime that calls.
    pub(crate) async fn connect(&self) -> Result<(Client, Driven), LedgerError> {
        Ok(self.config.connect(self.tls.clone()).await?)
    }

    /// A connection that one of the ledger's own threads drives, ready to be used.
    pub(crate) async fn driven(&self) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let (config, tls) = (self.config.clone(), self.tls.clone());
        match self.handle().spawn(begin(config, tls)).await {
            Ok(connected) => connected,
            // The thread is gone: whoever asks drives it.
            Err(_) => begin(self.config.clone(), self.tls.clone()).await,
        }
    }

    pub(crate) fn handle(&self) -> Handle {
        match &self.runtime.0 {
            Some(runtime) => runtime.handle().clone(),
            // Only gone while it is dropped.
            None => Handle::current(),
        }
    }
}

async fn begin(
    config: Config,
    tls: MakeRustlsConnect,
) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
    let (client, connection) = config.connect(tls).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = super::told(&error), "connection to PostgreSQL lost");
        }
    });
    client.batch_execute(GREETING).await?;
    Ok((client, driver))
}

impl Connect for Connector {
    fn connect(
        &self,
        _: &Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        self.driven().boxed()
    }
}

/// By these authorities and no others, or by those of the system.
fn tls(authorities: Option<&Path>) -> Result<rustls::ClientConfig, LedgerError> {
    let unusable = |problem: String| LedgerError::store("setting up TLS", problem);
    let named = |path: &Path, problem: &dyn std::fmt::Display| {
        unusable(format!("`{}`: {problem}", path.display()))
    };
    match authorities {
        None => crate::tls::config(None).map_err(unusable),
        Some(path) => {
            let pem = std::fs::read(path).map_err(|error| named(path, &error))?;
            crate::tls::config(Some(&pem)).map_err(|problem| named(path, &problem))
        }
    }
}
