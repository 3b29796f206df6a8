use kitelogik_core::{Arguments, DataClassification, Outcome};
use kitelogik_opa::{CallRequest, Permit, PermitError, Running, Session};
use serde_json::{Map, Value};

use crate::error::{ArgumentProblem, InvalidArguments, preview};
use crate::{ToolError, resource, schema};

/// How calls of a tool that somebody else runs are put to the policy.
///
/// ```
/// use kitelogik_toolbox::ForeignTool;
///
/// let fetch = ForeignTool::new("fetch").action("http_get").resource("url");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ForeignTool {
    name: String,
    action: String,
    resources: Vec<String>,
    data_classification: Option<DataClassification>,
}

impl ForeignTool {
    /// The tool of this name, which is its action too.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            action: name.clone(),
            name,
            resources: Vec::new(),
            data_classification: None,
        }
    }

    /// The policy's name for the tool. Default: its own name.
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.action = action.into();
        self
    }

    /// The argument that carries the path or URL which the tool touches (`a.b` for a nested one).
    /// Said twice, as for a copy, each is judged and the strongest verdict holds.
    ///
    /// A call without it is refused as one with invalid arguments: nobody here knows the tool's
    /// schema, so what is missing may be there under another name.
    pub fn resource(mut self, argument: impl Into<String>) -> Self {
        self.resources.push(argument.into());
        self
    }

    /// How sensitive the data is that the tool touches.
    pub fn data_classification(mut self, classification: DataClassification) -> Self {
        self.data_classification = Some(classification);
        self
    }

    /// The tool's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A call, let through by the gate, of a tool that somebody else runs: one that a framework knows
/// and this crate does not.
///
/// For hooks of frameworks. Whoever holds it runs the tool on [`arguments`](Self::arguments), which
/// are what was judged, and says how it ended; dropped before, the call is recorded as cancelled.
#[derive(Debug)]
#[must_use = "dropped, the call is recorded as cancelled"]
pub struct ForeignCall {
    arguments: Arguments,
    running: Running,
}

impl ForeignCall {
    /// Puts a call to the session's gate.
    ///
    /// # Errors
    ///
    /// The arguments are not an object, are too long or lack a resource; or the gate did not let
    /// the call through.
    pub async fn authorize(
        session: &Session,
        tool: &ForeignTool,
        arguments: Value,
    ) -> Result<Self, ToolError> {
        let name = &tool.name;
        let Value::Object(object) = arguments else {
            let problem = ArgumentProblem::new("$", "an object", preview(&arguments));
            return Err(InvalidArguments::of(name, problem).into());
        };
        for argument in &tool.resources {
            if !names_a_resource(argument, &object) {
                let expected = "a path or URL: a string, or a list of strings";
                let problem = ArgumentProblem::new(format!("$.{argument}"), expected, "nothing");
                return Err(InvalidArguments::of(name, problem).into());
            }
        }
        let resources = resource::named(&tool.resources, &object)
            .map_err(|problem| InvalidArguments::of(name, problem))?;
        let args = Arguments::from(object);
        if args.text().len() > schema::MAX_ARGUMENT_BYTES {
            return Err(schema::too_long(name, args.text().len()).into());
        }
        let request = CallRequest {
            tool: name.clone(),
            action: tool.action.clone(),
            args,
            resources,
            data_classification: tool.data_classification,
            tool_schema: None,
        };
        Self::open(session.authorize(request).await?, name, &tool.action)
    }

    pub(crate) fn open(permit: Permit, tool: &str, action: &str) -> Result<Self, ToolError> {
        let failed = |error: PermitError| ToolError::Failed {
            tool: tool.to_owned(),
            message: error.to_string(),
        };
        let (object, _context, running) = permit
            .open::<Map<String, Value>>(tool, action)
            .map_err(failed)?
            .into_parts();
        Ok(Self {
            arguments: object.into(),
            running,
        })
    }

    /// The judged arguments.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// The tool has ended with `outcome`.
    pub fn ended(self, outcome: Outcome) {
        self.running.ended(outcome);
    }
}

/// Whether the argument at this dotted path is there, and is not an empty list.
fn names_a_resource(argument: &str, object: &Map<String, Value>) -> bool {
    resource::at(object, argument).is_some_and(|value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    })
}
