use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Arguments;

/// Something an agent wants to do, for the policy to judge.
#[derive(Clone, Debug, PartialEq)]
pub enum GovernanceEvent {
    /// Call a tool (`tool_call`).
    ToolCall(ToolCallInput),
    /// Start another agent (`agent.spawn`).
    AgentSpawn(AgentSpawn),
    /// Hand work to another agent (`agent.delegate`).
    AgentDelegate(AgentDelegate),
    /// Follow a plan of several steps (`agent.plan`).
    AgentPlan(AgentPlan),
    /// Go on within the budget (`agent.budget`).
    AgentBudget(AgentBudget),
}

impl GovernanceEvent {
    /// The event's name in the input document, as in `tool_call`.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::ToolCall(_) => "tool_call",
            Self::AgentSpawn(_) => "agent.spawn",
            Self::AgentDelegate(_) => "agent.delegate",
            Self::AgentPlan(_) => "agent.plan",
            Self::AgentBudget(_) => "agent.budget",
        }
    }

    /// The policy's name for what is wanted: a tool's action, or else the event's name.
    pub fn action(&self) -> &str {
        match self {
            Self::ToolCall(call) => &call.action,
            Self::AgentSpawn(event) => event.action.as_deref().unwrap_or("agent.spawn"),
            Self::AgentDelegate(event) => event.action.as_deref().unwrap_or("agent.delegate"),
            Self::AgentPlan(event) => event.action.as_deref().unwrap_or("agent.plan"),
            Self::AgentBudget(event) => event.action.as_deref().unwrap_or("agent.budget"),
        }
    }

    /// The tool's name, or the event's where no tool is called.
    pub fn subject(&self) -> &str {
        match self {
            Self::ToolCall(call) => &call.tool_name,
            other => other.event_type(),
        }
    }

    /// How sensitive the data is that this event touches, where that is known.
    pub const fn data_classification(&self) -> Option<DataClassification> {
        match self {
            Self::ToolCall(call) => call.data_classification,
            Self::AgentSpawn(event) => event.data_classification,
            Self::AgentDelegate(event) => event.data_classification,
            Self::AgentPlan(event) => event.data_classification,
            Self::AgentBudget(event) => event.data_classification,
        }
    }
}

/// A tool call to judge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCallInput {
    /// The policy's name for it; often the tool's own.
    pub action: String,
    /// The tool's name.
    pub tool_name: String,
    /// The arguments.
    pub args: Arguments,
    /// The path or URL that the tool will touch, if it touches one.
    pub resource_path: Option<String>,
    /// How sensitive the data is, where that is known.
    pub data_classification: Option<DataClassification>,
}

impl ToolCallInput {
    /// A call of `tool_name` with `args`, under an action of the same name.
    pub fn new(tool_name: impl Into<String>, args: impl Into<Arguments>) -> Self {
        let tool_name = tool_name.into();
        Self {
            action: tool_name.clone(),
            tool_name,
            args: args.into(),
            ..Self::default()
        }
    }
}

/// The wish to start another agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentSpawn {
    /// The policy's name for it; `agent.spawn` if none is given.
    pub action: Option<String>,
    /// What the new agent shall be able to do.
    pub requested_capabilities: Vec<String>,
    /// How sensitive the data is, where that is known.
    pub data_classification: Option<DataClassification>,
}

/// The wish to hand work to another agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentDelegate {
    /// The policy's name for it; `agent.delegate` if none is given.
    pub action: Option<String>,
    /// Who shall do the work.
    pub delegation_target: Option<String>,
    /// What the other agent shall be able to do.
    pub requested_capabilities: Vec<String>,
    /// How sensitive the data is, where that is known.
    pub data_classification: Option<DataClassification>,
}

/// The wish to follow a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentPlan {
    /// The policy's name for it; `agent.plan` if none is given.
    pub action: Option<String>,
    /// The steps, in order.
    pub steps: Vec<PlanStep>,
    /// How sensitive the data is, where that is known.
    pub data_classification: Option<DataClassification>,
}

/// The question whether the budget still lets the agent go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentBudget {
    /// The policy's name for it; `agent.budget` if none is given.
    pub action: Option<String>,
    /// How sensitive the data is, where that is known.
    pub data_classification: Option<DataClassification>,
}

/// One step of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanStep {
    /// The policy's name for what the step does.
    pub action: String,
    /// The step's arguments, as far as they are known.
    #[serde(default)]
    pub args: Map<String, Value>,
}

impl PlanStep {
    /// A step that does `action` with `args`.
    pub fn new(action: impl Into<String>, args: Map<String, Value>) -> Self {
        Self {
            action: action.into(),
            args,
        }
    }
}

/// How sensitive data is. A policy may only restrict by it: no value allows anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataClassification {
    /// Anybody may know it.
    Public,
    /// For the organisation.
    Internal,
    /// For those who need it.
    Confidential,
    /// For named people only.
    Restricted,
}

impl fmt::Display for DataClassification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        })
    }
}
