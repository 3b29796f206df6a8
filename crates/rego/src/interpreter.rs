use std::collections::HashMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use regorus::unstable::{Module, Ref};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, PolicyLengthConfig, Value};

use crate::allowance::Allowance;
use crate::operators::Packages;
use crate::recursion::{RecursiveFunction, recursive_function};
use crate::results::{self, Operands};
use crate::{
    Fault, Making, Program, builtins, document, fault, heads, negation, operators, output, refusal,
    replacement, tree,
};

/// Only a rule can be asked for; the entry point is often a package.
const QUESTION_PACKAGE: &str = "kitelogik_embedded_question";
pub(crate) const QUESTION: &str = "data.kitelogik_embedded_question.decision";

/// A few steps of work between two looks at the clock: one look costs about as much as one step.
const STEPS_PER_LOOK: NonZeroU32 = match NonZeroU32::new(8) {
    Some(steps) => steps,
    None => NonZeroU32::MIN,
};

/// Rego modules and data, compiled, that answer one question as OPA does: an error in a rule is an error of the
/// answer, never a rule that is silent.
///
/// What `regorus` calls a compiled policy takes its time limit from a setting of the whole process. A prepared engine
/// has one of its own and is cloned for each evaluation, which shares everything that was compiled and costs less than a
/// microsecond.
pub struct Interpreter {
    prepared: Engine,
    entry_point: String,
    making: Making,
    /// Modules with operators that the interpreter is given as calls, as a program reads them.
    with_operators: HashMap<String, String>,
}

/// Why modules do not make an [`Interpreter`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A syntax error, or something that the interpreter does not understand; `file:line:column: what`.
    #[error("{0}")]
    Compile(String),
    /// A function that calls itself, directly or by way of others.
    #[error("{0}")]
    Recursion(RecursiveFunction),
}

impl Interpreter {
    /// Compiles `modules`, each a name for messages and its text, and `data`, to answer for `entry_point`: a package or
    /// a rule, as in `data.kitelogik.main`.
    ///
    /// # Errors
    ///
    /// [`CompileError`]: something in a module is no Rego, or is refused because OPA reads it otherwise,
    /// or a function calls itself.
    pub fn compile<'a>(
        modules: impl IntoIterator<Item = (&'a str, &'a str)>,
        data: &serde_json::Value,
        entry_point: &str,
    ) -> Result<Self, CompileError> {
        let mut with_operators = HashMap::new();
        let compile = || -> anyhow::Result<Engine> {
            let mut engine = engine(data)?;
            let modules: Vec<(&str, &str)> = modules.into_iter().collect();
            let trees = modules
                .iter()
                .map(|(name, text)| tree::parse(name, text))
                .collect::<anyhow::Result<Vec<_>>>()?;
            check(&trees)?;
            let packages = operators::packages(&trees);
            let operands = Operands::of(&trees)?;
            for ((name, _), tree) in modules.into_iter().zip(&trees) {
                let text = as_opa_negates(name, &results::rewrite(tree, &operands), &operands)?;
                let called = as_opa_computes(name, &text, &packages)?;
                if let Some(called) = called {
                    engine.add_policy(name.to_owned(), called)?;
                    with_operators.insert(name.to_owned(), text);
                } else {
                    engine.add_policy(name.to_owned(), text)?;
                }
            }
            ask(&mut engine, entry_point)?;
            Ok(engine)
        };
        let mut prepared =
            compile().map_err(|error| CompileError::Compile(fault::one_line(&error)))?;
        match recursive_function(prepared.get_modules()) {
            Some(function) => Err(CompileError::Recursion(function)),
            None => Ok(Self {
                prepared,
                entry_point: entry_point.to_owned(),
                making: Making::default(),
                with_operators,
            }),
        }
    }

    /// How much one evaluation may make. Default: [`Making::default`].
    ///
    /// Beyond it, [`Fault::Limit`]. Counted are what built-ins and operators on sets make, every member that a rule or a
    /// comprehension gathers, and what is printed.
    #[must_use]
    pub fn making(mut self, making: Making) -> Self {
        self.making = making.capped();
        self
    }

    /// The same modules and data, compiled for deciding.
    ///
    /// # Errors
    ///
    /// [`CompileError::Compile`]: there are no built-ins to compile them with.
    pub fn program(&self) -> Result<Program, CompileError> {
        let data = self.prepared.get_data();
        let modules = self.modules();
        let as_read = modules.iter().map(|module| {
            let name = module.package.refr.span().source.get_path();
            match self.with_operators.get(name) {
                Some(text) => tree::parse(name, text).map(Ref::new),
                None => Ok(module.clone()),
            }
        });
        as_read
            .collect::<anyhow::Result<Vec<_>>>()
            .and_then(|as_read| Program::compile(&as_read, data.clone(), &self.entry_point))
            .map(|program| program.making(self.making))
            .map(|program| program.reducing(modules, data, &self.entry_point))
            .map_err(|error| CompileError::Compile(fault::one_line(&error)))
    }

    /// Compiles parts of modules that were compiled before, each its name and its text.
    pub(crate) fn reduced(
        modules: Vec<(String, String)>,
        data: Value,
        entry_point: &str,
    ) -> anyhow::Result<Self> {
        let mut prepared = engine_of(data)?;
        for (name, text) in modules {
            prepared.add_policy(name, text)?;
        }
        ask(&mut prepared, entry_point)?;
        Ok(Self {
            prepared,
            entry_point: entry_point.to_owned(),
            making: Making::default(),
            with_operators: HashMap::new(),
        })
    }

    /// How many rules it has.
    pub fn rules(&self) -> usize {
        let modules = self.modules();
        modules.iter().map(|module| module.policy.len()).sum()
    }

    /// The modules as they are interpreted.
    pub(crate) fn modules(&self) -> Vec<Ref<Module>> {
        let mut engine = self.prepared.clone();
        let modules = engine.get_modules().iter();
        modules
            .filter(|module| module.package.refr.span().text() != QUESTION_PACKAGE)
            .cloned()
            .collect()
    }

    /// Evaluates the entry point for `input` within `time`, to a document of up to `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`Fault`]: there is no such document, or the rules did not come to an end of it.
    pub fn run(
        &self,
        input: &Value,
        time: Duration,
        max_bytes: usize,
    ) -> Result<serde_json::Value, Fault> {
        catch_unwind(AssertUnwindSafe(|| {
            let value = self.evaluate(input.clone(), time)?;
            document::write(&value, max_bytes)
        }))
        .unwrap_or(Err(Fault::Panic))
    }

    fn evaluate(&self, input: Value, time: Duration) -> Result<Value, Fault> {
        let _allowance = Allowance::of(self.making);
        let mut engine = self.prepared.clone();
        engine.set_input(input);
        let result = evaluate(&mut engine, QUESTION, time);
        for print in engine.take_prints().unwrap_or_default() {
            tracing::debug!(target: "kitelogik::policy::print", "{print}");
        }
        result
    }

    /// Everything that was compiled, for rules beside it.
    pub(crate) fn prepared(&self) -> &Engine {
        &self.prepared
    }

    /// The value of `rule` in `engine`, which is [`prepared`](Self::prepared) or made of it.
    pub(crate) fn ask(
        &self,
        engine: &Engine,
        input: Value,
        rule: &str,
        time: Duration,
    ) -> Result<Value, Fault> {
        let _allowance = Allowance::of(self.making);
        catch_unwind(AssertUnwindSafe(|| {
            let mut engine = engine.clone();
            engine.set_input(input);
            evaluate(&mut engine, rule, time)
        }))
        .unwrap_or(Err(Fault::Panic))
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Interpreter")
            .finish_non_exhaustive()
    }
}

