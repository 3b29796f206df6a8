use std::sync::Arc;
use std::time::Instant;

use kitelogik_core::{Approval, ApprovalRequest, Approver, ApproverError, BoxFuture, Use};

use super::plan::{Answer, Ask, Taking};
use super::{ApprovalError, Shared};

/// Asks for approval and waits for it: see [`Approvals::waiting`](crate::Approvals::waiting).
#[derive(Clone)]
pub struct WaitingApprover {
    shared: Arc<Shared>,
}

/// Asks for approval and answers at once: see [`Approvals::pending`](crate::Approvals::pending).
#[derive(Clone)]
pub struct PendingApprover {
    shared: Arc<Shared>,
}

impl WaitingApprover {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn wait(&self, request: &ApprovalRequest<'_>) -> Result<Approval, ApproverError> {
        let shared = &self.shared;
        let asked = shared.asked(request).map_err(failed)?;
        let begun = Instant::now();
        loop {
            let approval = ask(shared, &asked).await?;
            let Approval::Pending { request: id } = &approval else {
                return Ok(approval);
            };
            let mut changed = shared.listen(id);
            loop {
                // Looked at after it is listened to: no change falls in between.
                let Some((now, left)) = shared.look(id).await.map_err(failed)? else {
                    // Used by another call meanwhile, or gone: this one asks anew.
                    break;
                };
                if !matches!(now, Approval::Pending { .. }) {
                    return Ok(now);
                }
                let wait = shared.options.wait.saturating_sub(begun.elapsed());
                if wait.is_zero() {
                    return Ok(now);
                }
                let _ = tokio::time::timeout(wait.min(left), changed.changed()).await;
            }
            if begun.elapsed() >= shared.options.wait {
                return Ok(approval);
            }
        }
    }
}

impl PendingApprover {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Approver for WaitingApprover {
    fn approve<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
    ) -> BoxFuture<'a, Result<Approval, ApproverError>> {
        Box::pin(self.wait(request))
    }

    fn use_up<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
        granted: &'a str,
    ) -> BoxFuture<'a, Result<Use, ApproverError>> {
        Box::pin(take(&self.shared, request, granted))
    }
}

impl Approver for PendingApprover {
    fn approve<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
    ) -> BoxFuture<'a, Result<Approval, ApproverError>> {
        Box::pin(async {
            let asked = self.shared.asked(request).map_err(failed)?;
            ask(&self.shared, &asked).await
        })
    }

    fn use_up<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
        granted: &'a str,
    ) -> BoxFuture<'a, Result<Use, ApproverError>> {
        Box::pin(take(&self.shared, request, granted))
    }
}

async fn ask(shared: &Shared, asked: &Ask) -> Result<Approval, ApproverError> {
    match shared.ask(asked).await.map_err(failed)? {
        Answer::Approval(approval) => Ok(approval),
        Answer::TooMany(why) => Err(ApproverError::not_asked(why)),
        Answer::Forged(forged) => Err(failed(ApprovalError::from(forged))),
    }
}

async fn take(
    shared: &Shared,
    request: &ApprovalRequest<'_>,
    granted: &str,
) -> Result<Use, ApproverError> {
    let key = shared.key().map_err(failed)?;
    let taking = Taking {
        id: granted.to_owned(),
        digest: key.call(request).digest,
        session: request.context.session_id.clone(),
    };
    shared.take(taking).await.map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> ApproverError {
    ApproverError::new(error.to_string())
}
