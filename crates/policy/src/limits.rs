//! The limits of the built-in bundle: typed, complete by default, and set by a team's data within bounds.

mod agent;
mod entry;
mod security;
mod setting;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::agent::{
    BudgetLimits, ChildLimits, ClassificationLimits, DelegationLimits, LifecycleLimits, PlanLimits,
};
pub use self::security::SecurityLimits;
use self::setting::Setting;
use crate::PolicyError;
use crate::document::Document;

/// `data.kitelogik.limits`: the lists and numbers that the built-in packages judge by.
///
/// Every one has a default. A team's data extends the lists, each entry on top of the default ones, and sets the
/// numbers within their bounds; no entry of a list can be taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// What `kitelogik.agent_budget` judges by.
    pub agent_budget: BudgetLimits,
    /// What `kitelogik.agent_lifecycle` judges by.
    pub agent_lifecycle: LifecycleLimits,
    /// What `kitelogik.agent_plan` judges by.
    pub agent_plan: PlanLimits,
    /// What `kitelogik.data_classification` judges by.
    pub data_classification: ClassificationLimits,
    /// What `kitelogik.delegation` judges by.
    pub delegation: DelegationLimits,
    /// What `kitelogik.security` judges by.
    pub security: SecurityLimits,
}

impl Limits {
    const SECTIONS: [&str; 6] = [
        "agent_budget",
        "agent_lifecycle",
        "agent_plan",
        "data_classification",
        "delegation",
        "security",
    ];

    /// Adds what `document` gives at `data.kitelogik.limits`.
    pub(crate) fn extend(&mut self, document: &Document, given: &Value) -> Result<(), PolicyError> {
        let given = Setting::new(&document.origin, "data.kitelogik.limits", given);
        for (section, settings) in given.members()? {
            if !Self::SECTIONS.contains(&section) {
                return Err(settings.unknown("section of the limits", &Self::SECTIONS));
            }
            for (key, setting) in settings.members()? {
                match section {
                    "agent_budget" => self.agent_budget.set(key, &setting)?,
                    "agent_lifecycle" => self.agent_lifecycle.set(key, &setting)?,
                    "agent_plan" => self.agent_plan.set(key, &setting)?,
                    "data_classification" => self.data_classification.set(key, &setting)?,
                    "delegation" => self.delegation.set(key, &setting)?,
                    _ => self.security.set(key, &setting)?,
                }
            }
        }
        Ok(())
    }

    /// Protects `path`, as a directory or file that the policy itself lives in.
    pub(crate) fn protect(&mut self, path: &str, directory: bool) {
        self.security.protect(path, directory);
    }
}
