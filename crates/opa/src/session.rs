use std::sync::Arc;
use std::time::{Duration, Instant};

use kitelogik_core::{
    AgentBudget, AgentDelegate, AgentPlan, AgentSpawn, Approval, Arguments, BudgetUsage,
    DataClassification, EngineError, FailClosed, GovernanceError, GovernanceEvent, PlanStep,
    PolicyDecision, SessionContext, ToolCallInput, Use, Verdict,
};

use crate::budget::{Budget, CountedCall};
use crate::question::{Asked, Question};
use crate::record::Record;
use crate::{Permit, PolicyGate};

/// A gate and a session's context: what calls run in.
///
/// Made by [`PolicyGate::session`]. Clones are the same session and share its budget counters.
#[derive(Clone)]
pub struct Session {
    gate: PolicyGate,
    context: Arc<SessionContext>,
    budget: Arc<Budget>,
    deadline: Option<Duration>,
}

/// A tool call that wants to run.
#[derive(Clone, Debug, Default)]
pub struct CallRequest {
    /// The tool's name.
    pub tool: String,
    /// The policy's name for it.
    pub action: String,
    /// The canonical arguments.
    pub args: Arguments,
    /// The paths or URLs that the tool will touch, at most [`MAX_RESOURCES`]. Each is judged, and
    /// the strongest verdict holds.
    pub resources: Vec<String>,
    /// How sensitive the data is, where that is known.
    pub data_classification: Option<DataClassification>,
    /// The JSON Schema that a toolbox publishes for the tool's arguments. An approval is for a tool
    /// with exactly this one; the policy does not see it.
    pub tool_schema: Option<Arc<str>>,
}

/// How many paths or URLs one call may touch: 32. One that names more is denied with
/// [`FailClosed::LimitExceeded`].
pub const MAX_RESOURCES: usize = 32;

/// How often a call asks for approval before it is given up: each time, what it was approved for has
/// changed or another call was faster.
const MAX_APPROVALS: usize = 3;

