use serde::{Deserialize, Serialize};

/// Who is asking: one agent session, made once, shared and immutable.
///
/// ```
/// use kitelogik_core::SessionContext;
///
/// let context = SessionContext::new("example_01")
///     .role("support_agent")
///     .scopes(["read_customer", "approve_refund_under_100"])
///     .budget_api_calls(50);
/// assert_eq!(context.session_id, "example_01");
/// ```
///
/// Serialised, it is the `context` of the policy's input document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SessionContext {
    /// The session's own id.
    pub session_id: String,
    /// The person or service the session acts for.
    pub principal: Option<String>,
    /// The role it acts in.
    pub user_role: String,
    /// What it may do, as far as scopes say so.
    pub session_scopes: Vec<String>,
    /// Whether code it runs is in a sandbox that was verified. Default: no.
    pub sandbox_verified: bool,
    /// The token it acts with, or empty.
    pub token_id: String,
    /// How many sessions stand above it. Default: `Some(0)`.
    ///
    /// `None` is a depth that nobody knows, as of an event read from a document that does not tell it
    /// (see [`EventDocument`](crate::EventDocument)). It reaches the policy as `null`, and whatever is
    /// delegated from it is of unknown depth as well.
    pub delegation_depth: Option<u32>,
    /// The token of the session above it, or empty.
    pub parent_token_id: String,
    /// The session above it, or empty.
    pub parent_session_id: String,
    /// The tenant it belongs to.
    pub tenant_id: Option<String>,
    /// How many tokens it may use. Default: not limited.
    pub budget_total_tokens: Option<u64>,
    /// How many tokens it had used when the session began.
    pub budget_used_tokens: Option<u64>,
    /// How many calls it may make. Default: not limited.
    pub budget_total_api_calls: Option<u64>,
    /// How many calls it had made when the session began.
    pub budget_used_api_calls: Option<u64>,
    /// What it may cost, in cents. Default: not limited.
    pub budget_total_cost_cents: Option<u64>,
    /// What it had cost, in cents, when the session began.
    pub budget_used_cost_cents: Option<u64>,
}

impl Default for SessionContext {
    /// A session without id, role, scopes or budget, at depth 0.
    fn default() -> Self {
        Self {
            session_id: String::new(),
            principal: None,
            user_role: String::new(),
            session_scopes: Vec::new(),
            sandbox_verified: false,
            token_id: String::new(),
            delegation_depth: Some(0),
            parent_token_id: String::new(),
            parent_session_id: String::new(),
            tenant_id: None,
            budget_total_tokens: None,
            budget_used_tokens: None,
            budget_total_api_calls: None,
            budget_used_api_calls: None,
            budget_total_cost_cents: None,
            budget_used_cost_cents: None,
        }
    }
}

impl SessionContext {
    /// A session without role, scopes or budget.
    pub fn new(session_id: impl Into<String>) -> Self {
        Self {
            session_id: session_id.into(),
            ..Self::default()
        }
    }

    /// The role it acts in.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.user_role = role.into();
        self
    }

    /// What it may do. Replaces what was set before.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.session_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The person or service it acts for.
    #[must_use]
    pub fn principal(mut self, principal: impl Into<String>) -> Self {
        self.principal = Some(principal.into());
        self
    }

    /// The tenant it belongs to.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant_id = Some(tenant.into());
        self
    }

    /// The token it acts with.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token_id = token.into();
        self
    }

    /// Whether code it runs is in a sandbox that was verified.
    #[must_use]
    pub fn sandbox_verified(mut self, verified: bool) -> Self {
        self.sandbox_verified = verified;
        self
    }

    /// Makes it a session below `parent`: one level deeper, with the parent's id and token named,
    /// for the same principal and tenant.
    #[must_use]
    pub fn delegated_from(mut self, parent: &SessionContext) -> Self {
        self.delegation_depth = parent.delegation_depth.map(|depth| depth.saturating_add(1));
        self.parent_session_id.clone_from(&parent.session_id);
        self.parent_token_id.clone_from(&parent.token_id);
        self.principal.clone_from(&parent.principal);
        self.tenant_id.clone_from(&parent.tenant_id);
        self
    }

    /// How many tokens it may use.
    #[must_use]
    pub fn budget_tokens(mut self, total: u64) -> Self {
        self.budget_total_tokens = Some(total);
        self
    }

    /// How many calls it may make.
    #[must_use]
    pub fn budget_api_calls(mut self, total: u64) -> Self {
        self.budget_total_api_calls = Some(total);
        self
    }

    /// What it may cost, in cents.
    #[must_use]
    pub fn budget_cost_cents(mut self, total: u64) -> Self {
        self.budget_total_cost_cents = Some(total);
        self
    }
}

/// The budget figures of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetUsage {
    /// Tokens used.
    pub tokens: Option<u64>,
    /// Calls made before the one that is judged.
    pub api_calls: Option<u64>,
    /// Cost in cents.
    pub cost_cents: Option<u64>,
}

impl From<&SessionContext> for BudgetUsage {
    fn from(context: &SessionContext) -> Self {
        Self {
            tokens: context.budget_used_tokens,
            api_calls: context.budget_used_api_calls,
            cost_cents: context.budget_used_cost_cents,
        }
    }
}
