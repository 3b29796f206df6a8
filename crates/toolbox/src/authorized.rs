use kitelogik_core::Arguments;
use kitelogik_opa::Permit;

use crate::{ForeignCall, Tool, ToolError, ToolOutput, Toolbox};

/// A call of a registered tool that the gate let through, and that has not run yet.
///
/// For hooks of frameworks, which judge in one place what runs in another. Dropped, the call is
/// recorded as one that never ran.
#[derive(Debug)]
#[must_use = "dropped, the call never runs"]
pub struct AuthorizedCall {
    toolbox: Toolbox,
    tool: Tool,
    permit: Permit,
}

impl AuthorizedCall {
    pub(crate) fn new(toolbox: Toolbox, tool: Tool, permit: Permit) -> Self {
        Self {
            toolbox,
            tool,
            permit,
        }
    }

    /// The tool's name.
    pub fn tool(&self) -> &str {
        self.tool.name()
    }

    /// The judged arguments, which are those that the body runs on.
    pub fn arguments(&self) -> &Arguments {
        self.permit.arguments()
    }

    /// Runs the body.
    ///
    /// # Errors
    ///
    /// Why there is no result; [`ToolError::model_text`] is what a model reads of it.
    pub async fn run(self) -> Result<ToolOutput, ToolError> {
        self.toolbox.run(&self.tool, self.permit).await
    }

    /// The same call, for whoever ran something else under the tool's name: its outcome can then
    /// be recorded.
    ///
    /// # Errors
    ///
    /// The permit does not open.
    pub fn into_foreign(self) -> Result<ForeignCall, ToolError> {
        let spec = &self.tool.spec;
        ForeignCall::open(self.permit, &spec.name, &spec.action)
    }
}
