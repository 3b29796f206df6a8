use std::collections::HashMap;

use kitelogik_toolbox::ForeignTool;

/// How calls of tools that somebody else registered are put to the policy.
///
/// A tool that is not named here is judged under its own name, without a resource. Policies refuse
/// what they do not know, so that a tool which an MCP server adds one day does not run by itself.
///
/// ```
/// use kitelogik_rig::{ForeignRules, ForeignTool};
///
/// let rules = ForeignRules::new()
///     .tool(ForeignTool::new("fetch").action("http_get").resource("url"))
///     .action_prefix("mcp.");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ForeignRules {
    tools: HashMap<String, ForeignTool>,
    prefix: String,
}

impl ForeignRules {
    /// No rules: each tool's action is its name.
    pub fn new() -> Self {
        Self::default()
    }

    /// How calls of the tool with this name are judged. A later rule replaces an earlier one.
    pub fn tool(mut self, tool: ForeignTool) -> Self {
        self.tools.insert(tool.name().to_owned(), tool);
        self
    }

    /// What is put before the name of a tool that is not named here, to make its action.
    /// Default: nothing.
    ///
    /// With it, a foreign tool cannot be called what the policy calls one of yours.
    pub fn action_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    pub(crate) fn rule_for(&self, tool: &str) -> ForeignTool {
        self.tools.get(tool).cloned().unwrap_or_else(|| {
            ForeignTool::new(tool).action(format!("{prefix}{tool}", prefix = self.prefix))
        })
    }
}
