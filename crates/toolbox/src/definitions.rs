//! The registered tools as each API wants them defined.

mod disjoint;
mod limits;
mod nullable;
mod plain;
mod strict;
mod walk;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::{ToolSchema, Toolbox};

/// Whose definitions of tools to write.
///
/// Its name is what `tool_schemas --format` takes and what [`Display`](fmt::Display) writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaFormat {
    /// `openai-chat`: OpenAI, and whoever speaks its Chat Completions.
    OpenaiChat,
    /// `openai-responses`: OpenAI's Responses.
    OpenaiResponses,
    /// `anthropic`: Anthropic's Messages, with `input_schema`.
    Anthropic,
    /// `mcp`: the Model Context Protocol's `tools/list`, with `inputSchema`.
    Mcp,
    /// `kitelogik`: the schema as the toolbox checks it, with the policy's `action` for the tool and
    /// the arguments that name its `resource`: what a check of a policy against tools reads.
    Kitelogik,
}

impl SchemaFormat {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::Anthropic,
        Self::Mcp,
        Self::Kitelogik,
    ];

    /// Its name, as [`FromStr`] reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Mcp => "mcp",
            Self::Kitelogik => "kitelogik",
        }
    }
}

impl fmt::Display for SchemaFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for SchemaFormat {
    type Err = UnknownSchemaFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == name)
            .ok_or_else(|| UnknownSchemaFormat(name.to_owned()))
    }
}

/// A name that is none of a [`SchemaFormat`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{name}`; use one of {known}", name = .0, known = all_names())]
pub struct UnknownSchemaFormat(String);

/// A tool's arguments as OpenAI takes them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpenaiParameters {
    /// The schema to send as `parameters`.
    pub schema: Value,
    /// Why strict mode cannot express the schema; `None` where it can. What to send as `strict` is
    /// [`is_strict`](Self::is_strict).
    pub not_strict: Option<String>,
}

impl OpenaiParameters {
    /// What to send as `strict`. Always send it: Responses takes a missing one for `true`.
    pub fn is_strict(&self) -> bool {
        self.not_strict.is_none()
    }
}

/// Whether the log says already that strict mode cannot express a tool: once is enough, and the
/// definitions are written for each request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told(Arc<AtomicBool>);

impl Told {
    fn tell(&self, tool: &str, why: &str) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::info!(tool, why, "strict mode cannot express this tool");
        }
    }
}

impl PartialEq for Told {
    fn eq(&self, _: &Self) -> bool {
        true // says nothing of the tool
    }
}

impl Toolbox {
    /// The tools as definitions for one API: a JSON array, in the order of registration.
    ///
    /// What is published is never more than what is checked: whatever an API's own form of a schema
    /// leaves out (OpenAI's strict mode has no `minLength`, Anthropic no choice at the top level),
    /// [`GovernedToolbox`](crate::GovernedToolbox) still holds a call to.
    ///
    /// ```
    /// use kitelogik_toolbox::{SchemaFormat, Tool, Toolbox};
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    /// use serde_json::json;
    ///
    /// #[derive(Serialize, Deserialize, JsonSchema)]
    /// struct Search {
    ///     /// What to look for.
    ///     text: String,
    ///     limit: Option<u8>,
    /// }
    ///
    /// let search = |args: Search| async move { Ok::<_, std::io::Error>(args.text) };
    /// let tools = Toolbox::builder().tool(Tool::typed("search", "Searches.", search)?).build()?;
    ///
    /// assert_eq!(
    ///     tools.definitions(SchemaFormat::OpenaiChat),
    ///     json!([{
    ///         "type": "function",
    ///         "function": {
    ///             "name": "search",
    ///             "description": "Searches.",
    ///             "parameters": {
    ///                 "type": "object",
    ///                 "properties": {
    ///                     "text": { "type": "string", "description": "What to look for." },
    ///                     "limit": { "type": ["integer", "null"], "minimum": 0, "maximum": 255 },
    ///                 },
    ///                 "required": ["limit", "text"], // strict mode: null instead of missing
    ///                 "additionalProperties": false,
    ///             },
    ///             "strict": true,
    ///         },
    ///     }]),
    /// );
    /// # Ok::<(), kitelogik_toolbox::BuildError>(())
    /// ```
    pub fn definitions(&self, format: SchemaFormat) -> Value {
        self.schemas()
            .iter()
            .map(|schema| schema.definition(format))
            .collect()
    }
}

impl ToolSchema {
    /// The tool's definition for one API.
    pub fn definition(&self, format: SchemaFormat) -> Value {
        let Self {
            name, description, ..
        } = self;
        match format {
            SchemaFormat::OpenaiChat => {
                let parameters = self.openai_parameters();
                json!({
                    "type": "function",
                    "function": {
                        "name": name,
                        "description": description,
                        "strict": parameters.is_strict(),
                        "parameters": parameters.schema,
                    },
                })
            }
            SchemaFormat::OpenaiResponses => {
                let parameters = self.openai_parameters();
                json!({
                    "type": "function",
                    "name": name,
                    "description": description,
                    "strict": parameters.is_strict(),
                    "parameters": parameters.schema,
                })
            }
            SchemaFormat::Anthropic => json!({
                "name": name,
                "description": description,
                "input_schema": plain::plain(&self.parameters),
            }),
            SchemaFormat::Mcp => json!({
                "name": name,
                "description": description,
                "inputSchema": plain::plain(&self.parameters),
            }),
            SchemaFormat::Kitelogik => json!({
                "name": name,
                "description": description,
                "parameters": self.parameters,
                "action": self.action,
                "resource": self.resources,
            }),
        }
    }

    /// The tool's arguments as OpenAI takes them: in strict mode where that can express them, which
    /// makes the model write nothing else. Where it cannot, the log says why, once.
    ///
    /// In strict mode every argument is required and every object closed, so an optional argument is
    /// published as one that may be null; a null for an argument that cannot be null is read as an
    /// argument left out. What strict mode does not know and what only narrows a value (`minLength`,
    /// `uniqueItems`, formats such as `uint64`) is left out, a default is told in the description.
    ///
    /// Not strict are: maps with free keys, values of any JSON type, tuples, choices at the top
    /// level or between forms that overlap, and `allOf`, `not`, `if`, `patternProperties` and their
    /// like; also what exceeds OpenAI's limits (10 levels, 5,000 properties, 1,000 enum values,
    /// 120,000 characters of names and values).
    pub fn openai_parameters(&self) -> OpenaiParameters {
        match strict::strict(&self.parameters) {
            Ok(schema) => OpenaiParameters {
                schema,
                not_strict: None,
            },
            Err(why) => {
                self.told.tell(&self.name, &why);
                OpenaiParameters {
                    schema: plain::complete(&self.parameters),
                    not_strict: Some(why),
                }
            }
        }
    }
}

fn all_names() -> String {
    SchemaFormat::ALL
        .map(|format| format!("`{format}`"))
        .join(", ")
}
