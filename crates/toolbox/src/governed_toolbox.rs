use std::sync::Arc;

use kitelogik_core::{GovernanceEvent, PlanStep, PolicyDecision, Verdict};
use kitelogik_opa::{CallRequest, Permit, Session, Watched};
use serde_json::{Map, Value};

use crate::blocked::on_one_line;
use crate::error::cut;
use crate::sanitiser::{JsonFinding, mark_as_tool_output, mark_json_as_tool_output};
use crate::tool::RunError;
use crate::{
    AuthorizedCall, InvalidArguments, Tool, ToolError, ToolSchema, Toolbox, blocked_text, resource,
};

/// A toolbox and a session: every call by name is put to the gate before the body runs.
#[derive(Clone, Debug)]
pub struct GovernedToolbox {
    toolbox: Toolbox,
    session: Session,
}

/// What a call by name gave, fit for a model: sanitised, and never posing as the gate.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// The result as JSON.
    pub value: Value,
    /// The result as text: a string as it is, everything else as JSON.
    pub text: String,
    /// What the sanitiser redacted.
    pub findings: Vec<JsonFinding>,
}

impl GovernedToolbox {
    pub(crate) fn new(toolbox: Toolbox, session: Session) -> Self {
        Self { toolbox, session }
    }

    /// The tools.
    pub fn toolbox(&self) -> &Toolbox {
        &self.toolbox
    }

    /// The session whose calls these are.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The names of the tools, in the order of registration.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.toolbox.names()
    }

    /// What is published of the tools, in the order of registration.
    pub fn schemas(&self) -> Vec<ToolSchema> {
        self.toolbox.schemas()
    }

    /// Calls a tool with the arguments as a model wrote them: the text of a JSON object.
    ///
    /// An empty text is an empty object: models write it for tools without arguments.
    ///
    /// # Errors
    ///
    /// Why there is no result; [`ToolError::model_text`] is what a model reads of it.
    pub async fn call_json(&self, name: &str, arguments: &str) -> Result<ToolOutput, ToolError> {
        let tool = self.find(name)?;
        let text = if arguments.trim().is_empty() {
            "{}"
        } else {
            arguments
        };
        self.dispatch(tool, tool.schema.read(name, text)).await
    }

    /// Calls a tool with arguments that are JSON already.
    ///
    /// Where the text is at hand, [`call_json`](Self::call_json) is better: duplicate keys can be
    /// seen only there.
    ///
    /// # Errors
    ///
    /// Why there is no result; [`ToolError::model_text`] is what a model reads of it.
    pub async fn call(&self, name: &str, arguments: Value) -> Result<ToolOutput, ToolError> {
        let tool = self.find(name)?;
        self.dispatch(tool, tool.schema.check(name, arguments))
            .await
    }

    /// Judges a call without running it yet; [`AuthorizedCall::run`] does.
    ///
    /// # Errors
    ///
    /// Why it may not run; [`ToolError::model_text`] is what a model reads of it.
    pub async fn authorize(
        &self,
        name: &str,
        arguments: Value,
    ) -> Result<AuthorizedCall, ToolError> {
        let tool = self.find(name)?;
        let request = request(tool, tool.schema.check(name, arguments)?)?;
        let permit = self.session.authorize(request).await?;
        Ok(AuthorizedCall::new(
            self.toolbox.clone(),
            tool.clone(),
            permit,
        ))
    }

    /// Judges a plan without running any of it: first the plan as a whole (`agent.plan`), then each
    /// step as the tool call that it would be. Nobody is asked for approval.
    ///
    /// # Errors
    ///
    /// A step names a tool that is not there, or its arguments do not fit.
    pub async fn evaluate_plan<'a>(
        &self,
        steps: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<PlanEvaluation, ToolError> {
        let mut plan = Vec::new();
        let mut calls = Vec::new();
        for (name, arguments) in steps {
            let tool = self.find(name)?;
            let request = request(tool, tool.schema.check(name, arguments)?)?;
            plan.push(PlanStep::new(
                request.action.clone(),
                request.args.object().clone(),
            ));
            calls.push(request);
        }
        let event = GovernanceEvent::AgentPlan(kitelogik_core::AgentPlan {
            steps: plan,
            ..kitelogik_core::AgentPlan::default()
        });
        let plan = self.session.evaluate(&event).await;
        let mut steps = Vec::with_capacity(calls.len());
        for request in calls {
            steps.push(self.session.evaluate_call(&request).await);
        }
        Ok(PlanEvaluation { plan, steps })
    }

    fn find(&self, name: &str) -> Result<&Tool, ToolError> {
        self.toolbox
            .tool(name)
            .ok_or_else(|| ToolError::UnknownTool {
                name: cut(name),
                registered: self.names().map(str::to_owned).collect(),
            })
    }

    async fn dispatch(
        &self,
        tool: &Tool,
        arguments: Result<Map<String, Value>, InvalidArguments>,
    ) -> Result<ToolOutput, ToolError> {
        let watched = Watched::new(self.session.call_span(tool.name()));
        let call = async {
            let permit = self.session.authorize(request(tool, arguments?)?).await?;
            self.toolbox.run(tool, permit).await
        };
        let result = watched.over(call).await;
        if let Err(error) = &result {
            watched.tell(|span| {
                span.record("error.type", error.kind());
            });
        }
        result
    }
}