/// An engine with `data`, and with the built-ins replaced.
pub(crate) fn engine(data: &serde_json::Value) -> anyhow::Result<Engine> {
    engine_of(Value::from(data.clone()))
}

fn engine_of(data: Value) -> anyhow::Result<Engine> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    // Otherwise `print` writes to the standard error of the process.
    engine.set_gather_prints(true);
    engine.set_policy_length_config(any_length());
    builtins::register(&mut engine)?;
    operators::register(&mut engine)?;
    engine.add_data(data)?;
    Ok(engine)
}

/// Compiles what `engine` has, to answer [`QUESTION`] with `entry_point`.
pub(crate) fn ask(engine: &mut Engine, entry_point: &str) -> anyhow::Result<()> {
    engine.add_policy(
        format!("{QUESTION_PACKAGE}.rego"),
        format!("package {QUESTION_PACKAGE}\n\ndecision := {entry_point}\n"),
    )?;
    engine.compile_with_entrypoint(&QUESTION.into())?;
    Ok(())
}

/// The value of `rule` for the input that `engine` was given.
pub(crate) fn evaluate(engine: &mut Engine, rule: &str, time: Duration) -> Result<Value, Fault> {
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: time,
        check_interval: STEPS_PER_LOOK,
    });
    let begun = Instant::now();
    let result = engine.eval_rule(rule.to_owned());
    let took = begun.elapsed();
    match result {
        Ok(value) => Ok(value),
        // An error inside of a function reaches here as its text alone: the clock tells more.
        Err(_) if took > time => Err(Fault::OutOfTime(time)),
        Err(error) => Err(Fault::of(&error)),
    }
}

/// Fails for what the interpreter would read otherwise than OPA, wherever a policy is loaded.
pub(crate) fn check(policy: &[Module]) -> anyhow::Result<()> {
    refusal::check(policy)?;
    heads::check(policy)
}

/// The text of a module of a policy with these functions, with the values of its heads, what `with` replaces documents by and its
/// negations rewritten.
pub(crate) fn as_opa_negates(
    name: &str,
    text: &str,
    functions: &Operands,
) -> anyhow::Result<String> {
    let text = output::rewrite(&tree::parse(name, text)?);
    let text = replacement::rewrite(&tree::parse(name, &text)?, functions);
    Ok(negation::rewrite(&tree::parse(name, &text)?))
}

/// The text of a module with calls for arithmetic; none where it has none.
pub(crate) fn as_opa_computes(
    name: &str,
    text: &str,
    packages: &Packages,
) -> anyhow::Result<Option<String>> {
    Ok(operators::rewrite(&tree::parse(name, text)?, packages))
}

/// Sizes are checked where policies are loaded; the defaults here refuse long lines.
fn any_length() -> PolicyLengthConfig {
    PolicyLengthConfig {
        max_col: NonZeroU32::MAX,
        max_file_bytes: NonZeroUsize::MAX,
        max_lines: NonZeroUsize::MAX,
    }
}
