//! What the model reads.

use kitelogik_core::GovernanceError;
use kitelogik_toolbox::ToolError;
use kitelogik_toolbox::sanitiser::{Sanitiser, mark_as_tool_output, mark_json_as_tool_output};
use rig::message::ToolResultContent;
use rig::tool::{ToolExecutionError, ToolOutput};
use serde_json::Value;

use crate::tools::Shared;

/// The code of every refusal by the gate, in rig's tool errors and its telemetry.
pub const POLICY_DENIED: &str = "policy.denied";

pub(crate) type BlockedText = dyn Fn(&GovernanceError) -> String + Send + Sync;

impl Shared {
    /// A denial as a refusal, anything else as the error it is.
    pub(crate) fn error(&self, error: &ToolError) -> ToolExecutionError {
        let text = match (error, &self.blocked_text) {
            (ToolError::Denied(denied), Some(blocked_text)) => blocked_text(denied),
            _ => error.model_text(),
        };
        match error {
            ToolError::Denied(_) => ToolExecutionError::refused(text).with_code(POLICY_DENIED),
            ToolError::InvalidArguments(_) => ToolExecutionError::invalid_args(text),
            ToolError::UnknownTool { .. } => ToolExecutionError::not_found(text),
            ToolError::Failed { .. }
            | ToolError::Panicked { .. }
            | ToolError::UnwritableResult { .. } => ToolExecutionError::other(text),
        }
    }

    /// What a foreign tool gave, fit for a model.
    pub(crate) fn foreign(
        &self,
        result: Result<ToolOutput, ToolExecutionError>,
    ) -> Result<ToolOutput, ToolExecutionError> {
        match result {
            Ok(output) => Ok(self.sanitised(&output)),
            Err(error) => {
                let output = self.sanitised(error.model_output());
                Err(error.with_model_output(output))
            }
        }
    }

    /// Each block of `output`, sanitised and never posing as the gate.
    pub(crate) fn sanitised(&self, output: &ToolOutput) -> ToolOutput {
        let sanitiser = self.toolbox.sanitiser();
        let blocks = output.as_content().iter().cloned();
        let blocks = blocks.map(|block| sanitised_block(sanitiser, block));
        // Not empty: there are as many blocks as there were.
        ToolOutput::content(blocks.collect()).unwrap_or_else(|_| ToolOutput::text(""))
    }
}

pub(crate) fn output(output: kitelogik_toolbox::ToolOutput) -> ToolOutput {
    match output.value {
        Value::String(text) => ToolOutput::text(text),
        value => ToolOutput::json(value),
    }
}

fn sanitised_block(sanitiser: &Sanitiser, block: ToolResultContent) -> ToolResultContent {
    match block {
        ToolResultContent::Text(text) => {
            let clean = sanitiser.text(&text.text);
            let clean = mark_as_tool_output(&clean.text);
            if clean == text.text {
                ToolResultContent::Text(text)
            } else {
                ToolResultContent::text(clean)
            }
        }
        ToolResultContent::Json { value } => {
            ToolResultContent::json(mark_json_as_tool_output(sanitiser.json(value).0))
        }
        image @ ToolResultContent::Image(_) => image,
    }
}