impl Toolbox {
    pub(crate) async fn run(&self, tool: &Tool, permit: Permit) -> Result<ToolOutput, ToolError> {
        let name = tool.name().to_owned();
        match tool.run(permit).await {
            Ok(value) => Ok(self.output(tool, value)),
            Err(RunError::Failed(message)) => Err(ToolError::Failed {
                tool: name,
                message: self.clean(tool, message),
            }),
            Err(RunError::Panicked) => Err(ToolError::Panicked { tool: name }),
            Err(RunError::NeverRan(why)) => {
                tracing::error!(tool = name, why, "body did not run");
                Err(ToolError::Failed {
                    tool: name,
                    message: "the host has no thread for it; it did not run".to_owned(),
                })
            }
            Err(RunError::Unwritable(why)) => Err(ToolError::UnwritableResult { tool: name, why }),
            Err(RunError::Permit(why)) => {
                tracing::error!(tool = name, why, "permit not opened");
                Err(ToolError::Failed {
                    tool: name,
                    message: "its judged arguments could not be read back; it did not run"
                        .to_owned(),
                })
            }
        }
    }

    fn output(&self, tool: &Tool, value: Value) -> ToolOutput {
        let (value, findings) = if tool.spec.sanitise {
            self.sanitiser().json(value)
        } else {
            (value, Vec::new())
        };
        let value = mark_json_as_tool_output(value);
        let text = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        ToolOutput {
            value,
            text,
            findings,
        }
    }

    fn clean(&self, tool: &Tool, message: String) -> String {
        if tool.spec.sanitise {
            self.sanitiser().text(&message).text.into_owned()
        } else {
            message
        }
    }
}

impl ToolError {
    /// What a model reads of it: one line, without control or bidirectional characters. Only a
    /// denial begins with `[BLOCKED]`.
    pub fn model_text(&self) -> String {
        match self {
            Self::Denied(denied) => blocked_text(denied),
            other => {
                let text = on_one_line(&format!("Error: {other}"));
                mark_as_tool_output(&text).into_owned()
            }
        }
    }
}

/// What the policy says of a plan and of each of its steps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlanEvaluation {
    /// The plan as a whole.
    pub plan: Arc<PolicyDecision>,
    /// Each step, in order.
    pub steps: Vec<Arc<PolicyDecision>>,
}

impl PlanEvaluation {
    /// The strongest verdict of the plan and its steps.
    pub fn verdict(&self) -> Verdict {
        self.steps
            .iter()
            .map(|step| step.verdict)
            .fold(self.plan.verdict, |strongest, verdict| {
                if verdict.strength() > strongest.strength() {
                    verdict
                } else {
                    strongest
                }
            })
    }

    /// Whether the plan and every step of it are allowed.
    pub fn allowed(&self) -> bool {
        self.verdict() == Verdict::Allow
    }
}

fn request(tool: &Tool, arguments: Map<String, Value>) -> Result<CallRequest, InvalidArguments> {
    let args = tool.judged(arguments)?;
    let resources = resource::named(&tool.spec.resources, args.object())
        .map_err(|problem| InvalidArguments::of(tool.name(), problem))?;
    Ok(CallRequest {
        tool: tool.spec.name.clone(),
        action: tool.spec.action.clone(),
        args,
        resources,
        data_classification: tool.spec.data_classification,
        tool_schema: Some(Arc::clone(tool.schema.text())),
    })
}
