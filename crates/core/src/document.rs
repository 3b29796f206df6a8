//! Events written down as the policy's input document, read back strictly.

mod fields;

use std::fmt;

use serde_json::Value;

use crate::{
    AgentBudget, AgentDelegate, AgentPlan, AgentSpawn, Arguments, DataClassification,
    GovernanceEvent, PlanStep, PolicyInput, SessionContext, ToolCallInput, json, text,
};

use self::fields::{Fields, listed};

/// An event and who asks, read from an input document: recorded, generated or written by hand.
///
/// Reading and writing agree: what [`input`](Self::input) serialises to reads back as the same event.
///
/// ```
/// use kitelogik_core::EventDocument;
///
/// let document = EventDocument::parse(
///     r#"{"action": "approve_refund", "args": {"amount": 42}, "context": {"user_role": "support_agent"}}"#,
/// )?;
/// assert_eq!(document.event.subject(), "approve_refund");
/// assert_eq!(document.context.user_role, "support_agent");
///
/// let error = EventDocument::parse(r#"{"action": "approve_refund", "contxt": {}}"#).unwrap_err();
/// assert!(error.to_string().starts_with("unknown key `contxt`"));
/// # Ok::<(), kitelogik_core::DocumentError>(())
/// ```
///
/// # What may be left out
///
/// | key | becomes |
/// |---|---|
/// | `event_type` | `tool_call` |
/// | `action`, `tool_name` of a tool call | each the other; one of them must be there |
/// | `action` of another event | the event's name |
/// | `args`, `steps`, `requested_capabilities` | empty |
/// | `resource_path`, `delegation_target`, `data_classification` | none, as where they are `null` |
/// | `context`, and each key of it | the default of [`SessionContext`] |
/// | `context.delegation_depth` of an agent event | **not filled in**: it reaches the policy as `null`, and so does one that is no whole number |
///
/// Unknown keys, duplicate keys and values of another type are errors: what was misspelled would otherwise be judged
/// as if it were not there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EventDocument {
    /// What is asked.
    pub event: GovernanceEvent,
    /// Who asks, with the budget figures as the document gives them.
    pub context: SessionContext,
}

impl EventDocument {
    /// Reads JSON text.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the document, each problem naming its key.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let value = json::parse(text, json::DEFAULT_MAX_DEPTH).map_err(|error| DocumentError {
            problems: vec![error.to_string()],
        })?;
        Self::from_value(value)
    }

    /// Reads a JSON value. Prefer [`parse`](Self::parse) for text: a value cannot tell that a key was given twice.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn from_value(value: Value) -> Result<Self, DocumentError> {
        let Value::Object(map) = value else {
            return Err(DocumentError {
                problems: vec!["an event is a JSON object".to_owned()],
            });
        };
        let mut problems = Vec::new();
        let mut fields = Fields::new("", map, &mut problems);
        let read = read(&mut fields);
        fields.refuse_others();
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(DocumentError { problems }),
        }
    }

    /// The event of `event` asked by `context`.
    pub fn new(event: GovernanceEvent, context: SessionContext) -> Self {
        Self { event, context }
    }

    /// The document as a policy reads it, everything filled in.
    pub fn input(&self) -> PolicyInput<'_> {
        PolicyInput::new(&self.event, &self.context, (&self.context).into())
    }
}

/// What is wrong with an input document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    problems: Vec<String>,
}