impl CallRequest {
    fn event(&self, resource: Option<&str>) -> GovernanceEvent {
        GovernanceEvent::ToolCall(ToolCallInput {
            action: self.action.clone(),
            tool_name: self.tool.clone(),
            args: self.args.clone(),
            resource_path: resource.map(str::to_owned),
            data_classification: self.data_classification,
        })
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("context", &self.context)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn new(gate: PolicyGate, context: SessionContext) -> Self {
        Self {
            gate,
            budget: Arc::new(Budget::new(&context)),
            context: Arc::new(context),
            deadline: None,
        }
    }

    /// The same session, whose questions the engine has at most `deadline` to answer, where that is
    /// less than the gate's own limit. For one call: `call.run(&session.within(limit))`.
    ///
    /// When it passes, the decision is a denial with [`FailClosed::EngineTimeout`], and the question
    /// is dropped: over REST, its request is cancelled. Waiting for a person does not count.
    #[must_use]
    pub fn within(&self, deadline: Duration) -> Self {
        Self {
            deadline: Some(deadline),
            ..self.clone()
        }
    }

    /// Who is asking.
    pub fn context(&self) -> &Arc<SessionContext> {
        &self.context
    }

    /// The gate that judges.
    pub fn gate(&self) -> &PolicyGate {
        &self.gate
    }

    /// Adds tokens and cost (in cents) to what the session has used, as they become known.
    ///
    /// Calls need not be told: the session counts them itself.
    pub fn spend(&self, tokens: u64, cost_cents: u64) {
        self.budget.spend(tokens, cost_cents);
    }

    /// What the session has used up so far.
    pub fn usage(&self) -> BudgetUsage {
        self.budget.usage()
    }

    /// Judges `event` with the budget figures of this moment, and records the decision. Nothing
    /// runs, nobody is asked for approval, and no call is counted.
    pub async fn evaluate(&self, event: &GovernanceEvent) -> Arc<PolicyDecision> {
        self.look(&Question::event(event, &self.context)).await
    }

    /// Judges a tool call, asks for approval where the policy wants it, records the decision, and
    /// gives leave to run it.
    ///
    /// # Errors
    ///
    /// The call may not run: the decision says why.
    pub async fn authorize(&self, request: CallRequest) -> Result<Permit, GovernanceError> {
        let (counted, usage) = CountedCall::take(&self.budget);
        let question = Question::call(&request, &self.context);
        let (decision, record) = self.decide(&question, usage, Some(&counted)).await;
        let CallRequest {
            tool, action, args, ..
        } = request;
        if decision.permits() {
            let context = Arc::clone(&self.context);
            Ok(Permit::grant(
                tool, action, args, context, decision, counted, record,
            ))
        } else {
            Err(GovernanceError::new(tool, decision))
        }
    }

    /// Judges a tool call as [`authorize`](Self::authorize) does, and records the decision. Nothing
    /// runs, nobody is asked for approval, and no call is counted.
    pub async fn evaluate_call(&self, request: &CallRequest) -> Arc<PolicyDecision> {
        self.look(&Question::call(request, &self.context)).await
    }

    /// Denies a tool call that cannot be put to the policy at all, and records that.
    ///
    /// For arguments that JSON cannot hold: the code of `error` becomes the decision's.
    pub async fn reject(&self, request: CallRequest, error: &EngineError) -> GovernanceError {
        let event = request.event(None);
        let decision = PolicyDecision::fail_closed(error);
        let question = Question::call(&request, &self.context);
        let (decision, _never_ran) = self.gate.record(&question, &event, decision).await;
        GovernanceError::new(event.subject(), decision)
    }

    /// Asks whether the agent may follow these steps.
    ///
    /// # Errors
    ///
    /// It may not: the decision says why.
    pub async fn plan(
        &self,
        steps: impl IntoIterator<Item = PlanStep>,
    ) -> Result<Arc<PolicyDecision>, GovernanceError> {
        self.ask(GovernanceEvent::AgentPlan(AgentPlan {
            steps: steps.into_iter().collect(),
            ..AgentPlan::default()
        }))
        .await
    }

    /// Asks whether the agent may hand work to `target`, which shall have these capabilities.
    ///
    /// # Errors
    ///
    /// It may not: the decision says why.
    pub async fn handoff<S: Into<String>>(
        &self,
        target: impl Into<String>,
        capabilities: impl IntoIterator<Item = S>,
    ) -> Result<Arc<PolicyDecision>, GovernanceError> {
        self.ask(GovernanceEvent::AgentDelegate(AgentDelegate {
            delegation_target: Some(target.into()),
            requested_capabilities: capabilities.into_iter().map(Into::into).collect(),
            ..AgentDelegate::default()
        }))
        .await
    }

    /// Asks whether the agent may start another one with these capabilities.
    ///
    /// # Errors
    ///
    /// It may not: the decision says why.
    pub async fn spawn<S: Into<String>>(
        &self,
        capabilities: impl IntoIterator<Item = S>,
    ) -> Result<Arc<PolicyDecision>, GovernanceError> {
        self.ask(GovernanceEvent::AgentSpawn(AgentSpawn {
            requested_capabilities: capabilities.into_iter().map(Into::into).collect(),
            ..AgentSpawn::default()
        }))
        .await
    }

    /// Asks whether the budget still lets the agent go on.
    ///
    /// # Errors
    ///
    /// It does not: the decision says why.
    pub async fn budget(&self) -> Result<Arc<PolicyDecision>, GovernanceError> {
        self.ask(GovernanceEvent::AgentBudget(AgentBudget::default()))
            .await
    }

    async fn ask(&self, event: GovernanceEvent) -> Result<Arc<PolicyDecision>, GovernanceError> {
        let question = Question::event(&event, &self.context);
        let (decision, _never_ran) = self.decide(&question, self.usage(), None).await;
        if decision.permits() {
            Ok(decision)
        } else {
            Err(GovernanceError::new(event.subject(), decision))
        }
    }

    async fn look(&self, question: &Question<'_>) -> Arc<PolicyDecision> {
        let (event, decision) = self.judge(question, self.usage()).await;
        self.gate.record(question, &event, decision).await.0
    }

    /// Judges, asks for approval where the policy wants it, and records.
    async fn decide(
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
    /// switch may have changed meanwhile. Only what the policy then allows, or wants approved for the
    /// same rules and reasons, uses the grant.
    async fn approved(
        &self,
        question: &Question<'_>,
        counted: Option<&CountedCall>,
        mut event: GovernanceEvent,
        mut decision: PolicyDecision,
    ) -> (GovernanceEvent, PolicyDecision) {
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
                Verdict::RequireApproval => {
                    now.rules == decision.rules && now.reason == decision.reason
                }
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

    async fn judge(
        &self,
        question: &Question<'_>,
        usage: BudgetUsage,
    ) -> (GovernanceEvent, PolicyDecision) {
        match question.asked {
            Asked::Call(request) => self.judge_call(request, usage).await,
            Asked::Event(event) => {
                let limit = self.limit();
                let decision = self.gate.judge(event, &self.context, usage, limit).await;
                (event.clone(), decision)
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
