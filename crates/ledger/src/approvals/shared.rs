use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kitelogik_core::{Approval, ApprovalRequest, Masking, Use};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use super::digest::ApprovalKey;
use super::hub::{Change, Hub};
use super::id::new_id;
use super::plan::{Answer, Ask, Changes, Decide, Taking, standing};
use super::row::Row;
use super::{ApprovalError, ApprovalFilter, ApprovalOptions, ApprovalState, ApprovalView, Tenants};
use crate::ledger::Shared as Ledger;
use crate::store::ApprovalStore;
use crate::{AuditEntry, LedgerError, Timestamp};

/// What all approvals of one ledger share.
pub(crate) struct Shared {
    store: ApprovalStore,
    pub(super) masking: Masking,
    pub(super) options: ApprovalOptions,
    hub: Arc<Hub>,
    /// Brings the changes of other processes, while somebody listens.
    courier: Mutex<Option<JoinHandle<()>>>,
}

impl Shared {
    pub(super) fn new(ledger: &Arc<Ledger>, options: ApprovalOptions) -> Self {
        let key = ledger.key.clone().map(ApprovalKey::new);
        Self {
            store: ApprovalStore::new(ledger.clone(), key),
            masking: ledger.masking.clone(),
            options,
            hub: Arc::new(Hub::new()),
            courier: Mutex::default(),
        }
    }

    pub(super) fn key(&self) -> Result<&ApprovalKey, LedgerError> {
        self.store.key()
    }

    /// What a call asks.
    pub(super) fn asked(&self, request: &ApprovalRequest<'_>) -> Result<Ask, LedgerError> {
        let call = self.key()?.call(request);
        Ok(Ask::new(call, request, &self.masking, &self.options))
    }

    /// What there is of this call, or what comes of asking for it.
    pub(super) async fn ask(&self, asked: &Ask) -> Result<Answer, ApprovalError> {
        let id = new_id().ok_or_else(no_random_numbers)?;
        let (changes, answer) = self.store.ask(asked.under(id)).await?;
        self.tell(&changes);
        for view in changes.new_views() {
            if view.state == ApprovalState::Pending {
                for notifier in &self.options.notifiers {
                    notifier.notify(view);
                }
            }
        }
        Ok(answer)
    }

    /// How the request `id` stands for a caller that waits for it, and how long it still can be
    /// decided. None where it was used by another call, or is not there.
    pub(super) async fn look(
        &self,
        id: &str,
    ) -> Result<Option<(Approval, Duration)>, ApprovalError> {
        let (Some(row), now) = self.row(id).await? else {
            return Ok(None);
        };
        let state = row.state_at(now);
        if state == ApprovalState::Used {
            return Ok(None);
        }
        if state == ApprovalState::Expired && row.view.state.is_open() {
            let (changes, ()) = self.store.sweep().await?;
            self.tell(&changes);
        }
        let edited = match &row.view.edited_to {
            Some(id) => self.row(id).await?.0,
            None => None,
        };
        let left = now.until(row.view.expires_at);
        Ok(match standing(&row, edited.as_ref(), now) {
            Answer::Approval(approval) => Some((approval, left)),
            Answer::TooMany(_) | Answer::Forged(_) => None,
        })
    }

    /// The request with this id, and the moment by the store's clock.
    pub(super) async fn row(&self, id: &str) -> Result<(Option<Row>, Timestamp), ApprovalError> {
        let (columns, now) = self.store.get(id.to_owned()).await?;
        let key = self.key()?;
        let row = columns.map(|columns| Row::read(columns, key)).transpose()?;
        Ok((row, now))
    }

    pub(super) async fn list(
        &self,
        filter: &ApprovalFilter,
        tenants: &Tenants,
    ) -> Result<Vec<ApprovalView>, ApprovalError> {
        let (all, now) = self.store.list(filter.clone(), tenants.clone()).await?;
        let key = self.key()?;
        let rows = all
            .into_iter()
            .filter_map(|columns| Row::read(columns, key).ok());
        Ok(rows.map(|row| row.view_at(now)).collect())
    }

    pub(super) async fn history(&self, id: &str) -> Result<Vec<AuditEntry>, ApprovalError> {
        Ok(self.store.history(id).await?)
    }

    pub(super) async fn count_pending(&self, tenants: &Tenants) -> Result<u64, ApprovalError> {
        Ok(self.store.count_pending(tenants.clone()).await?)
    }

    pub(super) async fn decide(&self, decide: Decide) -> Result<ApprovalView, ApprovalError> {
        let (changes, decided) = self.store.decide(decide).await?;
        self.tell(&changes);
        decided
    }

    pub(super) async fn take(&self, taking: Taking) -> Result<Use, ApprovalError> {
        let (changes, used) = self.store.take(taking).await?;
        self.tell(&changes);
        Ok(used?)
    }

    pub(super) async fn remove(&self, before: Timestamp) -> Result<u64, LedgerError> {
        // What ran out and nobody came upon is not over until somebody says so, in the record as well.
        loop {
            let (changes, ()) = self.store.sweep().await?;
            if changes.rows.is_empty() {
                break;
            }
            self.tell(&changes);
        }
        // A denial that still sticks is over, and counts.
        let sticking = i64::try_from(self.options.denial_sticks.as_millis()).unwrap_or(i64::MAX);
        let settled = Timestamp::now().millis().saturating_sub(sticking);
        let before = before.min(Timestamp::from_millis(settled));
        self.store.remove(before).await
    }

    /// Listens for changes of the request with this id, from this moment on.
    pub(super) fn listen(&self, id: &str) -> watch::Receiver<()> {
        let receiver = self.hub.wait(id);
        self.bring();
        receiver
    }

    /// Listens for all changes, from this moment on.
    pub(super) fn watch(&self) -> broadcast::Receiver<Change> {
        let receiver = self.hub.watch();
        self.bring();
        receiver
    }

    fn tell(&self, changes: &Changes) {
        for view in changes.views() {
            self.hub.changed(&view.id);
        }
    }

    /// Sees to it that the changes of other processes are brought. A courier ends with the runtime
    /// that it was begun on; then the next one who listens begins another.
    fn bring(&self) {
        let mut courier = self.courier.lock().unwrap_or_else(PoisonError::into_inner);
        if courier.as_ref().is_none_or(JoinHandle::is_finished) {
            let changes = self.store.clone().bring_changes(self.hub.clone());
            *courier = Some(tokio::spawn(changes));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let courier = self.courier.get_mut();
        if let Some(courier) = courier.unwrap_or_else(PoisonError::into_inner).take() {
            courier.abort();
        }
    }
}

pub(super) fn no_random_numbers() -> LedgerError {
    LedgerError::store("naming a request", "the system gave no random numbers")
}

impl From<super::row::Forged> for ApprovalError {
    fn from(forged: super::row::Forged) -> Self {
        Self::Forged { id: forged.id }
    }
}