impl DocumentError {
    /// Each problem, naming its key.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for DocumentError {}

const EVENT_TYPES: [&str; 5] = [
    "tool_call",
    "agent.spawn",
    "agent.delegate",
    "agent.plan",
    "agent.budget",
];

fn read(fields: &mut Fields<'_>) -> Option<EventDocument> {
    let event_type = fields
        .text("event_type")
        .unwrap_or_else(|| "tool_call".to_owned());
    if !EVENT_TYPES.contains(&event_type.as_str()) {
        fields.problem(
            "event_type",
            &format!(
                "is `{}`; one of {}",
                text::visible(&event_type),
                listed(&EVENT_TYPES)
            ),
        );
        return None;
    }
    let agent = event_type != "tool_call";
    let data_classification = classification(fields);
    let action = fields.text("action");
    let tool_name = fields.text("tool_name");
    let args = fields.object("args").unwrap_or_default();
    let resource_path = fields.text("resource_path");
    let mut context = context(fields, agent);
    if !agent {
        let (action, tool_name) = match (action, tool_name) {
            (Some(action), Some(tool_name)) => (action, tool_name),
            (Some(name), None) | (None, Some(name)) => (name.clone(), name),
            (None, None) => {
                fields.problem("action", "is missing");
                return None;
            }
        };
        let event = GovernanceEvent::ToolCall(ToolCallInput {
            action,
            tool_name,
            args: Arguments::from(args),
            resource_path,
            data_classification,
        });
        return Some(EventDocument { event, context });
    }

    // What the event has no place for may be there as it is written for that event, and not otherwise: it would be lost.
    let mut nothing = |key: &str, empty: bool| {
        if !empty {
            fields.problem(
                key,
                &format!("says something, and `{event_type}` has no such field"),
            );
        }
    };
    nothing("tool_name", tool_name.is_none());
    nothing("args", args.is_empty());
    nothing("resource_path", resource_path.is_none());
    if let Some(session_id) = fields.text("session_id") {
        if context.session_id.is_empty() {
            context.session_id = session_id;
        } else if context.session_id != session_id {
            fields.problem("session_id", "and `context.session_id` differ");
        }
    }
    let requested_capabilities = fields.texts("requested_capabilities");
    let delegation_target = fields.text("delegation_target");
    let steps = steps(fields);
    let mut nothing = |key: &str, empty: bool| {
        if !empty {
            fields.problem(
                key,
                &format!("says something, and `{event_type}` has no such field"),
            );
        }
    };
    let event = match event_type.as_str() {
        "agent.spawn" => {
            nothing("delegation_target", delegation_target.is_none());
            nothing("steps", steps.is_empty());
            GovernanceEvent::AgentSpawn(AgentSpawn {
                action,
                requested_capabilities,
                data_classification,
            })
        }
        "agent.delegate" => {
            nothing("steps", steps.is_empty());
            GovernanceEvent::AgentDelegate(AgentDelegate {
                action,
                delegation_target,
                requested_capabilities,
                data_classification,
            })
        }
        "agent.plan" => {
            nothing("delegation_target", delegation_target.is_none());
            nothing("requested_capabilities", requested_capabilities.is_empty());
            GovernanceEvent::AgentPlan(AgentPlan {
                action,
                steps,
                data_classification,
            })
        }
        _ => {
            nothing("delegation_target", delegation_target.is_none());
            nothing("requested_capabilities", requested_capabilities.is_empty());
            nothing("steps", steps.is_empty());
            GovernanceEvent::AgentBudget(AgentBudget {
                action,
                data_classification,
            })
        }
    };
    Some(EventDocument { event, context })
}

fn classification(fields: &mut Fields<'_>) -> Option<DataClassification> {
    let name = fields.text("data_classification")?;
    match name.as_str() {
        "public" => Some(DataClassification::Public),
        "internal" => Some(DataClassification::Internal),
        "confidential" => Some(DataClassification::Confidential),
        "restricted" => Some(DataClassification::Restricted),
        other => {
            fields.problem(
                "data_classification",
                &format!(
                    "is `{}`; one of `public`, `internal`, `confidential`, `restricted`",
                    text::visible(other)
                ),
            );
            None
        }
    }
}

fn steps(fields: &mut Fields<'_>) -> Vec<PlanStep> {
    let mut steps = Vec::new();
    for (index, step) in fields.list("steps").into_iter().enumerate() {
        let place = format!("steps[{index}].");
        let Value::Object(map) = step else {
            fields.problem(&format!("steps[{index}]"), "must be an object");
            continue;
        };
        let mut inner = Fields::new(&place, map, fields.problems);
        match inner.text("action") {
            Some(action) => {
                let args = inner.object("args").unwrap_or_default();
                steps.push(PlanStep::new(action, args));
            }
            None => inner.problem("action", "is missing"),
        }
        inner.refuse_others();
    }
    steps
}

fn context(fields: &mut Fields<'_>, agent: bool) -> SessionContext {
    let given = fields.object("context").unwrap_or_default();
    let mut given = Fields::new("context.", given, fields.problems);
    let context = SessionContext {
        session_id: given.text("session_id").unwrap_or_default(),
        principal: given.text("principal"),
        user_role: given.text("user_role").unwrap_or_default(),
        session_scopes: given.texts("session_scopes"),
        sandbox_verified: given.boolean("sandbox_verified"),
        token_id: given.text("token_id").unwrap_or_default(),
        delegation_depth: given.depth("delegation_depth", agent),
        parent_token_id: given.text("parent_token_id").unwrap_or_default(),
        parent_session_id: given.text("parent_session_id").unwrap_or_default(),
        tenant_id: given.text("tenant_id"),
        budget_total_tokens: given.figure("budget_total_tokens"),
        budget_used_tokens: given.figure("budget_used_tokens"),
        budget_total_api_calls: given.figure("budget_total_api_calls"),
        budget_used_api_calls: given.figure("budget_used_api_calls"),
        budget_total_cost_cents: given.figure("budget_total_cost_cents"),
        budget_used_cost_cents: given.figure("budget_used_cost_cents"),
    };
    given.refuse_others();
    context
}
