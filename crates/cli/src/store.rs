//! Which ledger is asked.

use std::path::PathBuf;

use clap::Args;
use kitelogik_ledger::{Ledger, LedgerBuilder};
use tokio::runtime::{Builder, Runtime};

use crate::answer::{Failure, Outcome};

/// Names the store where no flag does: an address with a password is not for a command line, which all can read.
const VARIABLE: &str = "KITELOGIK_STORE";

/// The store where nothing is said.
const DEFAULT: &str = "sqlite:kitelogik.db";

/// A ledger, and its key.
#[derive(Args, Debug)]
#[command(next_help_heading = "Ledger")]
pub(crate) struct StoreArguments {
    /// The ledger: `sqlite:FILE` or `postgres://USER@HOST/DATABASE`.
    /// Default: what `KITELOGIK_STORE` says, or else `sqlite:kitelogik.db`
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// The file with the ledger's key. Default: beside an SQLite file, as in `kitelogik.db.key`
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl StoreArguments {
    /// The address as it was given.
    fn given(&self) -> String {
        self.store
            .clone()
            .or_else(|| std::env::var(VARIABLE).ok())
            .filter(|address| !address.is_empty())
            .unwrap_or_else(|| DEFAULT.to_owned())
    }

    fn builder(&self) -> LedgerBuilder {
        let builder = Ledger::builder(self.given());
        match &self.key_file {
            Some(path) => builder.key_file(path),
            None => builder,
        }
    }

    /// The ledger, to decide in: one that is there already.
    pub(crate) async fn open(&self) -> Outcome<Ledger> {
        self.builder().existing().open().await.map_err(Failure::new)
    }

    /// The ledger, to read only.
    pub(crate) async fn read(&self) -> Outcome<Ledger> {
        self.builder()
            .read_only()
            .open()
            .await
            .map_err(Failure::new)
    }
}

/// What commands that wait run on.
pub(crate) fn runtime() -> Outcome<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("cannot start: {error}")))
}
