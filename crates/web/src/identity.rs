//! Who is signed in.

use kitelogik_ledger::Reviewer;
use serde::{Deserialize, Serialize};

/// A person, or a program that acts for one. It comes from the sign-in alone: nothing that a form or a request says
/// can change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name that goes into the record, as in `ann`.
    pub name: String,
    /// The role, which the policy may ask about when somebody decides, as in `operator`.
    pub role: String,
    /// The tenants whose calls they see. None: all, also calls without a tenant.
    pub tenants: Option<Vec<String>>,
    /// Whether they see but do not decide, as an auditor does.
    #[serde(default)]
    pub read_only: bool,
}

impl Identity {
    /// Somebody who sees and decides the calls of all tenants.
    pub fn new(name: impl Into<String>, role: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: role.into(),
            tenants: None,
            read_only: false,
        }
    }

    /// Who sees the calls of these tenants only.
    #[must_use]
    pub fn tenants<I>(mut self, tenants: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.tenants = Some(tenants.into_iter().map(Into::into).collect());
        self
    }

    /// Who sees, but does not decide.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Whether they see what belongs to this tenant.
    pub(crate) fn sees(&self, tenant: Option<&str>) -> bool {
        self.reviewer().tenants.include(tenant)
    }

    /// As the ledger knows them.
    pub(crate) fn reviewer(&self) -> Reviewer {
        let reviewer = Reviewer::new(&self.name).role(&self.role);
        match &self.tenants {
            None => reviewer,
            Some(tenants) => reviewer.tenants(tenants),
        }
    }
}
