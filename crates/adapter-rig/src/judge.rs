//! One judgement for a call, wherever it is made: in the tool, or before it, in the hook.

use std::sync::{Arc, Mutex, PoisonError};

use kitelogik_core::json::{self, DEFAULT_MAX_DEPTH};
use kitelogik_core::{Arguments, EngineError, FailClosed, GovernanceError, PolicyDecision};
use kitelogik_toolbox::{AuthorizedCall, ForeignCall, ToolError};
use rig::tool::ToolContext;
use serde_json::{Map, Value};

use crate::session::RunSession;
use crate::tools::{Sessions, Shared};

/// A call that was let through, and that has not run yet.
#[derive(Debug)]
pub(crate) enum Judged {
    /// Of a tool of the toolbox.
    Own(Box<AuthorizedCall>),
    /// Of a tool that somebody else runs.
    Foreign(Box<ForeignCall>),
}

/// A judged call on its way from the hook to the tool, which takes it out.
#[derive(Debug)]
pub(crate) struct Slot {
    tools: Arc<Shared>,
    tool: String,
    arguments: Arguments,
    judged: Mutex<Option<Judged>>,
}

impl Slot {
    pub(crate) fn new(tools: Arc<Shared>, tool: &str, judged: Judged) -> Self {
        let arguments = match &judged {
            Judged::Own(call) => call.arguments(),
            Judged::Foreign(call) => call.arguments(),
        };
        Self {
            arguments: arguments.clone(),
            tools,
            tool: tool.to_owned(),
            judged: Mutex::new(Some(judged)),
        }
    }

    /// What was judged.
    pub(crate) fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// Whether `text` is the judged arguments, however it is written.
    pub(crate) fn holds(&self, text: &str) -> bool {
        json::parse(text, DEFAULT_MAX_DEPTH)
            .is_ok_and(|value| value.as_object() == Some(self.arguments.object()))
    }

    pub(crate) fn is_for(&self, tools: &Arc<Shared>, tool: &str, arguments: &Value) -> bool {
        Arc::ptr_eq(&self.tools, tools)
            && self.tool == tool
            && arguments.as_object() == Some(self.arguments.object())
    }

    pub(crate) fn take(&self) -> Option<Judged> {
        self.judged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Shared {
    /// The session that a call with this context belongs to.
    pub(crate) fn run_session(
        &self,
        tool: &str,
        context: Option<&ToolContext>,
    ) -> Result<Arc<RunSession>, ToolError> {
        let session = match &self.sessions {
            Sessions::Fixed(session) => Some(Arc::clone(session)),
            Sessions::PerRun => context.and_then(ToolContext::scope::<RunSession>),
        };
        session.ok_or_else(|| no_session(tool).into())
    }

    /// Puts a call to the gate: one of the toolbox as what the toolbox knows of it, any other by
    /// the rules for foreign tools.
    pub(crate) async fn judge(
        &self,
        run: &RunSession,
        tool: &str,
        arguments: Value,
    ) -> Result<Judged, ToolError> {
        let arguments = or_none(arguments);
        if self.toolbox.names().any(|name| name == tool) {
            let tools = self.toolbox.for_session(run.session());
            let call = tools.authorize(tool, arguments).await?;
            Ok(Judged::Own(Box::new(call)))
        } else {
            self.judge_foreign(run, tool, arguments)
                .await
                .map(|call| Judged::Foreign(Box::new(call)))
        }
    }

    pub(crate) async fn judge_foreign(
        &self,
        run: &RunSession,
        tool: &str,
        arguments: Value,
    ) -> Result<ForeignCall, ToolError> {
        let rule = self.rules.rule_for(tool);
        ForeignCall::authorize(run.session(), &rule, or_none(arguments)).await
    }
}

/// Models write `null` for a call without arguments.
pub(crate) fn or_none(arguments: Value) -> Value {
    match arguments {
        Value::Null => Value::Object(Map::new()),
        other => other,
    }
}

fn no_session(tool: &str) -> GovernanceError {
    tracing::error!(
        tool,
        "denied: the run has no session; attach a `RunSession`"
    );
    let error = EngineError::new(
        FailClosed::InternalError,
        "the run's tool context has no session; attach a `RunSession`",
    );
    let mut decision = PolicyDecision::fail_closed(&error);
    "no session to judge this call in".clone_into(&mut decision.reason);
    GovernanceError::new(tool, Arc::new(decision))
}
