use super::ApprovalState;

/// Which requests [`Approvals::list`](crate::Approvals::list) gives, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApprovalFilter {
    /// In one of these states; all where there is none.
    pub states: Vec<ApprovalState>,
    /// Of this session.
    pub session: Option<String>,
    /// Of this tool.
    pub tool: Option<String>,
    /// Of a session that acts for this principal.
    pub principal: Option<String>,
    /// Of this tenant. A reviewer who does not see it gets nothing.
    pub tenant: Option<String>,
    /// Those after this id, in the order of the list: the last one of the page before.
    pub after: Option<String>,
    /// Newest first. Default: oldest first, for those are the first to expire.
    pub newest_first: bool,
    /// At most so many. Default: 100. At most [`ApprovalFilter::MAX_LIMIT`].
    pub limit: usize,
}

impl Default for ApprovalFilter {
    fn default() -> Self {
        Self {
            states: Vec::new(),
            session: None,
            tool: None,
            principal: None,
            tenant: None,
            after: None,
            newest_first: false,
            limit: 100,
        }
    }
}

impl ApprovalFilter {
    /// How many one list may hold: 10,000. A larger [`limit`](Self::limit) counts as this.
    pub const MAX_LIMIT: usize = 10_000;

    /// All requests, in every state.
    pub fn all() -> Self {
        Self::default()
    }

    /// The requests that wait for a person.
    pub fn pending() -> Self {
        Self {
            states: vec![ApprovalState::Pending],
            ..Self::default()
        }
    }

    /// The requests that are over, newest first.
    pub fn history() -> Self {
        Self {
            states: vec![
                ApprovalState::Denied,
                ApprovalState::Expired,
                ApprovalState::Used,
            ],
            newest_first: true,
            ..Self::default()
        }
    }

    /// Of this session only.
    #[must_use]
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Of this tool only.
    #[must_use]
    pub fn tool(mut self, tool: impl Into<String>) -> Self {
        self.tool = Some(tool.into());
        self
    }

    /// Of sessions that act for this principal only.
    #[must_use]
    pub fn principal(mut self, principal: impl Into<String>) -> Self {
        self.principal = Some(principal.into());
        self
    }

    /// Of this tenant only.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Those after the request with this id.
    #[must_use]
    pub fn after(mut self, id: impl Into<String>) -> Self {
        self.after = Some(id.into());
        self
    }

    /// Newest first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}
