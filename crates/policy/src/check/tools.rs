//! The tools that a policy is for.

use serde_json::{Map, Value};

use super::body::Said;
use super::fact::{Fact, type_of};
use super::finding::{Code, Finding};

/// The tools that a policy is checked against: what `Toolbox::definitions(SchemaFormat::Kitelogik)` writes.
///
/// ```
/// use kitelogik_policy::check::Tools;
///
/// let tools = Tools::parse(
///     r#"[{
///         "name": "pay_back",
///         "action": "approve_refund",
///         "parameters": {
///             "type": "object",
///             "properties": { "customer_id": { "type": "string" }, "amount": { "type": "number" } },
///             "required": ["customer_id", "amount"]
///         },
///         "resource": []
///     }]"#,
/// )?;
/// # Ok::<(), kitelogik_policy::check::ToolsError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tools {
    pub(super) tools: Vec<Tool>,
}

/// Text that is no list of tools.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write it with `definitions(SchemaFormat::Kitelogik)`, or `tool_schemas --format kitelogik`"
)]
pub struct ToolsError(String);

#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) action: String,
    schema: Value,
    resources: Vec<String>,
}

/// An argument, as far as its schema tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Argument {
    /// The types it may have; empty where the schema does not say.
    pub(super) types: Vec<String>,
    /// The only values it may have, where the schema lists them.
    values: Option<Vec<Value>>,
    pub(super) required: bool,
}

impl Tools {
    /// Reads JSON: an array of tools, each with `name`, `parameters`, and where they are not the defaults `action` and
    /// `resource`.
    ///
    /// # Errors
    ///
    /// [`ToolsError`], where it is something else.
    pub fn parse(json: &str) -> Result<Self, ToolsError> {
        let value = serde_json::from_str(json).map_err(|error| ToolsError(error.to_string()))?;
        Self::from_value(value)
    }

    /// Reads a JSON value.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn from_value(value: Value) -> Result<Self, ToolsError> {
        let Value::Array(definitions) = value else {
            return Err(ToolsError("a list of tools is a JSON array".to_owned()));
        };
        let tools = definitions
            .into_iter()
            .enumerate()
            .map(|(index, definition)| tool(index, &definition))
            .collect::<Result<_, _>>()?;
        Ok(Self { tools })
    }

    /// Whether `subject` is an argument that is always there, and a number, for every tool that `facts` leave.
    pub(super) fn promise_number(&self, facts: &[Said<'_>], subject: &[String]) -> bool {
        let [input, args, rest @ ..] = subject else {
            return false;
        };
        if input != "input" || args != "args" || rest.is_empty() {
            return false;
        }
        let tools = self.left_by(facts);
        !tools.is_empty()
            && tools.iter().all(|tool| match tool.argument(rest) {
                Lookup::Found(argument) => {
                    argument.required
                        && !argument.types.is_empty()
                        && argument
                            .types
                            .iter()
                            .all(|name| matches!(name.as_str(), "number" | "integer"))
                }
                Lookup::Open | Lookup::Missing => false,
            })
    }

    /// The tools that a body speaks of, which says `facts`; none where it does not say.
    pub(super) fn left_by(&self, facts: &[Said<'_>]) -> Vec<&Tool> {
        let named = facts.iter().find_map(|said| match &said.fact {
            Fact::OneOf(values) if said.subject == ["input", "action"] => Some((true, values)),
            Fact::OneOf(values) if said.subject == ["input", "tool_name"] => Some((false, values)),
            _ => None,
        });
        let Some((by_action, values)) = named else {
            return Vec::new();
        };
        self.tools
            .iter()
            .filter(|tool| {
                let name = if by_action { &tool.action } else { &tool.name };
                values.iter().any(|value| value.as_str() == Some(name))
            })
            .collect()
    }

    pub(super) fn of_actions(&self, actions: &[&str]) -> Vec<&Tool> {
        let tools = self.tools.iter();
        tools
            .filter(|tool| actions.contains(&tool.action.as_str()))
            .collect()
    }

    /// Arguments that look like what `resource_path` is for.
    pub(super) fn check_resources(&self, findings: &mut Vec<Finding>) {
        for tool in &self.tools {
            for (name, schema) in tool.properties() {
                if tool.resources.iter().any(|known| known == name) || !names_a_place(name, schema)
                {
                    continue;
                }
                findings.push(
                    Finding::whole(
                        Code::MissingResource,
                        "",
                        format!(
                            "the argument `{name}` of the tool `{}` looks like a path or URL, and is not named as its resource",
                            tool.name
                        ),
                    )
                    .fix(format!(
                        "write `#[governed(resource = \"{name}\")]`, so that `input.resource_path` and the built-in rules see it"
                    )),
                );
            }
        }
    }
}

fn tool(index: usize, definition: &Value) -> Result<Tool, ToolsError> {
    let text = |key: &str| {
        definition
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let name =
        text("name").ok_or_else(|| ToolsError(format!("tool {} has no `name`", index + 1)))?;
    let schema = definition
        .get("parameters")
        .filter(|schema| schema.is_object())
        .ok_or_else(|| ToolsError(format!("the tool `{name}` has no `parameters`")))?
        .clone();
    let resources = match definition.get("resource") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several
            .iter()
            .map(|one| one.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| ToolsError(format!("the `resource` of `{name}` is no list of names")))?,
        Some(_) => {
            return Err(ToolsError(format!(
                "the `resource` of `{name}` is no list of names"
            )));
        }
    };
    Ok(Tool {
        action: text("action").unwrap_or_else(|| name.clone()),
        name,
        schema,
        resources,
    })
}

/// What a schema says of a path.
pub(super) enum Lookup {
    Found(Argument),
    /// There may be such an argument: the schema does not close the object, or is too clever to follow.
    Open,
    Missing,
}

impl Tool {
    /// The arguments at the top, and their schemas.
    fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.properties().map(|(name, _)| name.as_str()).collect()
    }

    /// The argument at `path`.
    pub(super) fn argument(&self, path: &[String]) -> Lookup {
        let mut schema = &self.schema;
        let mut required = true;
        for key in path {
            schema = resolved(schema, &self.schema);
            let Some(object) = schema.as_object() else {
                return Lookup::Open;
            };
            match object.get("properties").and_then(|all| all.get(key)) {
                Some(inner) => {
                    let names = object.get("required").and_then(Value::as_array);
                    required &= names
                        .into_iter()
                        .flatten()
                        .any(|name| name.as_str() == Some(key));
                    schema = inner;
                }
                None if is_open(object) => return Lookup::Open,
                None => return Lookup::Missing,
            }
        }
        let schema = resolved(schema, &self.schema);
        Lookup::Found(Argument {
            types: types(schema),
            values: schema.get("enum").and_then(Value::as_array).cloned(),
            required,
        })
    }
}

