//! Calls that wait for a person: asked for once, decided once, used once.

mod approver;
mod digest;
mod edit;
mod entry;
mod error;
mod filter;
mod hub;
mod id;
mod options;
pub(crate) mod plan;
mod policy;
mod reviewer;
pub(crate) mod row;
mod shared;
pub(crate) mod table;
mod view;
mod watch;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use approver::{PendingApprover, WaitingApprover};
pub use error::ApprovalError;
pub use filter::ApprovalFilter;
pub use options::{ApprovalOptions, MAX_NOTE_CHARS};
pub use reviewer::{Reviewer, Tenants};
pub use view::{
    ApprovalState, ApprovalView, ReviewerAnswer, ReviewerDecision, UnknownApprovalState,
};
pub use watch::ApprovalWatch;

pub(crate) use digest::ApprovalKey;
pub(crate) use hub::Hub;
use shared::Shared;

use self::plan::{Decide, Wanted};
use crate::{AuditEntry, LedgerError, Timestamp};

/// The requests for approval of a ledger: asking for them, and deciding them.
///
/// Made by [`Ledger::approvals`](crate::Ledger::approvals). Clones are the same, and wake each other.
///
/// A request is bound to exactly one call of one session: event, tool and its schema, action,
/// canonical arguments, resources, session, principal, role, scopes, tenant. It is `pending` until a
/// person approves or denies it or its time is up; what is approved lets its call run once. Every
/// step, and every attempt that is refused, is an entry of the audit chain, written in the same
/// transaction.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use kitelogik_ledger::{ApprovalFilter, Ledger, Reviewer};
///
/// let ledger = Ledger::open("sqlite:kitelogik.db").await?;
/// let approvals = ledger.approvals();
/// let ann = Reviewer::new("ann@example.com").tenants(["acme"]);
/// for request in approvals.list(&ApprovalFilter::pending(), &ann).await? {
///     println!("{}: {} wants {}", request.id, request.session, request.tool);
///     approvals.approve(&request.id, &ann, "as agreed by telephone").await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Approvals {
    shared: Arc<Shared>,
}

impl Approvals {
    pub(crate) fn new(ledger: &Arc<crate::ledger::Shared>, options: ApprovalOptions) -> Self {
        Self {
            shared: Arc::new(Shared::new(ledger, options)),
        }
    }

    /// An approver for a gate that waits for the person.
    ///
    /// The call waits until its request is decided or expires, and wakes at once when it is: in the
    /// same process, in another one on the same PostgreSQL, and within 100 ms where another process
    /// shares the SQLite file. Where the connection is lost on which PostgreSQL would tell, the call
    /// looks again as soon as there is another, which is tried every second; one that fell silent
    /// counts as lost within 5 s. After [`ApprovalOptions::wait`] it gives up and answers that the
    /// request is pending; the request stays, and the same call asked again goes on waiting for it,
    /// also after a restart.
    pub fn waiting(&self) -> WaitingApprover {
        WaitingApprover::new(self.shared.clone())
    }

    /// An approver for a gate that answers at once that the request is pending, with its id.
    ///
    /// The next identical call finds what became of it.
    pub fn pending(&self) -> PendingApprover {
        PendingApprover::new(self.shared.clone())
    }

