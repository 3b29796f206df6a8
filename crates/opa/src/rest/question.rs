use bytes::Bytes;
use kitelogik_core::{
    BudgetUsage, EngineError, FailClosed, GovernanceEvent, PolicyInput, SessionContext,
    ToolCallInput,
};
use serde::Serialize;

/// The body of a question.
pub(super) fn of(input: &PolicyInput<'_>) -> Result<Bytes, EngineError> {
    #[derive(Serialize)]
    struct Body<'a> {
        input: &'a PolicyInput<'a>,
    }
    serde_json::to_vec(&Body { input })
        .map(Bytes::from)
        .map_err(|error| {
            EngineError::new(
                FailClosed::MalformedInput,
                format!("the input document cannot be written as JSON: {error}"),
            )
        })
}

/// A call without a name, session or arguments: what a probe asks about, since OPA's own `/health`
/// answers 200 without any policy.
pub(super) fn of_nobody() -> Result<Bytes, EngineError> {
    let event = GovernanceEvent::ToolCall(ToolCallInput::default());
    let context = SessionContext::default();
    of(&PolicyInput::new(&event, &context, BudgetUsage::default()))
}
