use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use kitelogik_core::{EngineError, FailClosed, json};
use kitelogik_policy::Policy;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, PolicyLengthConfig, Value};

use super::{Capped, EmbeddedError, builtins, negation, recursion};

/// Only a rule can be asked for; the entry point is often a package.
const QUESTION_PACKAGE: &str = "kitelogik_embedded_question";
const QUESTION: &str = "data.kitelogik_embedded_question.decision";

/// A few steps of work between two looks at the clock: one look costs about as much as one step.
const STEPS_PER_LOOK: NonZeroU32 = match NonZeroU32::new(8) {
    Some(steps) => steps,
    None => NonZeroU32::MIN,
};

/// A policy, compiled.
///
/// What `regorus` calls a compiled policy takes its time limit from a setting of the whole process.
/// A prepared engine has one of its own and is cloned for each evaluation, which shares everything
/// that was compiled and costs less than a microsecond.
pub(super) struct Evaluation {
    prepared: Engine,
}

/// Why an evaluation gave no document.
#[derive(Debug)]
pub(super) enum Fault {
    Undefined,
    OutOfTime(Duration),
    Limit(String),
    Error(String),
    Malformed(String),
    Panic,
}

impl Evaluation {
    pub(super) fn compile(policy: &Policy) -> Result<Self, EmbeddedError> {
        let compile = || -> anyhow::Result<Engine> {
            let mut engine = Engine::new();
            engine.set_strict_builtin_errors(true);
            // Otherwise `print` writes to the standard error of the process.
            engine.set_gather_prints(true);
            engine.set_policy_length_config(any_length());
            builtins::register(&mut engine)?;
            engine.add_data(Value::from(policy.data().clone()))?;
            for module in policy.modules() {
                let text = as_opa_negates(module.name(), module.text())?;
                engine.add_policy(module.name().to_owned(), text)?;
            }
            engine.add_policy(
                format!("{QUESTION_PACKAGE}.rego"),
                format!(
                    "package {QUESTION_PACKAGE}\n\ndecision := {}\n",
                    policy.entry_point()
                ),
            )?;
            engine.compile_with_entrypoint(&QUESTION.into())?;
            Ok(engine)
        };
        let mut prepared = compile().map_err(|error| EmbeddedError::Compile(one_line(&error)))?;
        match recursion::find(prepared.get_modules()) {
            Some(function) => Err(EmbeddedError::Recursion(function)),
            None => Ok(Self { prepared }),
        }
    }

    /// Evaluates the entry point for `input` within `time`, to a document of up to `max_bytes`.
    pub(super) fn run(
        &self,
        input: &Value,
        time: Duration,
        max_bytes: usize,
    ) -> Result<serde_json::Value, Fault> {
        catch_unwind(AssertUnwindSafe(|| {
            let value = self.evaluate(input.clone(), time)?;
            document(&value, max_bytes)
        }))
        .unwrap_or(Err(Fault::Panic))
    }

    fn evaluate(&self, input: Value, time: Duration) -> Result<Value, Fault> {
        let mut engine = self.prepared.clone();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: time,
            check_interval: STEPS_PER_LOOK,
        });
        engine.set_input(input);
        let begun = Instant::now();
        let result = engine.eval_rule(QUESTION.to_owned());
        let took = begun.elapsed();
        for print in engine.take_prints().unwrap_or_default() {
            tracing::debug!(target: "kitelogik::policy::print", "{print}");
        }
        match result {
            Ok(value) => Ok(value),
            // An error inside of a function reaches here as its text alone: the clock tells more.
            Err(_) if took > time => Err(Fault::OutOfTime(time)),
            Err(error) => Err(fault(&error)),
        }
    }
}

fn fault(error: &anyhow::Error) -> Fault {
    let detail = one_line(error);
    let limit = error.downcast_ref::<LimitError>().is_some()
        || builtins::is_limit(&detail)
        || detail.contains("compiled regex exceeded size limit");
    if limit {
        Fault::Limit(detail)
    } else {
        Fault::Error(detail)
    }
}

fn document(value: &Value, max_bytes: usize) -> Result<serde_json::Value, Fault> {
    if *value == Value::Undefined {
        return Err(Fault::Undefined);
    }
    let mut text = Capped::new(max_bytes);
    let written = serde_json::to_writer(&mut text, value);
    if text.overflowed {
        return Err(Fault::Limit(format!(
            "the result is larger than {max_bytes} bytes"
        )));
    }
    written.map_err(|error| Fault::Malformed(error.to_string()))?;
    let text =
        std::str::from_utf8(&text.bytes).map_err(|error| Fault::Malformed(error.to_string()))?;
    json::parse(text, json::DEFAULT_MAX_DEPTH).map_err(|error| Fault::Malformed(error.to_string()))
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
            Fault::Malformed(detail) => Self::new(FailClosed::MalformedDecision, detail),
            Fault::Panic => Self::new(FailClosed::InternalError, "the evaluation panicked"),
        }
    }
}

fn as_opa_negates(name: &str, text: &str) -> anyhow::Result<String> {
    let mut parser = Engine::new();
    parser.set_policy_length_config(any_length());
    parser.add_policy(name.to_owned(), text.to_owned())?;
    let rewritten = parser
        .get_modules()
        .first()
        .map(|module| negation::rewrite(module));
    Ok(rewritten.unwrap_or_else(|| text.to_owned()))
}

/// Sizes are checked where policies are loaded; the defaults here refuse long lines.
fn any_length() -> PolicyLengthConfig {
    PolicyLengthConfig {
        max_col: NonZeroU32::MAX,
        max_file_bytes: NonZeroUsize::MAX,
        max_lines: NonZeroUsize::MAX,
    }
}

/// The message as `file:line:column: what`, as far as it has that shape.
fn one_line(error: &anyhow::Error) -> String {
    let text = error.to_string();
    let place = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("--> "));
    let what = text.rsplit("error: ").next().unwrap_or(&text).trim();
    let what = what.replace(['\n', '\r'], " ");
    match place {
        Some(place) => format!("{}: {what}", place.trim()),
        None => what,
    }
}
