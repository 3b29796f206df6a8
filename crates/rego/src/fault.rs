use std::time::Duration;

use kitelogik_core::{EngineError, FailClosed};
use regorus::LimitError;

use crate::builtins;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The entry point is undefined for this input.
    Undefined,
    /// It took longer than it had.
    OutOfTime(Duration),
    /// Something grew larger than it may: what, and how large it may be.
    Limit(String),
    /// A built-in error, two rules that conflict, a function that does not exist; `file:line:column: what`.
    Error(String),
    /// The input is nothing that JSON can hold.
    MalformedInput(String),
    /// The answer is nothing that JSON can hold.
    Malformed(String),
    /// The interpreter panicked.
    Panic,
}

impl Fault {
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let detail = one_line(error);
        let limit = error.downcast_ref::<LimitError>().is_some()
            || builtins::is_limit(&detail)
            || detail.contains("compiled regex exceeded size limit");
        if limit {
            Self::Limit(detail)
        } else {
            Self::Error(detail)
        }
    }
}

impl From<Fault> for EngineError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Undefined => Self::new(
                FailClosed::UndefinedDecision,
                "the entry point is undefined for this input",
            ),
            Fault::OutOfTime(limit) => Self::new(
                FailClosed::LimitExceeded,
                format!("the evaluation took longer than {limit:?}"),
            ),
            Fault::Limit(detail) => Self::new(FailClosed::LimitExceeded, detail),
            Fault::Error(detail) => Self::new(FailClosed::EvaluationError, detail),
            Fault::MalformedInput(detail) => Self::new(FailClosed::MalformedInput, detail),
            Fault::Malformed(detail) => Self::new(FailClosed::MalformedDecision, detail),
            Fault::Panic => Self::new(FailClosed::InternalError, "the evaluation panicked"),
        }
    }
}

/// The message as `file:line:column: what`, as far as it has that shape.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let text = error.to_string();
    let (place, what) = unframed(&text);
    let what = what.replace(['\n', '\r'], " ");
    match place {
        Some(place) => format!("{}: {what}", place.trim()),
        None => what,
    }
}

/// A message without the frames that the interpreter puts around it, and the place that the outermost of them names.
///
/// What stands in the message itself is left alone, however much it looks like a frame: it may be a caller's.
pub(crate) fn unframed(text: &str) -> (Option<&str>, &str) {
    let (mut place, mut rest) = (None, text);
    while let Some((at, what)) = framed(rest) {
        place = place.or(Some(at));
        rest = what;
    }
    (place, rest.strip_prefix("error: ").unwrap_or(rest).trim())
}

/// `--> place`, the line there between two that draw its margin, and `error: ` with the message; a refusal has no such lines.
fn framed(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let (place, below) = text.strip_prefix("--> ")?.split_once('\n')?;
    let what = match below.strip_prefix("error: ") {
        Some(what) => what,
        None => below.splitn(4, '\n').nth(3)?.strip_prefix("error: ")?,
    };
    Some((place, what))
}
