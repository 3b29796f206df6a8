use std::sync::Arc;
use std::time::Instant;

use kitelogik_core::{
    AgentBudget, AgentDelegate, AgentPlan, AgentSpawn, Arguments, BudgetUsage, DataClassification,
    EngineError, FailClosed, GovernanceError, GovernanceEvent, PlanStep, PolicyDecision,
    SessionContext, ToolCallInput,
};

use crate::budget::{Budget, CountedCall};
use crate::{Permit, PolicyGate};

/// A gate and a session's context: what calls run in.
///
/// Made by [`PolicyGate::session`]. Clones are the same session and share its budget counters.
#[derive(Clone)]
pub struct Session {
    gate: PolicyGate,
    context: Arc<SessionContext>,
    budget: Arc<Budget>,
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
}

/// How many paths or URLs one call may touch: 32. One that names more is denied with
/// [`FailClosed::LimitExceeded`].
pub const MAX_RESOURCES: usize = 32;

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
        let decision = self.judge(event, self.usage()).await;
        self.gate.record(event, &self.context, decision).await.0
    }

    /// Judges a tool call, asks for approval where the policy wants it, records the decision, and
    /// gives leave to run it.
    ///
    /// # Errors
    ///
    /// The call may not run: the decision says why.
    pub async fn authorize(&self, request: CallRequest) -> Result<Permit, GovernanceError> {
        let (counted, usage) = CountedCall::take(&self.budget);
        let (event, decision) = self.judge_call(&request, usage).await;
        let decision = self.gate.review(&event, &self.context, decision).await;
        let (decision, record) = self.gate.record(&event, &self.context, decision).await;
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
        let (event, decision) = self.judge_call(request, self.usage()).await;
        self.gate.record(&event, &self.context, decision).await.0
    }

    /// Denies a tool call that cannot be put to the policy at all, and records that.
    ///
    /// For arguments that JSON cannot hold: the code of `error` becomes the decision's.
    pub async fn reject(&self, request: CallRequest, error: &EngineError) -> GovernanceError {
        let event = request.event(None);
        let decision = PolicyDecision::fail_closed(error);
        let (decision, _never_ran) = self.gate.record(&event, &self.context, decision).await;
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
        let decision = self.judge(&event, self.usage()).await;
        let decision = self.gate.review(&event, &self.context, decision).await;
        let (decision, _never_ran) = self.gate.record(&event, &self.context, decision).await;
        if decision.permits() {
            Ok(decision)
        } else {
            Err(GovernanceError::new(event.subject(), decision))
        }
    }

    async fn judge(&self, event: &GovernanceEvent, usage: BudgetUsage) -> PolicyDecision {
        let limit = self.gate.decision_timeout();
        self.gate.judge(event, &self.context, usage, limit).await
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
        let mut decision = self.judge(&event, usage).await;
        for resource in resources {
            if decision.denied() {
                break;
            }
            let other = request.event(Some(resource));
            let left = self.gate.decision_timeout().saturating_sub(begun.elapsed());
            let judged = self.gate.judge(&other, &self.context, usage, left).await;
            if judged.verdict.strength() > decision.verdict.strength() {
                event = other;
            }
            decision = decision.strongest(judged);
        }
        (event, decision)
    }
}
