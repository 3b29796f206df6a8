use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};

use crate::event::PlanStep;
use crate::{BudgetUsage, GovernanceEvent, SessionContext};

/// The input document of a policy, borrowed from the event and the session.
///
/// Serialised, it is the document that a Rego policy reads as `input`; the keys are those of the
/// Python package `kitelogik`, so that its bundles work unchanged. `data_classification` is left
/// out where there is none: sent as `null`, older bundles would allow anything.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInput<'a> {
    event: &'a GovernanceEvent,
    context: &'a SessionContext,
    usage: BudgetUsage,
}

impl<'a> PolicyInput<'a> {
    /// The document of `event` asked by `context`, with the budget figures of `usage`.
    pub fn new(
        event: &'a GovernanceEvent,
        context: &'a SessionContext,
        usage: BudgetUsage,
    ) -> Self {
        Self {
            event,
            context,
            usage,
        }
    }

    /// What is asked.
    pub fn event(&self) -> &'a GovernanceEvent {
        self.event
    }

    /// Who asks.
    pub fn context(&self) -> &'a SessionContext {
        self.context
    }

    /// The budget figures of this moment.
    pub fn usage(&self) -> BudgetUsage {
        self.usage
    }
}

impl Serialize for PolicyInput<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("event_type", self.event.event_type())?;
        document.serialize_entry("action", self.event.action())?;
        match self.event {
            GovernanceEvent::ToolCall(call) => {
                document.serialize_entry("tool_name", &call.tool_name)?;
                document.serialize_entry("args", &call.args)?;
                document.serialize_entry("resource_path", &call.resource_path)?;
            }
            agent => {
                document.serialize_entry("tool_name", &None::<&str>)?;
                document.serialize_entry("args", &serde_json::Map::new())?;
                document.serialize_entry("resource_path", &None::<&str>)?;
                document.serialize_entry("session_id", &self.context.session_id)?;
                let fields = AgentFields::of(agent);
                document
                    .serialize_entry("requested_capabilities", fields.requested_capabilities)?;
                document.serialize_entry("delegation_target", &fields.delegation_target)?;
                document.serialize_entry("steps", fields.steps)?;
            }
        }
        if let Some(classification) = self.event.data_classification() {
            document.serialize_entry("data_classification", &classification)?;
        }
        document.serialize_entry("context", &Context(self))?;
        document.end()
    }
}

#[derive(Default)]
struct AgentFields<'a> {
    requested_capabilities: &'a [String],
    delegation_target: Option<&'a str>,
    steps: &'a [PlanStep],
}

impl<'a> AgentFields<'a> {
    fn of(event: &'a GovernanceEvent) -> Self {
        match event {
            GovernanceEvent::AgentSpawn(spawn) => Self {
                requested_capabilities: &spawn.requested_capabilities,
                ..Self::default()
            },
            GovernanceEvent::AgentDelegate(delegate) => Self {
                requested_capabilities: &delegate.requested_capabilities,
                delegation_target: delegate.delegation_target.as_deref(),
                ..Self::default()
            },
            GovernanceEvent::AgentPlan(plan) => Self {
                steps: &plan.steps,
                ..Self::default()
            },
            GovernanceEvent::ToolCall(_) | GovernanceEvent::AgentBudget(_) => Self::default(),
        }
    }
}

struct Context<'a>(&'a PolicyInput<'a>);

impl Serialize for Context<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PolicyInput { context, usage, .. } = self.0;
        let mut document = serializer.serialize_struct("context", 16)?;
        document.serialize_field("session_id", &context.session_id)?;
        document.serialize_field("principal", &context.principal)?;
        document.serialize_field("user_role", &context.user_role)?;
        document.serialize_field("session_scopes", &context.session_scopes)?;
        document.serialize_field("sandbox_verified", &context.sandbox_verified)?;
        document.serialize_field("token_id", &context.token_id)?;
        document.serialize_field("delegation_depth", &context.delegation_depth)?;
        document.serialize_field("parent_token_id", &context.parent_token_id)?;
        document.serialize_field("parent_session_id", &context.parent_session_id)?;
        document.serialize_field("tenant_id", &context.tenant_id)?;
        document.serialize_field("budget_total_tokens", &context.budget_total_tokens)?;
        document.serialize_field("budget_used_tokens", &usage.tokens)?;
        document.serialize_field("budget_total_api_calls", &context.budget_total_api_calls)?;
        document.serialize_field("budget_used_api_calls", &usage.api_calls)?;
        document.serialize_field("budget_total_cost_cents", &context.budget_total_cost_cents)?;
        document.serialize_field("budget_used_cost_cents", &usage.cost_cents)?;
        document.end()
    }
}
