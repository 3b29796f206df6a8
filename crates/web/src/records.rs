//! Which records a visitor asks for, and may see.

use kitelogik_core::{UnknownRiskTier, Verdict};
use kitelogik_ledger::{AuditFilter, AuditRecord, CursorError, Ledger, LedgerError};
use serde::Deserialize;

use crate::identity::Identity;
use crate::moment::read_time;
use crate::visitor::form_urlencoded;

/// What a visitor asks for, as it stands in the address; what is empty does not count.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    pub(crate) session: String,
    pub(crate) tool: String,
    pub(crate) action: String,
    pub(crate) tenant: String,
    pub(crate) principal: String,
    pub(crate) rule: String,
    pub(crate) verdict: String,
    pub(crate) tier: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) faults: String,
    /// Where the page before ended.
    pub(crate) after: String,
}

impl Filter {
    /// The address of these records, from `after` on.
    pub(crate) fn link(&self, path: &str, after: Option<&str>) -> String {
        let fields = [
            ("session", self.session.as_str()),
            ("tool", &self.tool),
            ("action", &self.action),
            ("tenant", &self.tenant),
            ("principal", &self.principal),
            ("rule", &self.rule),
            ("verdict", &self.verdict),
            ("tier", &self.tier),
            ("from", &self.from),
            ("to", &self.to),
            ("faults", &self.faults),
            ("after", after.unwrap_or_default()),
        ];
        let query: Vec<String> = fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", form_urlencoded(value)))
            .collect();
        format!("{path}?{}", query.join("&"))
    }

    fn wanted(&self) -> Result<AuditFilter, String> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let time = |text: &str| match text {
            "" => Ok(None),
            text => read_time(text).map(Some).map_err(|error| error.to_string()),
        };
        let mut wanted = AuditFilter::all();
        wanted.session = given(&self.session);
        wanted.tool = given(&self.tool);
        wanted.action = given(&self.action);
        wanted.principal = given(&self.principal);
        wanted.tenant = given(&self.tenant);
        wanted.rule = given(&self.rule);
        wanted.verdict = match self.verdict.as_str() {
            "" => None,
            name => Some(read_verdict(name).ok_or(format!("`{name}` is no verdict"))?),
        };
        wanted.tier = match self.tier.as_str() {
            "" => None,
            name => Some(
                name.parse()
                    .map_err(|error: UnknownRiskTier| error.to_string())?,
            ),
        };
        wanted.from = time(&self.from)?;
        wanted.to = time(&self.to)?;
        wanted.fail_closed = !self.faults.is_empty();
        wanted.after = match self.after.as_str() {
            "" => None,
            after => Some(
                after
                    .parse()
                    .map_err(|error: CursorError| error.to_string())?,
            ),
        };
        Ok(wanted)
    }
}

/// The records of `filter` that somebody may see: those of their tenants.
pub(crate) fn of_visitor(filter: &Filter, identity: &Identity) -> Result<AuditFilter, String> {
    let mut wanted = filter.wanted()?;
    wanted.tenants = identity
        .tenants
        .as_ref()
        .map(|tenants| tenants.iter().cloned().collect());
    Ok(wanted)
}

/// The decision with this id, if somebody may see it.
pub(crate) async fn one(
    ledger: &Ledger,
    identity: &Identity,
    id: &str,
) -> Result<Option<AuditRecord>, LedgerError> {
    let found = ledger.audit().get(id).await?;
    Ok(found.filter(|record| identity.sees(record.tenant.as_deref())))
}

fn read_verdict(name: &str) -> Option<Verdict> {
    [
        Verdict::Allow,
        Verdict::Deny,
        Verdict::RequireApproval,
        Verdict::Refuse,
    ]
    .into_iter()
    .find(|verdict| verdict.as_str() == name)
}
