//! The result document of a policy, read strictly: anything unexpected is an error, never an allow.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{EngineError, FailClosed, PolicyDecision, RiskTier, Verdict};

impl PolicyDecision {
    /// Reads what a policy answered at `entry_point` (as in `data.kitelogik.main`).
    ///
    /// The document is an object; each of its keys may be missing:
    ///
    /// | key | type |
    /// |---|---|
    /// | `allow`, `requires_hitl` | boolean |
    /// | `deny` | boolean, or a set of reasons |
    /// | `deny_reason`, `hitl_reason`, `rules` | set of strings |
    /// | `risk_tier`, `risk_tiers` | string, or a set of them: the highest counts |
    /// | `rule_matched` | string |
    ///
    /// A set is an array of strings or an object whose values are all `true`; an empty one says
    /// nothing. The verdict is the strongest of: any deny, a request for review, an allow; where
    /// nothing is said, [`Verdict::Refuse`]. Other keys are ignored.
    ///
    /// Duplicate keys must have been refused before, by [`json::parse`](crate::json::parse).
    ///
    /// # Errors
    ///
    /// [`FailClosed::MalformedDecision`] where a key has another type, a risk tier is unknown, or a
    /// `deny_reason` is given without a deny.
    pub fn from_result(document: &Value, entry_point: &str) -> Result<Self, EngineError> {
        Document::read(document).map(|document| document.decide(entry_point))
    }
}

struct Document {
    allow: bool,
    deny: Deny,
    deny_reason: BTreeSet<String>,
    requires_hitl: bool,
    hitl_reason: BTreeSet<String>,
    risk_tier: RiskTier,
    rule_matched: Option<String>,
    rules: BTreeSet<String>,
}

enum Deny {
    No,
    Yes,
    Because(BTreeSet<String>),
}

impl Document {
    fn read(document: &Value) -> Result<Self, EngineError> {
        let object = document.as_object().ok_or_else(|| {
            malformed(format_args!(
                "the result is {}, not an object",
                kind(document)
            ))
        })?;
        let read = Self {
            allow: boolean(object, "allow")?,
            deny: deny(object)?,
            deny_reason: set(object, "deny_reason")?,
            requires_hitl: boolean(object, "requires_hitl")?,
            hitl_reason: set(object, "hitl_reason")?,
            risk_tier: risk_tier(object)?,
            rule_matched: string(object, "rule_matched")?,
            rules: set(object, "rules")?,
        };
        if matches!(read.deny, Deny::No) && !read.deny_reason.is_empty() {
            return Err(malformed(format_args!(
                "`deny_reason` is given, but `deny` is not"
            )));
        }
        Ok(read)
    }

    fn decide(self, entry_point: &str) -> PolicyDecision {
        let (verdict, reasons, rule, fallback) = match self.deny {
            Deny::Because(mut reasons) => {
                reasons.extend(self.deny_reason);
                (Verdict::Deny, reasons, "deny[_]", "denied by policy")
            }
            Deny::Yes => (Verdict::Deny, self.deny_reason, "deny", "denied by policy"),
            Deny::No if self.requires_hitl => (
                Verdict::RequireApproval,
                self.hitl_reason,
                "requires_hitl",
                "a person must approve this call",
            ),
            Deny::No if !self.hitl_reason.is_empty() => (
                Verdict::RequireApproval,
                self.hitl_reason,
                "hitl_reason[_]",
                "a person must approve this call",
            ),
            Deny::No if self.allow => (
                Verdict::Allow,
                BTreeSet::new(),
                "allow",
                "allowed by policy",
            ),
            Deny::No => (
                Verdict::Refuse,
                BTreeSet::new(),
                "",
                "no rule allows this call",
            ),
        };
        let mut decision = reasoned(verdict, self.risk_tier, &reasons, fallback);
        decision.rule_matched = self
            .rule_matched
            .or_else(|| (!rule.is_empty()).then(|| format!("{entry_point}.{rule}")));
        decision.rules = self.rules;
        decision
    }
}

fn reasoned(
    verdict: Verdict,
    risk_tier: RiskTier,
    reasons: &BTreeSet<String>,
    fallback: &str,
) -> PolicyDecision {
    let spoken: Vec<&str> = reasons
        .iter()
        .map(|reason| reason.trim())
        .filter(|reason| !reason.is_empty())
        .collect();
    let reason = if spoken.is_empty() {
        fallback.to_owned()
    } else {
        spoken.join("; ")
    };
    PolicyDecision::new(verdict, risk_tier, reason)
}

fn deny(object: &Map<String, Value>) -> Result<Deny, EngineError> {
    match object.get("deny") {
        None | Some(Value::Bool(false)) => Ok(Deny::No),
        Some(Value::Bool(true)) => Ok(Deny::Yes),
        Some(value) => {
            let reasons = members(value, "deny")?;
            Ok(if reasons.is_empty() {
                Deny::No
            } else {
                Deny::Because(reasons)
            })
        }
    }
}

fn risk_tier(object: &Map<String, Value>) -> Result<RiskTier, EngineError> {
    let mut highest = None;
    for key in ["risk_tier", "risk_tiers"] {
        let names = match object.get(key) {
            None => continue,
            Some(Value::String(name)) => BTreeSet::from([name.clone()]),
            Some(value) => members(value, key)?,
        };
        for name in names {
            let tier: RiskTier = name
                .parse()
                .map_err(|error| malformed(format_args!("`{key}`: {error}")))?;
            highest = highest.max(Some(tier));
        }
    }
    Ok(highest.unwrap_or_default())
}

fn boolean(object: &Map<String, Value>, key: &str) -> Result<bool, EngineError> {
    match object.get(key) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(wrong(key, "a boolean", other)),
    }
}

fn string(object: &Map<String, Value>, key: &str) -> Result<Option<String>, EngineError> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(other) => Err(wrong(key, "a string", other)),
    }
}

fn set(object: &Map<String, Value>, key: &str) -> Result<BTreeSet<String>, EngineError> {
    object
        .get(key)
        .map_or_else(|| Ok(BTreeSet::new()), |value| members(value, key))
}

fn members(value: &Value, key: &str) -> Result<BTreeSet<String>, EngineError> {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(member) => Ok(member.clone()),
                other => Err(wrong(key, "a set of strings", other)),
            })
            .collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(member, value)| match value {
                Value::Bool(true) => Ok(member.clone()),
                other => Err(wrong(key, "a set of strings", other)),
            })
            .collect(),
        other => Err(wrong(key, "a set of strings", other)),
    }
}

fn wrong(key: &str, expected: &str, came: &Value) -> EngineError {
    malformed(format_args!(
        "`{key}` must be {expected}, not {}",
        kind(came)
    ))
}

fn malformed(what: std::fmt::Arguments<'_>) -> EngineError {
    EngineError::new(FailClosed::MalformedDecision, what.to_string())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
