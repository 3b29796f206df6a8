use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::identity::identity;
use crate::{Approval, EngineError, FailClosed, RiskTier, Verdict};

/// What was decided about one event, and why.
///
/// Made by [`PolicyDecision::from_result`] from a policy's result document, or by
/// [`PolicyDecision::fail_closed`] where there is none. Serialised, it carries the verdict and, for
/// consumers of Kite Logik's JSON, `allow`, `deny` and `requires_hitl`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PolicyDecision {
    /// The verdict.
    pub verdict: Verdict,
    /// How much harm the call can do.
    pub risk_tier: RiskTier,
    /// The policy's public reason: the reasons that belong to the verdict, sorted, joined by `; `,
    /// or a fixed sentence where there are none.
    pub reason: String,
    /// The policy's own `rule_matched`, or the path of the rule that decided, as in
    /// `data.kitelogik.main.deny[_]`. None where no rule decided.
    pub rule_matched: Option<String>,
    /// The names, given by their authors, of all rules that fired.
    pub rules: BTreeSet<String>,
    /// This decision's own id.
    pub decision_id: String,
    /// The id under which the engine keeps the decision in a log of its own, where it says so: OPA
    /// does if its decision logs are on.
    pub engine_decision_id: Option<String>,
    /// The revision (digest) of the policy that decided, where the engine knows it.
    pub revision: Option<Arc<str>>,
    /// Which kind of engine decided: `embedded`, `opa`, … None where an engine does not say.
    pub engine: Option<Cow<'static, str>>,
    /// Why the engine that should have decided did not, where another one holding the same policy
    /// decided in its place.
    pub fallback: Option<FailClosed>,
    /// Why nobody could know, if that is why the call is denied.
    pub fail_closed: Option<FailClosed>,
    /// What is known about a fault: for logs and records, never for a model.
    pub detail: Option<String>,
    /// What became of the approval request, if one was made.
    pub approval: Option<Approval>,
    /// What each layer answered, in order, where there are layers.
    pub trace: Vec<LayerTrace>,
}

impl PolicyDecision {
    pub(crate) fn new(verdict: Verdict, risk_tier: RiskTier, reason: impl Into<String>) -> Self {
        Self {
            verdict,
            risk_tier,
            reason: reason.into(),
            rule_matched: None,
            rules: BTreeSet::new(),
            decision_id: identity(),
            engine_decision_id: None,
            revision: None,
            engine: None,
            fallback: None,
            fail_closed: None,
            detail: None,
            approval: None,
            trace: Vec::new(),
        }
    }

    /// The denial that follows from not knowing.
    pub fn fail_closed(error: &EngineError) -> Self {
        let code = error.code();
        Self {
            fail_closed: Some(code),
            detail: Some(error.detail().to_owned()),
            ..Self::new(
                Verdict::Deny,
                RiskTier::SecurityCritical,
                code.public_reason(),
            )
        }
    }

    /// The denial of what a person has stopped by a kill switch, over every policy.
    pub fn stopped(reason: impl Into<String>) -> Self {
        const RULE: &str = "kill_switch";
        Self {
            rule_matched: Some(RULE.to_owned()),
            rules: BTreeSet::from([RULE.to_owned()]),
            ..Self::new(Verdict::Deny, RiskTier::SecurityCritical, reason)
        }
    }

