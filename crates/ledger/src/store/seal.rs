//! Checkpoints and what is removed behind them, in either store.

use crate::audit::Checkpoint;
use crate::{LedgerError, Timestamp};

use super::Store;

impl Store {
    /// Signs a checkpoint.
    pub(crate) async fn seal(&self) -> Result<Checkpoint, LedgerError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.seal().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.seal().await,
        }
    }

    /// Lets go of all entries up to `checkpoint`, and tells of it, unless that was done before.
    pub(crate) async fn begin_retention(
        &self,
        checkpoint: Checkpoint,
        before: Timestamp,
    ) -> Result<(), LedgerError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.begin_retention(checkpoint, before).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.begin_retention(checkpoint, before).await,
        }
    }

    /// Removes some of the entries up to `count` of a chain; gives how many.
    pub(crate) async fn remove(
        &self,
        writer: u64,
        count: u64,
        limit: i64,
    ) -> Result<u64, LedgerError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.remove(writer, count, limit).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.remove(writer, count, limit).await,
        }
    }
}
