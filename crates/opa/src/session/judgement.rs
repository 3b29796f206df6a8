//! How a session's question becomes a decision.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kitelogik_core::{
    Approval, BudgetUsage, EngineError, FailClosed, GovernanceEvent, PolicyDecision, Use, Verdict,
};

use super::{CallRequest, MAX_RESOURCES, Session};
use crate::budget::CountedCall;
use crate::question::{Asked, Question};
use crate::record::Record;

/// How often a call asks for approval before it is given up: each time, what it was approved for has
/// changed or another call was faster.
const MAX_APPROVALS: usize = 3;

impl Session {
    pub(super) async fn look(&self, question: &Question<'_>) -> Arc<PolicyDecision> {
        let watched = self.gate.decision_span(question);
        let looking = async {
            let (event, decision) = self.judge(question, self.usage()).await;
            self.gate.record(question, &event, decision).await
        };
        let decided = watched.over(looking).await;
        self.gate.told(question, &watched, decided).await.0
    }

    /// Judges, asks for approval where the policy wants it, and records; in a span of its own.
    pub(super) async fn decide(
        &self,
        question: &Question<'_>,
        usage: BudgetUsage,
        counted: Option<&CountedCall>,
    ) -> (Arc<PolicyDecision>, Record) {
        let watched = self.gate.decision_span(question);
        let deciding = self.decide_inner(question, usage, counted);
        let decided = watched.over(deciding).await;
        self.gate.told(question, &watched, decided).await
    }

    async fn decide_inner(
        &self,
        question: &Question<'_>,
        usage: BudgetUsage,
        counted: Option<&CountedCall>,
    ) -> (Arc<PolicyDecision>, Record) {
        let (event, decision) = self.judge(question, usage).await;
        let (event, decision) = if decision.requires_approval() {
            self.approved(question, counted, event, decision).await
        } else {
            (event, decision)
        };
        let decided = self.gate.record(question, &event, decision).await;
        // The record may have taken long: what was stopped meanwhile does not begin.
        match self.gate.kill_switch().denial(&event, &self.context) {
            Some(stopped) if decided.0.permits() => {
                drop(decided);
                self.gate.record(question, &event, stopped).await
            }
            _ => decided,
        }
    }

    /// Asks a person, and judges again what they granted, because the policy, the budget or the kill
    /// switch may have changed meanwhile. Only what the policy then allows, or wants approved on the
    /// same grounds, uses the grant.
    async fn approved<'a>(
        &self,
        question: &Question<'a>,
        counted: Option<&CountedCall>,
        mut event: Cow<'a, GovernanceEvent>,
        mut decision: PolicyDecision,
    ) -> (Cow<'a, GovernanceEvent>, PolicyDecision) {
        for _ in 0..MAX_APPROVALS {
            let request = question.request(&event, &decision);
            let reviewed = self.gate.review(&request, decision.clone()).await;
            let Some(Approval::Granted { request: id, .. }) = &reviewed.approval else {
                return (event, reviewed);
            };
            let usage = counted.map_or_else(|| self.usage(), CountedCall::usage);
            let (event_now, mut now) = self.judge(question, usage).await;
            let stands = match now.verdict {
                Verdict::Allow => true,
                Verdict::RequireApproval => same_grounds(&decision, &now),
                Verdict::Deny | Verdict::Refuse => return (event_now, now),
            };
            if stands {
                match self.gate.use_up(&request, id).await {
                    Ok(Use::Taken) => {
                        now.approval.clone_from(&reviewed.approval);
                        return (event_now, now);
                    }
                    Ok(Use::Gone) if now.allowed() => return (event_now, now),
                    Ok(Use::Gone) => {}
                    Err(denial) => return (event, denial),
                }
            }
            (event, decision) = (event_now, now);
        }
        let error = EngineError::new(
            FailClosed::InternalError,
            format!("approver: {MAX_APPROVALS} grants in a row could not be used"),
        );
        (event, PolicyDecision::fail_closed(&error))
    }

    /// How long the engine may take for one question.
    fn limit(&self) -> Duration {
        let limit = self.gate.decision_timeout();
        self.deadline.map_or(limit, |deadline| deadline.min(limit))
    }

    async fn judge<'a>(
        &self,
        question: &Question<'a>,
        usage: BudgetUsage,
    ) -> (Cow<'a, GovernanceEvent>, PolicyDecision) {
        match question.asked {
            Asked::Call(request) => {
                let (event, decision) = self.judge_call(request, usage).await;
                (Cow::Owned(event), decision)
            }
            Asked::Event(event) => {
                let limit = self.limit();
                let decision = self.gate.judge(event, &self.context, usage, limit).await;
                (Cow::Borrowed(event), decision)
            }
        }
    }

    /// Judges a call once for each of its resources, within one time limit, until one is denied.
    ///
    /// The event that comes back, for the approver and the record, is the one that weighs most.
    async fn judge_call(
        &self,
        request: &CallRequest,
        usage: BudgetUsage,
    ) -> (GovernanceEvent, PolicyDecision) {
        let begun = Instant::now();
        let limit = self.limit();
        let mut resources: Vec<&str> = Vec::new();
        for resource in &request.resources {
            if !resources.contains(&resource.as_str()) {
                resources.push(resource);
            }
            if resources.len() > MAX_RESOURCES {
                let event = request.event(Some(resource));
                let error = EngineError::new(
                    FailClosed::LimitExceeded,
                    format!("the call names more than {MAX_RESOURCES} resources"),
                );
                return (event, PolicyDecision::fail_closed(&error));
            }
        }
        let mut resources = resources.into_iter();
        let mut event = request.event(resources.next());
        let mut decision = self.gate.judge(&event, &self.context, usage, limit).await;
        for resource in resources {
            if decision.denied() {
                break;
            }
            let other = request.event(Some(resource));
            let left = limit.saturating_sub(begun.elapsed());
            let judged = self.gate.judge(&other, &self.context, usage, left).await;
            if judged.verdict.strength() > decision.verdict.strength() {
                event = other;
            }
            decision = decision.strongest(judged);
        }
        (event, decision)
    }
}

/// Whether what was granted is what the policy wants approved now: for the same rules and reasons, and
/// with no more harm in it.
fn same_grounds(granted: &PolicyDecision, now: &PolicyDecision) -> bool {
    now.rules == granted.rules
        && now.rule_matched == granted.rule_matched
        && now.reason == granted.reason
        && now.risk_tier <= granted.risk_tier
}