    /// Whether the policy allows the call.
    pub fn allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }

    /// Whether the call is denied for good.
    pub fn denied(&self) -> bool {
        self.verdict == Verdict::Deny
    }

    /// Whether a person decides.
    pub fn requires_approval(&self) -> bool {
        self.verdict == Verdict::RequireApproval
    }

    /// Whether the call may run: allowed, or granted by the approver whom it was put to.
    ///
    /// Never where [`fail_closed`](Self::fail_closed) says that nobody could know.
    pub fn permits(&self) -> bool {
        if self.fail_closed.is_some() {
            return false;
        }
        match self.verdict {
            Verdict::Allow => true,
            Verdict::RequireApproval => {
                matches!(self.approval, Some(Approval::Granted { .. }))
            }
            Verdict::Deny | Verdict::Refuse => false,
        }
    }

    /// Why the call does not run, in one word for logs and spans: the code of the fault, or the verdict.
    pub fn error_type(&self) -> &'static str {
        self.fail_closed
            .map_or_else(|| self.verdict.as_str(), FailClosed::as_str)
    }

    /// The stronger of two judgements of one call (see [`Verdict::strength`]), with the higher risk
    /// tier of both, all rules that fired in either and both traces; a fallback in either is one of both.
    ///
    /// Where both are equally strong, their reasons are joined.
    #[must_use]
    pub fn strongest(self, other: Self) -> Self {
        let risk_tier = self.risk_tier.max(other.risk_tier);
        let (mut stronger, weaker) = if other.verdict.strength() > self.verdict.strength() {
            (other, self)
        } else {
            (self, other)
        };
        if stronger.verdict == weaker.verdict
            && stronger.fail_closed.is_none()
            && weaker.fail_closed.is_none()
            && !stronger
                .reason
                .split("; ")
                .any(|part| part == weaker.reason)
        {
            stronger.reason = format!("{}; {}", stronger.reason, weaker.reason);
        }
        stronger.risk_tier = risk_tier;
        stronger.fallback = stronger.fallback.or(weaker.fallback);
        stronger.rules.extend(weaker.rules);
        stronger.trace.extend(weaker.trace);
        stronger
    }
}

impl Serialize for PolicyDecision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("PolicyDecision", 17)?;
        document.serialize_field("verdict", &self.verdict)?;
        document.serialize_field("allow", &self.allowed())?;
        document.serialize_field("deny", &self.denied())?;
        document.serialize_field("requires_hitl", &self.requires_approval())?;
        document.serialize_field("risk_tier", &self.risk_tier)?;
        document.serialize_field("reason", &self.reason)?;
        document.serialize_field("rule_matched", &self.rule_matched)?;
        document.serialize_field("rules", &self.rules)?;
        document.serialize_field("decision_id", &self.decision_id)?;
        document.serialize_field("engine_decision_id", &self.engine_decision_id)?;
        document.serialize_field("revision", &self.revision.as_deref())?;
        document.serialize_field("engine", &self.engine)?;
        document.serialize_field("fallback", &self.fallback)?;
        document.serialize_field("fail_closed", &self.fail_closed)?;
        document.serialize_field("detail", &self.detail)?;
        document.serialize_field("approval", &self.approval)?;
        document.serialize_field("resolution_trace", &self.trace)?;
        document.end()
    }
}

/// What one layer of a layered engine answered.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct LayerTrace {
    /// The layer's name.
    #[serde(rename = "tier")]
    pub layer: String,
    /// Its answer.
    #[serde(flatten)]
    pub answer: LayerAnswer,
}

impl LayerTrace {
    /// The answer of the layer with this name.
    pub fn new(layer: impl Into<String>, answer: LayerAnswer) -> Self {
        Self {
            layer: layer.into(),
            answer,
        }
    }
}

/// A layer's answer.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum LayerAnswer {
    /// It was asked.
    Asked {
        /// Its verdict.
        verdict: Verdict,
        /// Its risk tier.
        risk_tier: RiskTier,
        /// Its reason.
        reason: String,
        /// The rule that decided in it.
        rule_matched: Option<String>,
        /// The id under which its engine keeps the decision in a log of its own.
        engine_decision_id: Option<String>,
        /// The revision of its policy.
        revision: Option<Arc<str>>,
        /// Why another engine decided in its engine's place, if so.
        fallback: Option<FailClosed>,
        /// Why it could not know, if so.
        fail_closed: Option<FailClosed>,
    },
    /// It was not asked, because a layer before it denied.
    Skipped,
}

impl From<&PolicyDecision> for LayerAnswer {
    fn from(decision: &PolicyDecision) -> Self {
        Self::Asked {
            verdict: decision.verdict,
            risk_tier: decision.risk_tier,
            reason: decision.reason.clone(),
            rule_matched: decision.rule_matched.clone(),
            engine_decision_id: decision.engine_decision_id.clone(),
            revision: decision.revision.clone(),
            fallback: decision.fallback,
            fail_closed: decision.fail_closed,
        }
    }
}
