mod judgement;

use std::sync::Arc;
use std::time::Duration;

use kitelogik_core::{
    AgentBudget, AgentDelegate, AgentPlan, AgentSpawn, Arguments, BudgetUsage, DataClassification,
    EngineError, GovernanceError, GovernanceEvent, PlanStep, PolicyDecision, SessionContext,
    ToolCallInput,
};

use crate::budget::{Budget, CountedCall};
use crate::question::Question;
use crate::{Permit, PolicyGate, telemetry};

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
/// [`FailClosed::LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded).
pub const MAX_RESOURCES: usize = 32;

impl CallRequest {
    pub(crate) fn event(&self, resource: Option<&str>) -> GovernanceEvent {
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
    /// When it passes, the decision is a denial with
    /// [`FailClosed::EngineTimeout`](kitelogik_core::FailClosed::EngineTimeout), and the question
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

    /// The span of one call of `tool`, for whoever asks for the permit and runs the body: a toolbox
    /// and a governed function enter it themselves.
    ///
    /// Named as OpenTelemetry's conventions for generative AI want it: `execute_tool`, with
    /// `gen_ai.tool.name` and `gen_ai.conversation.id`, the session's id. Those of the decision, the
    /// engine and the body lie below it.
    pub fn call_span(&self, tool: &str) -> tracing::Span {
        telemetry::call(tool, &self.context.session_id)
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
}
