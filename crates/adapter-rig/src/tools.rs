use std::fmt;
use std::sync::Arc;

use kitelogik_core::{GovernanceError, Outcome};
use kitelogik_toolbox::{GovernedToolbox, ToolError, ToolSchema, Toolbox};
use rig::message::ToolName;
use rig::tool::{DynamicTool, ToolContext, ToolExecutionError, ToolOutput};
use serde_json::Value;

use crate::judge::{Judged, or_none};
use crate::reply::{self, BlockedText};
use crate::session::RunSession;
use crate::{ForeignRules, GovernanceHook};

/// A toolbox as tools of a rig agent.
///
/// Each tool puts its own calls to the gate, whoever dispatches them: what a hook can be led
/// around does not apply. [`hook`](Self::hook) adds tools that somebody else registered.
#[derive(Clone, Debug)]
#[must_use]
pub struct GovernedTools {
    shared: Arc<Shared>,
}

#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) toolbox: Toolbox,
    pub(crate) sessions: Sessions,
    pub(crate) rules: ForeignRules,
    pub(crate) blocked_text: Option<Arc<BlockedText>>,
}

/// Where the session of a call comes from.
#[derive(Clone)]
pub(crate) enum Sessions {
    Fixed(Arc<RunSession>),
    PerRun,
}

impl GovernedTools {
    /// Tools whose calls are all those of one session: an agent for one user.
    ///
    /// A [`RunSession`] in the context of a run changes nothing.
    pub fn fixed(tools: &GovernedToolbox) -> Self {
        let session = Arc::new(RunSession::new(tools.session()));
        Self::new(tools.toolbox(), Sessions::Fixed(session))
    }

    /// Tools whose calls are those of the run's session: an agent for many users.
    ///
    /// Without a [`RunSession`] in the run's context each call is denied.
    pub fn per_run(tools: &Toolbox) -> Self {
        Self::new(tools, Sessions::PerRun)
    }

    fn new(toolbox: &Toolbox, sessions: Sessions) -> Self {
        Self {
            shared: Arc::new(Shared {
                toolbox: toolbox.clone(),
                sessions,
                rules: ForeignRules::new(),
                blocked_text: None,
            }),
        }
    }

    /// What a model reads of a call that the gate did not let through.
    /// Default: [`blocked_text`](kitelogik_toolbox::blocked_text), one line that begins with `[BLOCKED]`.
    ///
    /// What is written here is on its own: engine errors are in
    /// [`PolicyDecision::detail`](kitelogik_core::PolicyDecision) and do not belong before a model.
    pub fn blocked_text(
        self,
        text: impl Fn(&GovernanceError) -> String + Send + Sync + 'static,
    ) -> Self {
        self.with(|shared| shared.blocked_text = Some(Arc::new(text)))
    }

    /// How calls of tools that somebody else registered are put to the policy, by
    /// [`govern`](Self::govern) and [`hook`](Self::hook). Default: [`ForeignRules::new`].
    pub fn foreign_rules(self, rules: ForeignRules) -> Self {
        self.with(|shared| shared.rules = rules)
    }

    /// The toolbox's tools, in the order of registration, for
    /// [`dynamic_tools`](rig::AgentBuilder::dynamic_tools). Their schemas are those that
    /// [`Toolbox::schemas`] publishes.
    pub fn dynamic_tools(&self) -> Vec<DynamicTool> {
        let schemas = self.shared.toolbox.schemas().into_iter();
        schemas.filter_map(|schema| self.own(schema)).collect()
    }

    /// A tool that somebody else made, judged before it runs and sanitised after.
    ///
    /// Stronger than the hook, because nothing leads around it: use it wherever the tool is at hand
    /// before it is registered.
    pub fn govern(&self, tool: DynamicTool) -> DynamicTool {
        let definition = tool.definition();
        let tool = Arc::new(tool);
        let probe = Arc::clone(&tool);
        let shared = Arc::clone(&self.shared);
        DynamicTool::new_with_context(
            definition.name,
            definition.description,
            definition.parameters,
            move |context, arguments| {
                let shared = Arc::clone(&shared);
                let tool = Arc::clone(&tool);
                Box::pin(async move { shared.call_foreign(&tool, context, arguments).await })
            },
        )
        .with_liveness(move || probe.is_live())
    }

    /// The hook that governs what else is registered on the agent. One for an agent, added last.
    pub fn hook(&self) -> GovernanceHook {
        GovernanceHook::new(Arc::clone(&self.shared))
    }

    fn with(self, change: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Shared::clone(&self.shared);
        change(&mut shared);
        Self {
            shared: Arc::new(shared),
        }
    }

    fn own(&self, schema: ToolSchema) -> Option<DynamicTool> {
        // Only an empty name is refused, and a toolbox has none.
        let name = ToolName::new(schema.name.clone()).ok()?;
        let shared = Arc::clone(&self.shared);
        Some(DynamicTool::new_with_context(
            name,
            schema.description,
            schema.parameters,
            move |context, arguments| {
                let shared = Arc::clone(&shared);
                let tool = schema.name.clone();
                Box::pin(async move {
                    let called = shared.call_own(&tool, context, arguments).await;
                    called
                        .map(reply::output)
                        .map_err(|error| shared.error(&error))
                })
            },
        ))
    }
}

impl Shared {
    async fn call_own(
        self: &Arc<Self>,
        tool: &str,
        context: &ToolContext,
        arguments: Value,
    ) -> Result<kitelogik_toolbox::ToolOutput, ToolError> {
        let run = self.run_session(tool, Some(context))?;
        match run.take(self, tool, &arguments) {
            Some(Judged::Own(call)) => call.run().await,
            Some(Judged::Foreign(_)) | None => {
                let tools = self.toolbox.for_session(run.session());
                tools.call(tool, or_none(arguments)).await
            }
        }
    }

    async fn call_foreign(
        self: &Arc<Self>,
        tool: &DynamicTool,
        context: &mut ToolContext,
        arguments: Value,
    ) -> Result<ToolOutput, ToolExecutionError> {
        let name = tool.name().as_str();
        let judged = async {
            let run = self.run_session(name, Some(context))?;
            match run.take(self, name, &arguments) {
                Some(Judged::Foreign(call)) => Ok(*call),
                Some(Judged::Own(_)) | None => self.judge_foreign(&run, name, arguments).await,
            }
        };
        let call = judged.await.map_err(|error| self.error(&error))?;
        let arguments = Value::Object(call.arguments().object().clone());
        let result = tool.execute_with(context, arguments).await;
        call.ended(match &result {
            Ok(_) => Outcome::Ran,
            Err(_) => Outcome::Failed,
        });
        self.foreign(result)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.toolbox.names().collect();
        formatter
            .debug_struct("Shared")
            .field("tools", &names)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
