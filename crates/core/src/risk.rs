use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much harm a call can do, from least to most.
///
/// On the wire in SCREAMING_SNAKE_CASE, as in `"TRANSACTIONAL_HIGH"`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RiskTier {
    /// Reads what is not sensitive.
    Informational,
    /// Everyday work. What counts when a policy names no tier.
    #[default]
    Operational,
    /// Moves little.
    TransactionalLow,
    /// Moves much.
    TransactionalHigh,
    /// Cannot be undone.
    Destructive,
    /// Touches the security of the system itself, and whatever could not be judged.
    SecurityCritical,
}

impl RiskTier {
    /// All of them, the lowest first.
    pub const ALL: [Self; 6] = [
        Self::Informational,
        Self::Operational,
        Self::TransactionalLow,
        Self::TransactionalHigh,
        Self::Destructive,
        Self::SecurityCritical,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "INFORMATIONAL",
            Self::Operational => "OPERATIONAL",
            Self::TransactionalLow => "TRANSACTIONAL_LOW",
            Self::TransactionalHigh => "TRANSACTIONAL_HIGH",
            Self::Destructive => "DESTRUCTIVE",
            Self::SecurityCritical => "SECURITY_CRITICAL",
        }
    }
}

impl fmt::Display for RiskTier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for RiskTier {
    type Err = UnknownRiskTier;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == name)
            .ok_or_else(|| UnknownRiskTier(name.to_owned()))
    }
}

/// A name that is none of the risk tiers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown risk tier `{0}`; one of INFORMATIONAL, OPERATIONAL, TRANSACTIONAL_LOW, TRANSACTIONAL_HIGH, DESTRUCTIVE, SECURITY_CRITICAL"
)]
pub struct UnknownRiskTier(String);
