//! The parts of the input document, where they lie in the event and the session.

use kitelogik_core::{GovernanceEvent, PolicyInput};
use regorus::Value;
use serde::Serialize;

use super::value::Val;

/// What is read as an object of several fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `input`
    Whole,
    /// `input.context`
    Context,
}

impl Part {
    pub(super) fn to_value(self, input: &PolicyInput<'_>) -> Value {
        let whole = written(input);
        match self {
            Self::Whole => whole,
            Self::Context => whole["context"].clone(),
        }
    }
}

/// One field of the input document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Whole,
    EventType,
    Action,
    ToolName,
    Args,
    ResourcePath,
    DataClassification,
    SessionId,
    RequestedCapabilities,
    DelegationTarget,
    Steps,
    Context,
    ContextSessionId,
    Principal,
    UserRole,
    SessionScopes,
    SandboxVerified,
    TokenId,
    DelegationDepth,
    ParentTokenId,
    ParentSessionId,
    TenantId,
    TotalTokens,
    UsedTokens,
    TotalApiCalls,
    UsedApiCalls,
    TotalCostCents,
    UsedCostCents,
}

impl Field {
    pub(super) fn named(part: Part, name: &str) -> Option<Self> {
        Some(match (part, name) {
            (Part::Whole, "event_type") => Self::EventType,
            (Part::Whole, "action") => Self::Action,
            (Part::Whole, "tool_name") => Self::ToolName,
            (Part::Whole, "args") => Self::Args,
            (Part::Whole, "resource_path") => Self::ResourcePath,
            (Part::Whole, "data_classification") => Self::DataClassification,
            (Part::Whole, "session_id") => Self::SessionId,
            (Part::Whole, "requested_capabilities") => Self::RequestedCapabilities,
            (Part::Whole, "delegation_target") => Self::DelegationTarget,
            (Part::Whole, "steps") => Self::Steps,
            (Part::Whole, "context") => Self::Context,
            (Part::Context, "session_id") => Self::ContextSessionId,
            (Part::Context, "principal") => Self::Principal,
            (Part::Context, "user_role") => Self::UserRole,
            (Part::Context, "session_scopes") => Self::SessionScopes,
            (Part::Context, "sandbox_verified") => Self::SandboxVerified,
            (Part::Context, "token_id") => Self::TokenId,
            (Part::Context, "delegation_depth") => Self::DelegationDepth,
            (Part::Context, "parent_token_id") => Self::ParentTokenId,
            (Part::Context, "parent_session_id") => Self::ParentSessionId,
            (Part::Context, "tenant_id") => Self::TenantId,
            (Part::Context, "budget_total_tokens") => Self::TotalTokens,
            (Part::Context, "budget_used_tokens") => Self::UsedTokens,
            (Part::Context, "budget_total_api_calls") => Self::TotalApiCalls,
            (Part::Context, "budget_used_api_calls") => Self::UsedApiCalls,
            (Part::Context, "budget_total_cost_cents") => Self::TotalCostCents,
            (Part::Context, "budget_used_cost_cents") => Self::UsedCostCents,
            _ => return None,
        })
    }

    /// Whether every input document has it.
    pub(super) fn is_always_there(self) -> bool {
        !matches!(
            self,
            Self::DataClassification
                | Self::SessionId
                | Self::RequestedCapabilities
                | Self::DelegationTarget
                | Self::Steps
        )
    }

    /// The part whose fields lie below this one.
    pub(super) fn part(self) -> Option<Part> {
        match self {
            Self::Whole => Some(Part::Whole),
            Self::Context => Some(Part::Context),
            _ => None,
        }
    }

    /// Its value; none where this event has no such field.
    pub(super) fn read<'a>(self, input: &'a PolicyInput<'a>) -> Option<Val<'a>> {
        let (event, context, usage) = (input.event(), input.context(), input.usage());
        let call = match event {
            GovernanceEvent::ToolCall(call) => Some(call),
            _ => None,
        };
        let agent_only = |value: Val<'a>| call.is_none().then_some(value);
        Some(match self {
            Self::Whole => Val::Input(input, Part::Whole),
            Self::Context => Val::Input(input, Part::Context),
            Self::EventType => Val::Text(event.event_type()),
            Self::Action => Val::Text(event.action()),
            Self::ToolName => call.map_or_else(Val::null, |call| Val::Text(&call.tool_name)),
            Self::Args => call.map_or_else(
                || Val::Owned(Value::new_object()),
                |call| Val::Map(call.args.object()),
            ),
            Self::ResourcePath => text(call.and_then(|call| call.resource_path.as_deref())),
            Self::DataClassification => Val::Owned(written(&event.data_classification()?)),
            Self::SessionId => agent_only(Val::Text(&context.session_id))?,
            Self::RequestedCapabilities => agent_only(match event {
                GovernanceEvent::AgentSpawn(spawn) => Val::Texts(&spawn.requested_capabilities),
                GovernanceEvent::AgentDelegate(delegate) => {
                    Val::Texts(&delegate.requested_capabilities)
                }
                _ => Val::Texts(&[]),
            })?,
            Self::DelegationTarget => agent_only(match event {
                GovernanceEvent::AgentDelegate(delegate) => {
                    text(delegate.delegation_target.as_deref())
                }
                _ => Val::null(),
            })?,
            Self::Steps => agent_only(match event {
                GovernanceEvent::AgentPlan(plan) => Val::Owned(written(&plan.steps)),
                _ => Val::Owned(Value::new_array()),
            })?,
            Self::ContextSessionId => Val::Text(&context.session_id),
            Self::Principal => text(context.principal.as_deref()),
            Self::UserRole => Val::Text(&context.user_role),
            Self::SessionScopes => Val::Texts(&context.session_scopes),
            Self::SandboxVerified => Val::bool(context.sandbox_verified),
            Self::TokenId => Val::Text(&context.token_id),
            Self::DelegationDepth => figure(context.delegation_depth.map(u64::from)),
            Self::ParentTokenId => Val::Text(&context.parent_token_id),
            Self::ParentSessionId => Val::Text(&context.parent_session_id),
            Self::TenantId => text(context.tenant_id.as_deref()),
            Self::TotalTokens => figure(context.budget_total_tokens),
            Self::UsedTokens => figure(usage.tokens),
            Self::TotalApiCalls => figure(context.budget_total_api_calls),
            Self::UsedApiCalls => figure(usage.api_calls),
            Self::TotalCostCents => figure(context.budget_total_cost_cents),
            Self::UsedCostCents => figure(usage.cost_cents),
        })
    }
}

fn text(value: Option<&str>) -> Val<'_> {
    value.map_or_else(Val::null, Val::Text)
}

fn figure<'a>(value: Option<u64>) -> Val<'a> {
    value.map_or_else(Val::null, |figure| Val::Owned(Value::from(figure)))
}

/// What serialises to JSON, read back. Sizes and depth were looked at before the program began.
fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).map_or(Value::Undefined, Value::from)
}
