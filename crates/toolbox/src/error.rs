use std::fmt;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use kitelogik_core::GovernanceError;
use serde_json::Value;

use crate::blocked::{on_one_line, shown};

/// Why a tool call by name has no result.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// No tool has this name.
    #[error("no tool named `{}`; registered: {}", cut(.name), listed(.registered))]
    UnknownTool {
        /// The name that was asked for, on one line and cut at 80 characters.
        name: String,
        /// The names there are, in the order of registration.
        registered: Vec<String>,
    },
    /// The arguments do not fit the tool. The policy was not asked.
    #[error(transparent)]
    InvalidArguments(#[from] InvalidArguments),
    /// The gate did not let the call through.
    #[error(transparent)]
    Denied(#[from] GovernanceError),
    /// The body ran and returned an error.
    #[error("`{}` failed: {}", cut(.tool), on_one_line(.message))]
    Failed {
        /// The tool.
        tool: String,
        /// What the body said; sanitised, as results are. Of several lines, where it said several.
        message: String,
    },
    /// The body panicked.
    #[error("`{}` failed: it panicked", cut(.tool))]
    Panicked {
        /// The tool.
        tool: String,
    },
    /// The body ran, and its result cannot be written as JSON.
    #[error("`{}` ran, but its result cannot be written as JSON; it ran: do not retry", cut(.tool))]
    UnwritableResult {
        /// The tool.
        tool: String,
        /// Why not; for logs.
        why: String,
    },
}

impl ToolError {
    /// The kind of error, in one word for logs and spans: of a denial, its code or verdict.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownTool { .. } => "unknown_tool",
            Self::InvalidArguments(_) => "invalid_arguments",
            Self::Denied(denied) => denied.decision.error_type(),
            Self::Failed { .. } => "failed",
            Self::Panicked { .. } => "panicked",
            Self::UnwritableResult { .. } => "unwritable_result",
        }
    }
}

/// Why a typed call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError<E> {
    /// The gate did not let the call through.
    #[error(transparent)]
    Denied(#[from] GovernanceError),
    /// The body ran and returned this error.
    #[error("{0}")]
    Failed(E),
}

/// Arguments that do not fit a tool.
///
/// A model wrote them, and a model and a log read what is wrong: each text here is on one line, cut,
/// and without hidden characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid arguments for `{tool}`: {}", joined(.problems))]
#[non_exhaustive]
pub struct InvalidArguments {
    /// The tool.
    pub tool: String,
    /// What does not fit, each with its place.
    pub problems: Vec<ArgumentProblem>,
}

impl<E> CallError<E> {
    /// The kind of error, in one word for logs and spans: of a denial, its code or verdict.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.decision.error_type(),
            Self::Failed(_) => "failed",
        }
    }
}

impl InvalidArguments {
    pub(crate) fn of(tool: &str, problem: ArgumentProblem) -> Self {
        Self::all(tool, vec![problem])
    }

    pub(crate) fn all(tool: &str, problems: Vec<ArgumentProblem>) -> Self {
        Self {
            tool: cut(tool),
            problems,
        }
    }
}

/// One argument that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArgumentProblem {
    /// Where, as a JSON path: `$.customer.id`. Cut at 200 characters.
    pub path: String,
    /// What was expected there. Cut at 200 characters.
    pub expected: String,
    /// What came instead. Cut at 120 characters.
    pub came: String,
}

impl fmt::Display for ArgumentProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "at `{}`: expected {}, came {}",
            self.path, self.expected, self.came
        )
    }
}

impl ArgumentProblem {
    /// The one place where what a model or a schema says becomes part of an error.
    pub(crate) fn new(
        path: impl AsRef<str>,
        expected: impl AsRef<str>,
        came: impl AsRef<str>,
    ) -> Self {
        const PLACE: usize = 200;
        const CAME: usize = 120;
        Self {
            path: shown(path.as_ref(), PLACE),
            expected: shown(expected.as_ref(), PLACE),
            came: shown(came.as_ref(), CAME),
        }
    }

    pub(crate) fn of_schema(error: &ValidationError<'_>) -> Self {
        let mut path = json_path(error);
        let mut came = preview(error.instance());
        let expected = match error.kind() {
            ValidationErrorKind::Type {
                kind: TypeKind::Single(kind),
            } => kind.to_string(),
            ValidationErrorKind::Type {
                kind: TypeKind::Multiple(kinds),
            } => kinds
                .iter()
                .map(|kind| kind.to_string())
                .collect::<Vec<_>>()
                .join(" or "),
            ValidationErrorKind::Required { property } => {
                if let Some(name) = property.as_str() {
                    path = format!("{path}.{}", cut(name));
                }
                "nothing".clone_into(&mut came);
                "a value: it is required".to_owned()
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                came = format!("`{}`", cut(&unexpected.join("`, `")));
                "no other arguments than the declared ones".to_owned()
            }
            ValidationErrorKind::Enum { options } => format!("one of {options}"),
            ValidationErrorKind::Constant { expected_value } => expected_value.to_string(),
            ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
            ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
            ValidationErrorKind::ExclusiveMinimum { limit } => format!("more than {limit}"),
            ValidationErrorKind::ExclusiveMaximum { limit } => format!("less than {limit}"),
            ValidationErrorKind::Pattern { pattern } => format!("text that matches `{pattern}`"),
            ValidationErrorKind::AnyOf { .. }
            | ValidationErrorKind::OneOfNotValid { .. }
            | ValidationErrorKind::OneOfMultipleValid { .. } => {
                "one of the forms the schema allows".to_owned()
            }
            other => format!("what the schema says of `{}`", other.keyword()),
        };
        Self::new(path, expected, came)
    }
}

/// Why a tool or a toolbox cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two tools have one name.
    #[error("two tools are named `{}`; rename one", cut(.0))]
    DuplicateName(String),
    /// A name that no model could call.
    #[error(
        "`{}` cannot be a tool's name: use 1 to 64 of the letters a-z, A-Z, digits, `_` and `-`",
        cut(.0)
    )]
    Name(String),
    /// A schema that cannot be used.
    #[error("the schema of `{}` cannot be used: {}", cut(.tool), shown(.why, 400))]
    Schema {
        /// The tool.
        tool: String,
        /// What is wrong with it.
        why: String,
    },
    /// A resource that is none of the tool's arguments.
    #[error("the resource `{}` of `{}` is not one of its arguments", cut(.argument), cut(.tool))]
    Resource {
        /// The tool.
        tool: String,
        /// The argument that it does not have.
        argument: String,
    },
}

fn json_path(error: &ValidationError<'_>) -> String {
    use std::fmt::Write;

    let mut path = "$".to_owned();
    for segment in error.instance_path().as_str().split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        let _ = if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            write!(path, "[{segment}]")
        } else {
            write!(path, ".{}", cut(&segment))
        };
    }
    path
}

pub(crate) fn preview(value: &Value) -> String {
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "",
        Value::Number(_) => "the number ",
        Value::String(_) => "the string ",
        Value::Array(_) => "the array ",
        Value::Object(_) => "the object ",
    };
    format!("{kind}`{}`", cut(&value.to_string()))
}

/// What a model wrote, on one line and cut.
pub(crate) fn cut(text: &str) -> String {
    const LIMIT: usize = 80;
    shown(text, LIMIT)
}

fn joined(problems: &[ArgumentProblem]) -> String {
    problems
        .iter()
        .map(ArgumentProblem::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names
        .iter()
        .map(|name| format!("`{}`", cut(name)))
        .collect::<Vec<_>>()
        .join(", ")
}
