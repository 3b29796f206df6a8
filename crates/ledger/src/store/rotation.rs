//! Changes of the ledger's key, in either store.

use std::sync::Arc;

use crate::LedgerError;
use crate::audit::{KeyChange, Keys};
use crate::key::Key;

use super::Store;

/// All changes, oldest first.
pub(super) const CHANGES: &str = "SELECT body FROM audit_key ORDER BY number";

pub(super) const ADD_CHANGE: &str = "INSERT INTO audit_key (number, at, body) VALUES ($1, $2, $3)";

impl Store {
    /// Lets `new` take over from `old`, within one transaction; open requests end where the key of digests
    /// is another one, for nobody could ask for the same call any more.
    pub(crate) async fn rotate(
        &self,
        old: Arc<Key>,
        new: Arc<Key>,
    ) -> Result<KeyChange, LedgerError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.rotate(old, new).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.rotate(old, new).await,
        }
    }

    /// The ledger's keys as the store has them now.
    pub(crate) async fn keys(&self) -> Result<Keys, LedgerError> {
        let changes = self.texts(CHANGES, Vec::new()).await?;
        Ok(Keys::read(self.id(), self.first_key(), &changes))
    }
}
