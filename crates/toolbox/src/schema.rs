use std::sync::Arc;

use jsonschema::Validator;
use kitelogik_core::json::{self, DEFAULT_MAX_DEPTH};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::cost::{self, Look, MAX_LOOKS};
use crate::definitions::Told;
use crate::error::{ArgumentProblem, InvalidArguments, preview};
use crate::normal::normalise;
use crate::{BuildError, closed};

/// How many bytes the raw arguments of one call may have: 256 KiB.
pub const MAX_ARGUMENT_BYTES: usize = 256 * 1024;

/// How many problems of one call are told.
const MAX_PROBLEMS: usize = 10;

/// How much work may be put into saying what is wrong: it takes more, and more memory, than to find
/// that something is.
const MAX_LOOKS_TO_EXPLAIN: u64 = 5_000;

/// The JSON Schema that a tool's arguments are published with, and checked against.
#[derive(Clone, Debug)]
pub(crate) struct ArgumentSchema {
    schema: Arc<Value>,
    /// The same as canonical JSON.
    text: Arc<str>,
    validator: Arc<Validator>,
    /// Whether it refers to anything.
    refers: bool,
    /// Whether what fits it is then decoded to a type.
    decoded: bool,
    told: Told,
}

impl ArgumentSchema {
    /// The schema of a Rust type: JSON Schema 2020-12, inlined, and closed: an argument that the
    /// type does not have is refused, at every depth.
    pub(crate) fn of<A: JsonSchema>(tool: &str) -> Result<Self, BuildError> {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        });
        let mut schema = settings.into_generator().into_root_schema_for::<A>();
        // The name of the Rust type says nothing to a model.
        schema.remove("title");
        let mut schema = schema.to_value();
        closed::close(&mut schema);
        Self::compile(tool, schema, true)
    }

    /// A schema as it was given; what it leaves open stays open.
    pub(crate) fn given(tool: &str, schema: Value) -> Result<Self, BuildError> {
        Self::compile(tool, schema, false)
    }

    fn compile(tool: &str, schema: Value, decoded: bool) -> Result<Self, BuildError> {
        let bad = |why: String| BuildError::Schema {
            tool: tool.to_owned(),
            why,
        };
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(bad(
                "arguments are an object, so the schema needs `\"type\": \"object\"`".to_owned(),
            ));
        }
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .build(&schema)
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            refers: cost::refers(&schema),
            decoded,
            text: Arc::from(json::canonical(&schema)),
            schema: Arc::new(schema),
            validator: Arc::new(validator),
            told: Told::default(),
        })
    }

    /// The schema, as it is published.
    pub(crate) fn value(&self) -> &Value {
        &self.schema
    }

    /// The schema as canonical JSON: what an approval of a call is bound to.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What the log says of it already, whoever asks for its definition.
    pub(crate) fn told(&self) -> Told {
        self.told.clone()
    }

    /// Whether the schema knows an argument at this dotted path.
    pub(crate) fn has(&self, path: &str) -> bool {
        path.split('.')
            .try_fold(&*self.schema, |schema, name| {
                schema.get("properties")?.get(name)
            })
            .is_some()
    }

    /// Reads the raw text of a call's arguments.
    pub(crate) fn read(
        &self,
        tool: &str,
        text: &str,
    ) -> Result<Map<String, Value>, InvalidArguments> {
        if text.len() > MAX_ARGUMENT_BYTES {
            return Err(too_long(tool, text.len()));
        }
        let value = json::parse(text, DEFAULT_MAX_DEPTH).map_err(|error| {
            let expected = "one JSON object without duplicate keys";
            InvalidArguments::of(tool, ArgumentProblem::new("$", expected, error.to_string()))
        })?;
        self.check(tool, value)
    }

    /// Checks arguments that are JSON already.
    pub(crate) fn check(
        &self,
        tool: &str,
        mut value: Value,
    ) -> Result<Map<String, Value>, InvalidArguments> {
        if is_deeper_than(&value, DEFAULT_MAX_DEPTH) {
            let expected = format!("at most {DEFAULT_MAX_DEPTH} levels");
            return Err(InvalidArguments::of(
                tool,
                ArgumentProblem::new("$", expected, "more"),
            ));
        }
        normalise(&mut value, &self.schema);
        if !self.validator.is_valid(&value) {
            return Err(InvalidArguments::all(tool, self.problems(&value)));
        }
        if self.decoded && !self.takes_at_most(&value, Look::Decode, MAX_LOOKS) {
            let expected = "fewer levels: each level of a choice between forms without a tag \
                            multiplies the work of decoding it";
            let came = format!("more than {MAX_LOOKS} steps of that work");
            return Err(InvalidArguments::of(
                tool,
                ArgumentProblem::new("$", expected, came),
            ));
        }
        match value {
            Value::Object(object) => Ok(object),
            other => {
                let problem = ArgumentProblem::new("$", "an object", preview(&other));
                Err(InvalidArguments::of(tool, problem))
            }
        }
    }

    /// What is wrong with `value`, which does not fit.
    fn problems(&self, value: &Value) -> Vec<ArgumentProblem> {
        if self.takes_at_most(value, Look::Explain, MAX_LOOKS_TO_EXPLAIN) {
            let errors = self.validator.iter_errors(value).take(MAX_PROBLEMS);
            errors
                .map(|error| ArgumentProblem::of_schema(&error))
                .collect()
        } else {
            let expected = "what the schema allows; its choices nest too deeply to say which part \
                            does not fit";
            vec![ArgumentProblem::new("$", expected, preview(value))]
        }
    }

    fn takes_at_most(&self, value: &Value, look: Look, looks: u64) -> bool {
        !self.refers || cost::is_within(value, &self.schema, look, looks)
    }
}

pub(crate) fn too_long(tool: &str, bytes: usize) -> InvalidArguments {
    InvalidArguments::of(
        tool,
        ArgumentProblem::new(
            "$",
            format!("at most {MAX_ARGUMENT_BYTES} bytes"),
            format!("{bytes} bytes"),
        ),
    )
}

/// Whether arrays and objects nest deeper than `levels`. Looks no deeper than that.
fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let mut deeper = |value: &Value| match levels.checked_sub(1) {
        None => true,
        Some(levels) => is_deeper_than(value, levels),
    };
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(deeper),
        Value::Object(object) => levels == 0 || object.values().any(&mut deeper),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
