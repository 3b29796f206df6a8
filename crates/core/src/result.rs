//! The result document of a policy, read strictly: anything unexpected is an error, never an allow.

use std::collections::BTreeSet;

use serde_json::Value;

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
    pub fn from_result<'a>(
        document: impl ResultValue<'a>,
        entry_point: &str,
    ) -> Result<Self, EngineError> {
        Document::read(document).map(|document| document.decide(entry_point))
    }
}

/// A value of a result document where an engine holds it: JSON, or what an engine computes with.
///
/// What it tells of itself is what the same document says as JSON. The keys of an object are texts, and none is there
/// twice.
pub trait ResultValue<'a>: Copy {
    /// What it is.
    fn kind(self) -> ResultKind<'a>;

    /// What an object has at `key`; none where it is no object.
    fn at(self, key: &str) -> Option<Self>;

    /// Calls `then` for each item of an array, until one is an error; for none where it is no array.
    ///
    /// # Errors
    ///
    /// What `then` gives.
    fn items<E>(self, then: impl FnMut(Self) -> Result<(), E>) -> Result<(), E>;

    /// Calls `then` for each key and value of an object, as [`items`](Self::items) does.
    ///
    /// # Errors
    ///
    /// What `then` gives.
    fn entries<E>(self, then: impl FnMut(&'a str, Self) -> Result<(), E>) -> Result<(), E>;
}

/// What a [`ResultValue`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// Any number.
    Number,
    /// A text.
    Text(&'a str),
    /// A list, or a set.
    Array,
    /// Keys and values.
    Object,
}

impl<'a> ResultValue<'a> for &'a Value {
    fn kind(self) -> ResultKind<'a> {
        match self {
            Value::Null => ResultKind::Null,
            Value::Bool(value) => ResultKind::Boolean(*value),
            Value::Number(_) => ResultKind::Number,
            Value::String(text) => ResultKind::Text(text),
            Value::Array(_) => ResultKind::Array,
            Value::Object(_) => ResultKind::Object,
        }
    }

    fn at(self, key: &str) -> Option<Self> {
        self.as_object()?.get(key)
    }

    fn items<E>(self, then: impl FnMut(Self) -> Result<(), E>) -> Result<(), E> {
        self.as_array().into_iter().flatten().try_for_each(then)
    }

    fn entries<E>(self, mut then: impl FnMut(&'a str, Self) -> Result<(), E>) -> Result<(), E> {
        let mut entries = self.as_object().into_iter().flatten();
        entries.try_for_each(|(key, value)| then(key, value))
    }
}

struct Document<'a> {
    allow: bool,
    deny: Deny<'a>,
    deny_reason: BTreeSet<&'a str>,
    requires_hitl: bool,
    hitl_reason: BTreeSet<&'a str>,
    risk_tier: RiskTier,
    rule_matched: Option<&'a str>,
    rules: BTreeSet<&'a str>,
}

enum Deny<'a> {
    No,
    Yes,
    Because(BTreeSet<&'a str>),
}

impl<'a> Document<'a> {
    fn read(document: impl ResultValue<'a>) -> Result<Self, EngineError> {
        let kind = document.kind();
        if kind != ResultKind::Object {
            return Err(malformed(format_args!(
                "the result is {}, not an object",
                kind.name()
            )));
        }
        let read = Self {
            allow: boolean(document, "allow")?,
            deny: deny(document)?,
            deny_reason: set(document, "deny_reason")?,
            requires_hitl: boolean(document, "requires_hitl")?,
            hitl_reason: set(document, "hitl_reason")?,
            risk_tier: risk_tier(document)?,
            rule_matched: string(document, "rule_matched")?,
            rules: set(document, "rules")?,
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
            .map(str::to_owned)
            .or_else(|| (!rule.is_empty()).then(|| [entry_point, ".", rule].concat()));
        decision.rules = self.rules.into_iter().map(str::to_owned).collect();
        decision
    }
}

fn reasoned(
    verdict: Verdict,
    risk_tier: RiskTier,
    reasons: &BTreeSet<&str>,
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

fn deny<'a>(object: impl ResultValue<'a>) -> Result<Deny<'a>, EngineError> {
    let Some(value) = object.at("deny") else {
        return Ok(Deny::No);
    };
    match value.kind() {
        ResultKind::Boolean(false) => Ok(Deny::No),
        ResultKind::Boolean(true) => Ok(Deny::Yes),
        _ => {
            let reasons = members(value, "deny")?;
            Ok(if reasons.is_empty() {
                Deny::No
            } else {
                Deny::Because(reasons)
            })
        }
    }
}

fn risk_tier<'a>(object: impl ResultValue<'a>) -> Result<RiskTier, EngineError> {
    let mut highest = None;
    for key in ["risk_tier", "risk_tiers"] {
        let Some(value) = object.at(key) else {
            continue;
        };
        let names = match value.kind() {
            ResultKind::Text(name) => BTreeSet::from([name]),
            _ => members(value, key)?,
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

fn boolean<'a>(object: impl ResultValue<'a>, key: &str) -> Result<bool, EngineError> {
    match object.at(key).map(ResultValue::kind) {
        None => Ok(false),
        Some(ResultKind::Boolean(value)) => Ok(value),
        Some(other) => Err(wrong(key, "a boolean", other)),
    }
}

fn string<'a>(object: impl ResultValue<'a>, key: &str) -> Result<Option<&'a str>, EngineError> {
    match object.at(key).map(ResultValue::kind) {
        None => Ok(None),
        Some(ResultKind::Text(value)) => Ok(Some(value)),
        Some(other) => Err(wrong(key, "a string", other)),
    }
}

fn set<'a>(object: impl ResultValue<'a>, key: &str) -> Result<BTreeSet<&'a str>, EngineError> {
    object
        .at(key)
        .map_or_else(|| Ok(BTreeSet::new()), |value| members(value, key))
}

fn members<'a>(value: impl ResultValue<'a>, key: &str) -> Result<BTreeSet<&'a str>, EngineError> {
    let mut set = BTreeSet::new();
    match value.kind() {
        ResultKind::Array => value.items(|item| match item.kind() {
            ResultKind::Text(member) => {
                set.insert(member);
                Ok(())
            }
            other => Err(wrong(key, "a set of strings", other)),
        })?,
        ResultKind::Object => value.entries(|member, value| match value.kind() {
            ResultKind::Boolean(true) => {
                set.insert(member);
                Ok(())
            }
            other => Err(wrong(key, "a set of strings", other)),
        })?,
        other => return Err(wrong(key, "a set of strings", other)),
    }
    Ok(set)
}

fn wrong(key: &str, expected: &str, came: ResultKind<'_>) -> EngineError {
    malformed(format_args!(
        "`{key}` must be {expected}, not {}",
        came.name()
    ))
}

fn malformed(what: std::fmt::Arguments<'_>) -> EngineError {
    EngineError::new(FailClosed::MalformedDecision, what.to_string())
}

impl ResultKind<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Number => "a number",
            Self::Text(_) => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}
