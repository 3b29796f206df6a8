use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::Stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::hub::Change;
use super::{ApprovalError, ApprovalFilter, ApprovalView, Shared, Tenants};

/// The changes of requests, one after the other: see [`Approvals::watch`](crate::Approvals::watch).
///
/// Each is the request as it is when it is read: of two changes in quick succession, the later one
/// may come twice. After a lost connection, and to one that lags more than 1,024 changes behind,
/// every request that is pending comes again. That the time of a request is up is no change until
/// somebody notes it: compare [`expires_at`](ApprovalView::expires_at).
pub struct ApprovalWatch {
    shared: Arc<Shared>,
    tenants: Tenants,
    changes: Receiver<Change>,
    ready: VecDeque<ApprovalView>,
}

impl ApprovalWatch {
    pub(super) fn new(shared: Arc<Shared>, tenants: Tenants) -> Self {
        Self {
            changes: shared.watch(),
            shared,
            tenants,
            ready: VecDeque::new(),
        }
    }

    /// The next change, whenever it comes.
    ///
    /// # Errors
    ///
    /// The store could not be read; the next call goes on.
    pub async fn next(&mut self) -> Result<ApprovalView, ApprovalError> {
        loop {
            if let Some(view) = self.ready.pop_front() {
                return Ok(view);
            }
            match self.changes.recv().await {
                Ok(Change::Request(id)) => {
                    let view = self.shared.row(&id).await;
                    match view {
                        Ok((Some(row), now)) => self.show(row.view_at(now)),
                        // What is forged is shown to nobody, and was logged.
                        Ok((None, _)) | Err(ApprovalError::Forged { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(Change::Unknown) | Err(RecvError::Lagged(_)) => self.everything().await?,
                // The sender lives in `shared`.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// The changes as a stream that does not end.
    pub fn into_stream(self) -> impl Stream<Item = Result<ApprovalView, ApprovalError>> + Send {
        futures_util::stream::unfold(self, |mut watch| async move {
            let next = watch.next().await;
            Some((next, watch))
        })
    }

    async fn everything(&mut self) -> Result<(), ApprovalError> {
        let filter = ApprovalFilter::pending().limit(ApprovalFilter::MAX_LIMIT);
        let pending = self.shared.list(&filter, &self.tenants).await?;
        self.ready.extend(pending);
        Ok(())
    }

    fn show(&mut self, view: ApprovalView) {
        if self.tenants.include(view.tenant.as_deref()) {
            self.ready.push_back(view);
        }
    }
}

impl std::fmt::Debug for ApprovalWatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ApprovalWatch")
            .field("tenants", &self.tenants)
            .finish_non_exhaustive()
    }
}
