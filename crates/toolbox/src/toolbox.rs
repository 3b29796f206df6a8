use std::collections::HashMap;
use std::sync::Arc;

use kitelogik_opa::Session;
use serde_json::Value;

use crate::definitions::Told;
use crate::function::GovernedItem;
use crate::sanitiser::Sanitiser;
use crate::{BuildError, GovernedFunction, GovernedToolbox, IntoTool, Tool};

/// Tools by name. No gate, no session: built once, and bound to a session for each caller.
///
/// The explicit list is the security boundary: what is not registered cannot be called.
#[derive(Clone, Debug)]
pub struct Toolbox {
    registry: Arc<Registry>,
}

#[derive(Debug)]
struct Registry {
    tools: Vec<Tool>,
    by_name: HashMap<String, usize>,
    sanitiser: Sanitiser,
}

/// What a model, or a check of a policy, is told of one tool.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolSchema {
    /// The tool's name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON Schema (2020-12) of its arguments.
    pub parameters: Value,
    /// The policy's name for it.
    pub action: String,
    /// The arguments that carry the paths or URLs it touches.
    pub resources: Vec<String>,
    pub(crate) told: Told,
}

impl Toolbox {
    /// A toolbox to fill.
    pub fn builder() -> ToolboxBuilder {
        ToolboxBuilder {
            tools: Ok(Vec::new()),
            sanitiser: Sanitiser::default(),
        }
    }

    /// The same tools, for the calls of one session. Cheap.
    pub fn for_session(&self, session: &Session) -> GovernedToolbox {
        GovernedToolbox::new(self.clone(), session.clone())
    }

    /// The names of the tools, in the order of registration.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.registry.tools.iter().map(Tool::name)
    }

    /// What is published of the tools, in the order of registration.
    pub fn schemas(&self) -> Vec<ToolSchema> {
        let schema = |tool: &Tool| ToolSchema {
            name: tool.spec.name.clone(),
            description: tool.spec.description.clone(),
            parameters: tool.schema.value().clone(),
            action: tool.spec.action.clone(),
            resources: tool.spec.resources.clone(),
            told: tool.schema.told(),
        };
        self.registry.tools.iter().map(schema).collect()
    }

    pub(crate) fn tool(&self, name: &str) -> Option<&Tool> {
        let position = *self.registry.by_name.get(name)?;
        self.registry.tools.get(position)
    }

    /// The sanitiser that the tools' results go through.
    pub fn sanitiser(&self) -> &Sanitiser {
        &self.registry.sanitiser
    }
}

/// A toolbox that is being filled.
#[must_use]
pub struct ToolboxBuilder {
    tools: Result<Vec<Tool>, BuildError>,
    sanitiser: Sanitiser,
}

impl ToolboxBuilder {
    /// Registers a tool, or a function with `#[governed]` that takes no state.
    pub fn tool<Marker>(self, tool: impl IntoTool<Marker>) -> Self {
        self.add(tool.into_tool())
    }

    /// Registers a function with `#[governed]` and the state that its `#[state]` parameters take:
    /// the value itself for one, a tuple for several. Each call gets a clone.
    pub fn tool_with<Item, Parameters, State>(self, _function: Item, state: State) -> Self
    where
        Item: GovernedItem<Parameters>,
        Item::Function: GovernedFunction<State = State>,
        State: Clone + Send + Sync + 'static,
    {
        self.add(Tool::of_function::<Item::Function>(move || state.clone()))
    }

    /// Registers several tools.
    pub fn tools(self, tools: impl IntoIterator<Item = Tool>) -> Self {
        tools
            .into_iter()
            .fold(self, |builder, tool| builder.tool(tool))
    }

    /// The sanitiser that results go through. Default: [`Sanitiser::default`], with the built-in rules.
    pub fn sanitiser(mut self, sanitiser: Sanitiser) -> Self {
        self.sanitiser = sanitiser;
        self
    }

    /// The toolbox.
    ///
    /// # Errors
    ///
    /// The first thing that was wrong: a tool that cannot be one, or two of one name.
    pub fn build(self) -> Result<Toolbox, BuildError> {
        let tools = self.tools?;
        let mut by_name = HashMap::with_capacity(tools.len());
        for (position, tool) in tools.iter().enumerate() {
            if by_name.insert(tool.name().to_owned(), position).is_some() {
                return Err(BuildError::DuplicateName(tool.name().to_owned()));
            }
        }
        Ok(Toolbox {
            registry: Arc::new(Registry {
                tools,
                by_name,
                sanitiser: self.sanitiser,
            }),
        })
    }

    fn add(mut self, tool: Result<Tool, BuildError>) -> Self {
        if let Ok(tools) = &mut self.tools {
            match tool {
                Ok(tool) => tools.push(tool),
                Err(error) => self.tools = Err(error),
            }
        }
        self
    }
}
