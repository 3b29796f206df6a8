//! What the packages for agents judge by: how deep, how many, how much.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::entry::plain;
use super::setting::Setting;
use crate::PolicyError;

const DEPTHS: RangeInclusive<u32> = 0..=64;

/// `data.kitelogik.limits.delegation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DelegationLimits {
    /// What a delegated session may not do, by the name of the action or tool.
    ///
    /// What is given for an action is laid over what is there for it. Default: `approve_refund` up to an `amount` of
    /// 50 at depth 1, and not at all deeper.
    pub children: BTreeMap<String, ChildLimits>,
    /// How deep a session may be to do anything at all. Default 2; 0 to 64.
    pub max_depth: u32,
}

/// One action's narrower limits, for sessions at depth 1 and deeper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ChildLimits {
    /// From this depth on the action is denied; 1 to 64. `None`: at no depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_from_depth: Option<u32>,
    /// For each of these arguments, the highest number it may be. One that is missing, no number, or below 0 is denied.
    #[serde(default)]
    pub max: BTreeMap<String, Number>,
}

/// `data.kitelogik.limits.agent_lifecycle`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LifecycleLimits {
    /// How deep a session may be to hand work to another agent. Default 1; 0 to 64.
    pub max_delegate_depth: u32,
    /// How deep a session may be to start another agent. Default 2; 0 to 64.
    pub max_spawn_depth: u32,
}

/// `data.kitelogik.limits.agent_plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanLimits {
    /// Actions and tools that no plan may hold, in lower case.
    pub blocked_tools: Vec<String>,
    /// How many steps a plan may have. Default 50; 1 to 200.
    pub max_steps: u32,
}

/// `data.kitelogik.limits.agent_budget`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetLimits {
    /// Which part of a total may be used up, in percent. Default 100; 1 to 100.
    pub stop_at_percent: u32,
}

/// `data.kitelogik.limits.data_classification`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClassificationLimits {
    /// How deep a session may be to touch confidential data. Default 0: only one that nobody started; 0 to 64.
    pub confidential_max_depth: u32,
    /// The scope that restricted data needs. Default `restricted_data`.
    pub restricted_scope: String,
}

impl DelegationLimits {
    pub(super) fn set(&mut self, key: &str, setting: &Setting<'_>) -> Result<(), PolicyError> {
        match key {
            "children" => {
                for (action, given) in setting.members()? {
                    self.children
                        .entry(action.to_owned())
                        .or_default()
                        .set(&given)?;
                }
            }
            "max_depth" => self.max_depth = setting.whole_number(DEPTHS)?,
            _ => return Err(setting.unknown("limit", &["children", "max_depth"])),
        }
        Ok(())
    }
}

impl ChildLimits {
    fn set(&mut self, given: &Setting<'_>) -> Result<(), PolicyError> {
        let members = given.members()?;
        if members.is_empty() {
            return Err(given.refuse("limits nothing: give `blocked_from_depth`, or `max`"));
        }
        for (key, setting) in members {
            match key {
                "blocked_from_depth" => {
                    self.blocked_from_depth = Some(setting.whole_number(1..=*DEPTHS.end())?);
                }
                "max" => {
                    for (argument, amount) in setting.members()? {
                        self.max.insert(argument.to_owned(), amount.amount()?);
                    }
                }
                _ => return Err(setting.unknown("limit", &["blocked_from_depth", "max"])),
            }
        }
        Ok(())
    }
}

impl LifecycleLimits {
    pub(super) fn set(&mut self, key: &str, setting: &Setting<'_>) -> Result<(), PolicyError> {
        match key {
            "max_delegate_depth" => self.max_delegate_depth = setting.whole_number(DEPTHS)?,
            "max_spawn_depth" => self.max_spawn_depth = setting.whole_number(DEPTHS)?,
            _ => {
                return Err(setting.unknown("limit", &["max_delegate_depth", "max_spawn_depth"]));
            }
        }
        Ok(())
    }
}

impl PlanLimits {
    pub(super) fn set(&mut self, key: &str, setting: &Setting<'_>) -> Result<(), PolicyError> {
        match key {
            "blocked_tools" => setting.extend(&mut self.blocked_tools, plain)?,
            "max_steps" => self.max_steps = setting.whole_number(1..=200)?,
            _ => return Err(setting.unknown("limit", &["blocked_tools", "max_steps"])),
        }
        Ok(())
    }
}

impl BudgetLimits {
    pub(super) fn set(&mut self, key: &str, setting: &Setting<'_>) -> Result<(), PolicyError> {
        match key {
            "stop_at_percent" => self.stop_at_percent = setting.whole_number(1..=100)?,
            _ => return Err(setting.unknown("limit", &["stop_at_percent"])),
        }
        Ok(())
    }
}

impl ClassificationLimits {
    pub(super) fn set(&mut self, key: &str, setting: &Setting<'_>) -> Result<(), PolicyError> {
        match key {
            "confidential_max_depth" => {
                self.confidential_max_depth = setting.whole_number(DEPTHS)?;
            }
            "restricted_scope" => self.restricted_scope = setting.text()?,
            _ => {
                return Err(
                    setting.unknown("limit", &["confidential_max_depth", "restricted_scope"])
                );
            }
        }
        Ok(())
    }
}
