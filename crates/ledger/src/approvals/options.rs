use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kitelogik_core::PolicyEngine;

use crate::notify::Notifier;

/// How many characters of a reviewer's note are kept: 2,000.
pub const MAX_NOTE_CHARS: usize = 2_000;

/// How approvals are asked for: what each field of time and number is by default, and why.
///
/// Set where a ledger is opened, with [`LedgerBuilder::approvals`](crate::LedgerBuilder::approvals).
/// Processes that share a store should be given the same.
///
/// ```
/// use std::time::Duration;
/// use kitelogik_ledger::ApprovalOptions;
///
/// let options = ApprovalOptions::new()
///     .expiry(Duration::from_secs(3600))
///     .approvals_needed(2)
///     .pending_per_session(5);
/// # let _ = options;
/// ```
#[derive(Clone)]
#[must_use]
pub struct ApprovalOptions {
    pub(crate) expiry: Duration,
    pub(crate) denial_sticks: Duration,
    pub(crate) wait: Duration,
    pub(crate) approvals_needed: u32,
    pub(crate) pending_per_session: u64,
    pub(crate) pending_per_tenant: u64,
    pub(crate) reviewers: Option<Arc<dyn PolicyEngine>>,
    pub(crate) notifiers: Vec<Arc<dyn Notifier>>,
}

impl Default for ApprovalOptions {
    fn default() -> Self {
        Self {
            expiry: Duration::from_secs(15 * 60),
            denial_sticks: Duration::from_secs(5 * 60),
            wait: Duration::from_secs(290),
            approvals_needed: 1,
            pending_per_session: 20,
            pending_per_tenant: 1_000,
            reviewers: None,
            notifiers: Vec::new(),
        }
    }
}

impl ApprovalOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a request can be decided and used, from the moment it was asked for, by the store's
    /// clock. Default: 15 minutes.
    pub fn expiry(mut self, expiry: Duration) -> Self {
        self.expiry = expiry;
        self
    }

    /// How long a call that was denied is denied again without a person being asked. Default:
    /// 5 minutes. Zero: each time it is asked for anew.
    pub fn denial_sticks(mut self, time: Duration) -> Self {
        self.denial_sticks = time;
        self
    }

    /// How long an approver that waits does so, before the call is answered as pending. Default:
    /// 290 s, just below the gate's `approval_timeout` of 300 s: were that first, the call would be
    /// denied as one whose approval could not be asked for, and the model would not learn that it may
    /// call again. Set both together.
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// How many different people must approve a call; one is enough to deny it. Default: 1. Zero
    /// counts as 1.
    pub fn approvals_needed(mut self, people: u32) -> Self {
        self.approvals_needed = people.max(1);
        self
    }

    /// How many requests of one session may be pending. Default: 20. A call over it is put to
    /// nobody: it does not run, and the model reads that it must wait.
    pub fn pending_per_session(mut self, requests: u64) -> Self {
        self.pending_per_session = requests;
        self
    }

    /// How many requests of one tenant, over all its sessions, may be pending; those without a
    /// tenant count together. Default: 1,000.
    pub fn pending_per_tenant(mut self, requests: u64) -> Self {
        self.pending_per_tenant = requests;
        self
    }

    /// Asks `policy` whether a person may decide a request. Default: whoever sees it may, but for
    /// their own calls.
    ///
    /// The question is a `tool_call` with the action `approval.decide`. Its context is the reviewer:
    /// `principal`, `user_role`, and the request's tenant as `tenant_id`. Its arguments are the
    /// request, masked: `answer` (`approve`, `deny` or `edit`), `request`, `tool`, `action`,
    /// `arguments`, `resources`, `session`, `principal`, `role`, `scopes`, `tenant`, `risk_tier`,
    /// `reason` and `rules`. Anything but a clear allow, a fault included, refuses.
    pub fn reviewers(mut self, policy: impl PolicyEngine + 'static) -> Self {
        self.reviewers = Some(Arc::new(policy));
        self
    }

    /// Tells of every new request by this means as well. Default: nobody is told.
    pub fn notify(mut self, notifier: impl Notifier + 'static) -> Self {
        self.notifiers.push(Arc::new(notifier));
        self
    }
}

impl fmt::Debug for ApprovalOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApprovalOptions")
            .field("expiry", &self.expiry)
            .field("denial_sticks", &self.denial_sticks)
            .field("wait", &self.wait)
            .field("approvals_needed", &self.approvals_needed)
            .field("pending_per_session", &self.pending_per_session)
            .field("pending_per_tenant", &self.pending_per_tenant)
            .field("reviewers", &self.reviewers.is_some())
            .field("notifiers", &self.notifiers.len())
            .finish()
    }
}
