//! Ledgers with options of a test's own.

use kitelogik_core::Masking;
use kitelogik_ledger::{ApprovalOptions, Ledger};

use crate::stores::TestStore;

impl TestStore {
    /// A ledger as another process would open it.
    pub(crate) async fn with(&self, options: ApprovalOptions) -> Ledger {
        self.builder().approvals(options).open().await.unwrap()
    }

    pub(crate) async fn masked(&self, masking: Masking) -> Ledger {
        self.builder().masking(masking).open().await.unwrap()
    }
}