/// `$ref` within the same document, followed as far as a few steps.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..8 {
        let target = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'))
            .and_then(|pointer| root.pointer(pointer));
        match target {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// Whether an object may have properties that are not listed.
fn is_open(schema: &Map<String, Value>) -> bool {
    let composed = ["allOf", "anyOf", "oneOf", "if", "$ref", "patternProperties"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword));
    let map = matches!(
        schema.get("additionalProperties"),
        Some(Value::Object(_) | Value::Bool(true))
    );
    // The toolbox closes every object that says nothing about it.
    composed || map || !schema.contains_key("properties")
}

fn types(schema: &Value) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

impl Argument {
    /// Why the argument is never `value`, if it never is.
    pub(super) fn refuses(&self, value: &Value) -> Option<String> {
        if let Some(values) = &self.values {
            if values.contains(value) {
                return None;
            }
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            return Some(format!("it is one of {}", values.join(", ")));
        }
        let fits = self.types.iter().any(|name| {
            type_of(value) == name
                || (name == "integer" && value.as_f64().is_some_and(|number| number.fract() == 0.0))
        });
        if self.types.is_empty() || fits {
            return None;
        }
        Some(format!("it is a value of type {}", self.types.join(" or ")))
    }

    /// Whether it can be ordered with values of the type of `limit`.
    pub(super) fn refuses_limit(&self, limit: &Value) -> Option<String> {
        let wanted = type_of(limit);
        let fits = self
            .types
            .iter()
            .any(|name| name == wanted || (wanted == "number" && name == "integer"));
        if self.types.is_empty() || fits {
            return None;
        }
        Some(format!("it is a value of type {}", self.types.join(" or ")))
    }
}

/// Words of which an argument's name is made that means a place.
const PLACES: [&str; 16] = [
    "path",
    "paths",
    "file",
    "files",
    "filename",
    "filepath",
    "dir",
    "directory",
    "folder",
    "url",
    "urls",
    "uri",
    "host",
    "hostname",
    "endpoint",
    "webhook",
];

fn names_a_place(name: &str, schema: &Value) -> bool {
    let types = types(schema);
    let text = types.is_empty() || types.iter().any(|name| name == "string" || name == "array");
    let format = schema.get("format").and_then(Value::as_str);
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let spelled = words
        .flat_map(humps)
        .any(|word| PLACES.contains(&word.to_ascii_lowercase().as_str()));
    text && (spelled
        || matches!(
            format,
            Some("uri" | "uri-reference" | "url" | "hostname" | "path")
        ))
}

/// `filePath` as `file` and `Path`.
fn humps(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (index, letter) in word.char_indices().skip(1) {
        if letter.is_ascii_uppercase() {
            parts.extend(word.get(from..index));
            from = index;
        }
    }
    parts.extend(word.get(from..));
    parts
}