    /// The requests of `filter` that `reviewer` sees.
    ///
    /// A request that does not carry the ledger's seal is left out, and logged as an error.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn list(
        &self,
        filter: &ApprovalFilter,
        reviewer: &Reviewer,
    ) -> Result<Vec<ApprovalView>, ApprovalError> {
        self.shared.list(filter, &reviewer.tenants).await
    }

    /// How many requests wait for a decision that `reviewer` sees.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn count_pending(&self, reviewer: &Reviewer) -> Result<u64, ApprovalError> {
        self.shared.count_pending(&reviewer.tenants).await
    }

    /// The request with this id.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NotFound`], [`ApprovalError::Forged`], or the store could not be read.
    pub async fn get(&self, id: &str, reviewer: &Reviewer) -> Result<ApprovalView, ApprovalError> {
        let (row, now) = self.shared.row(id).await?;
        match row {
            Some(row) if reviewer.tenants.include(row.view.tenant.as_deref()) => {
                Ok(row.view_at(now))
            }
            _ => Err(ApprovalError::NotFound { id: id.to_owned() }),
        }
    }

    /// What happened to the request with this id, refused attempts among it, from the audit chain,
    /// oldest first; at most 1,000 entries.
    ///
    /// One who sees all tenants also gets the attempts at an id that is none.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub async fn history(
        &self,
        id: &str,
        reviewer: &Reviewer,
    ) -> Result<Vec<AuditEntry>, ApprovalError> {
        if reviewer.tenants != Tenants::All {
            self.get(id, reviewer).await?;
        }
        self.shared.history(id).await
    }

    /// Approves the request with this id, as one of as many people as are needed.
    ///
    /// `note` is kept for others to read, masked, up to [`MAX_NOTE_CHARS`] characters.
    ///
    /// # Errors
    ///
    /// It is not for `reviewer` to decide, or it is decided, used or expired: see [`ApprovalError`].
    pub async fn approve(
        &self,
        id: &str,
        reviewer: &Reviewer,
        note: &str,
    ) -> Result<ApprovalView, ApprovalError> {
        self.decide(id, reviewer, note, Wanted::Approve).await
    }

    /// Denies the request with this id; one person is enough.
    ///
    /// The same call asked again within [`ApprovalOptions::denial_sticks`] is denied as well, and
    /// nobody is asked.
    ///
    /// # Errors
    ///
    /// As for [`approve`](Self::approve).
    pub async fn deny(
        &self,
        id: &str,
        reviewer: &Reviewer,
        note: &str,
    ) -> Result<ApprovalView, ApprovalError> {
        self.decide(id, reviewer, note, Wanted::Deny).await
    }

    /// Denies the call as it was asked for, and approves it with `arguments` instead.
    ///
    /// The caller learns which arguments are wanted, now if it waits or when it asks again. A call
    /// with exactly those is judged anew; it uses the approval if the policy still asks for one, for
    /// the same rules and reasons. Where several people must approve, the edit is the first of them.
    ///
    /// Give all arguments, those with default values too, as [`get`](Self::get) shows them. An edit
    /// that makes the call touch other resources is asked for anew.
    ///
    /// What comes back is the request that was edited; [`edited_to`](ApprovalView::edited_to) names
    /// the one with the new arguments.
    ///
    /// # Errors
    ///
    /// As for [`approve`](Self::approve); or the event is no tool call, the arguments are the same,
    /// or some of them are masked: those are kept nowhere, so nobody can put them together.
    pub async fn edit(
        &self,
        id: &str,
        reviewer: &Reviewer,
        arguments: Map<String, Value>,
        note: &str,
    ) -> Result<ApprovalView, ApprovalError> {
        let wanted = self.edited(id, reviewer, arguments).await?;
        self.decide(id, reviewer, note, wanted).await
    }

    /// All changes of requests that `reviewer` sees, from this moment on.
    pub fn watch(&self, reviewer: &Reviewer) -> ApprovalWatch {
        ApprovalWatch::new(self.shared.clone(), reviewer.tenants.clone())
    }

    /// Removes requests that are over and would have expired before `before`, and so long ago that no
    /// denial among them sticks any more; gives how many. Their steps stay in the audit chain, and an
    /// entry of it tells how many were removed.
    ///
    /// # Errors
    ///
    /// The store could not be written.
    pub async fn remove_over(&self, before: Timestamp) -> Result<u64, ApprovalError> {
        Ok(self.remove(before).await?)
    }

    pub(crate) async fn remove(&self, before: Timestamp) -> Result<u64, LedgerError> {
        self.shared.remove(before).await
    }

    async fn decide(
        &self,
        id: &str,
        reviewer: &Reviewer,
        note: &str,
        wanted: Wanted,
    ) -> Result<ApprovalView, ApprovalError> {
        if reviewer.is("") {
            return Err(ApprovalError::NoName);
        }
        let shared = &self.shared;
        let note: String = note.trim().chars().take(MAX_NOTE_CHARS).collect();
        let mut decide = Decide {
            id: id.to_owned(),
            reviewer: reviewer.clone(),
            note: shared.masking.text("note", &note).into_owned(),
            denial_sticks: shared.options.denial_sticks,
            expiry: shared.options.expiry,
            forbidden: None,
            wanted,
        };
        if let Some(policy) = &shared.options.reviewers {
            decide.forbidden = match shared.row(id).await {
                Ok((Some(row), now)) => policy::objection(policy, &decide, &row.view_at(now)).await,
                // That it cannot be decided is said, and recorded, below. Should there be another in a
                // moment, the policy was not asked about it.
                Ok((None, _)) | Err(ApprovalError::Forged { .. }) => {
                    Some("it was not there when the policy was to be asked".to_owned())
                }
                Err(error) => return Err(error),
            };
        }
        shared.decide(decide).await
    }
}

impl std::fmt::Debug for Approvals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Approvals")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}
