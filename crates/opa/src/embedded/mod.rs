mod builder;
mod error;
mod explain;
mod reduced;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kitelogik_core::{
    BoxFuture, BudgetUsage, EngineError, FailClosed, GovernanceEvent, PolicyDecision, PolicyEngine,
    PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_policy::Policy;
use kitelogik_rego::{Answer, Fault, Interpreted, Interpreter, Program};
use tokio::sync::Semaphore;

pub use self::builder::EmbeddedBuilder;
pub use self::error::EmbeddedError;
pub use self::explain::{
    ExplainedRule, Explanation, FailedCondition, MetValue, RuleResult, SuggestedChange, Suggestion,
};

use self::builder::Limits;
use self::explain::Explainer;
use self::reduced::Reductions;

/// Answers from a Rego policy in this process: no server.
///
/// It is a [`PolicyEngine`]: give it to a [`PolicyGate`](crate::PolicyGate). The policy is compiled
/// once; decisions share it and run in parallel. Clones are cheap and share it, too.
///
/// ```
/// use kitelogik_core::SessionContext;
/// use kitelogik_opa::{Embedded, PolicyGate};
/// use kitelogik_policy::Policy;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = Policy::builder()
///     .rego(
///         "refunds.rego",
///         r#"
///             package kitelogik.userpolicy
///
///             allow if input.action == "approve_refund"
///             deny contains "Refunds over $200 require manager approval" if input.args.amount > 200
///         "#,
///     )
///     .build()?;
/// let gate = PolicyGate::new(Embedded::new(policy)?);
/// let session = gate.session(SessionContext::new("example_01").role("support_agent"));
/// # Ok(())
/// # }
/// ```
///
/// # Limits
///
/// | limit | default | set with |
/// |---|---|---|
/// | time for one evaluation | 100 ms | [`evaluation_time`](EmbeddedBuilder::evaluation_time) |
/// | input document, as JSON | 1 MiB | [`max_input_bytes`](EmbeddedBuilder::max_input_bytes) |
/// | result document, as JSON | 1 MiB | [`max_result_bytes`](EmbeddedBuilder::max_result_bytes) |
/// | depth of the input document, in levels of arrays and objects | 127 | [`max_input_depth`](EmbeddedBuilder::max_input_depth) |
/// | elements that one built-in makes | 100,000 | [`max_builtin_elements`](EmbeddedBuilder::max_builtin_elements) |
/// | text that one built-in makes | 16 MiB | [`max_builtin_text`](EmbeddedBuilder::max_builtin_text) |
/// | what one evaluation makes, texts and members of collections together | 64 MiB | [`max_made_bytes`](EmbeddedBuilder::max_made_bytes) |
/// | text of a policy, when it is loaded | 64 MiB | [`PolicyBuilder::max_bytes`](kitelogik_policy::PolicyBuilder::max_bytes) |
/// | width and precision in `sprintf` | 1,000 | |
/// | bytes of prefix and of indent in `json.marshal_with_options` | 16 | |
/// | bits that `bits.lsh` shifts by | 4,096 | |
/// | exponent that `to_number`, `units.*` and `json.unmarshal` read | 300 | |
/// | factors of `product` | 1,000 | |
/// | values times values that `object.subset` (in arrays), `strings.any_prefix_match`, `strings.any_suffix_match`, `indexof_n`, `strings.replace_n`, `union` and `object.union_n` compare or copy | 10,000,000 | |
/// | length of all paths together that `walk` makes | 1,000,000 | |
/// | a compiled regular expression or glob | 100 KiB | |
///
/// The clock is looked at between steps of the evaluation: one single built-in runs to its end, so
/// that an evaluation can take longer than its limit by as long as that takes. The limits on what
/// the built-ins above make keep that short. What a policy gathers in many small steps is counted
/// member by member, and what it prints, compiled and interpreted alike.
///
/// # The async runtime
///
/// Most policies answer in less time than it takes to move to another thread and back, so an
/// evaluation starts on the thread that asks. One that is not done after 2 ms is given up there and
/// made anew on Tokio's blocking pool, with its full time: no policy holds up the runtime for
/// longer. As many of these run at once as there are processors; one that waits for its turn longer
/// than an evaluation may take is [`LimitExceeded`](FailClosed::LimitExceeded). To drop the future
/// is to drop the question; an evaluation on the pool ends by its own time limit. Outside of a Tokio
/// runtime everything runs on the thread that asks.
///
/// # What is left to the interpreter
///
/// A policy is compiled when it is loaded. What that does not cover (`with`, graphs, …: see [`interpreted`](Self::interpreted))
/// the interpreter decides, for the calls that reach it. It looks at every rule that it is given, so it is given those that a
/// call with this action, tool and event type can reach, where it is proven that the answer is the same. Where it is not, the
/// whole policy decides: a call that may reach a `with` on `input.action`, `input.tool_name`, `input.event_type`, all of `input`
/// or `data`, as every plan does, or a rule that looks its own package or `data` up by a computed name.
///
/// Such a part is made once, the first time that a call asks for it, on a thread of its own; until it is there, the whole
/// policy decides. All names that no rule asks for share one. At most 32 are made for a policy, one after the other, each from 32
/// rules on that it leaves out; together they hold no more rules than the policy, or 8,000: whoever chooses the names of actions
/// can make the rest slow, but no work without end.
///
/// # How it fails
///
/// | what happened | code |
/// |---|---|
/// | the entry point is undefined for this input | [`UndefinedDecision`](FailClosed::UndefinedDecision) |
/// | a result document of the wrong shape | [`MalformedDecision`](FailClosed::MalformedDecision) |
/// | a built-in error, two rules that conflict, a function that does not exist | [`EvaluationError`](FailClosed::EvaluationError) |
/// | a limit | [`LimitExceeded`](FailClosed::LimitExceeded) |
/// | a panic | [`InternalError`](FailClosed::InternalError) |
///
/// # Where it differs from OPA
///
/// The answer is OPA's, or a fail-closed denial, but for what the last paragraph names. Built-in errors are strict, as
/// the REST client asks OPA to be. Functions that reach outside (`http.send`, `net.lookup_ip_addr`) fail. The operands
/// of a negated call are evaluated before the negation, so that `not input.args.amount > 200` is undefined, and not
/// true, without an amount. Globs, regular expressions (`\d`, `\w`, `\s` and `\b` are ASCII), letter case, escapes,
/// formats, queries, dates and networks are OPA's; what only one of the two understands is an error. All built-ins are
/// compared with a real OPA over a table of operands (`tests/it/builtins/operands.yaml`), and OPA's own conformance cases
/// are run (`tests/it/cases`).
///
/// Refused when a policy is loaded: a variable or `_` under `not` that nothing gives a value (as in OPA); `=` of a variable
/// under `not`, and a negated body in braces (`import future.keywords.not`); a computed part of a rule's name before the
/// last one, and a rule below another one; a second body without `else` for a value that is not `true`; `walk` other than as a statement `walk(x, [path, value])`; `with` that replaces a
/// function of the policy; `yaml.*` and `graph.reachable_paths`; `and`, `or` and texts with expressions in them. An error
/// when it is evaluated: `floor` and `ceil` between -1 and 0; `json.filter` and `json.remove` with a path into what is no
/// object or one path within another; `time.*` in other zones than UTC where it adds or parses; `sprintf` with flags other
/// than `0`.
///
/// Arithmetic has the digits that OPA's has: `3 * 0.1 <= 0.3` and `100 * 1.1 <= 110` are true, as there.
///
/// Known to differ, and able to decide otherwise:
///
/// * Arithmetic: a result with more digits than 53 bits hold (about 16) is held by the number next to it, on the same side of
///   every shorter number, where it becomes part of an array, set or object or an operand of a built-in, and wherever
///   [the interpreter](Self::interpreted) computes in several statements. A limit that has as many digits itself may then be on
///   the other side.
/// * An integral number written as `1.0` is 1 where `json.marshal`, or `sprintf` of a list, writes it, and where data is asked
///   for it (`data.limits[1.0]`).
/// * For the interpreter, a package without rules is undefined; for OPA it is an empty object.
/// * In the interpreter, an object of rules that is asked for a number finds the text of that number, too. Data that a reference
///   names by an import finds none, where OPA does, if rules lie there as well or a variable has the name of the import.
/// * The interpreter tries the conditions of a body in an order of its own, so that one which fails can spare it the error that
///   OPA meets before.
///
/// A condition that is nothing but a look into data by a number (`data.levels[input.args.level]`) is an error where data has that
/// number as a text, compiled and interpreted alike: OPA finds it, or does not where its index has asked already.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
}

struct Shared {
    interpreter: Interpreter,
    /// Asked first; what it leaves to the interpreter, that decides.
    program: Option<Program>,
    /// Asked instead of the interpreter, where there is one for the call.
    reductions: Reductions,
    policy: Policy,
    explainer: OnceLock<Explainer>,
    entry_point: String,
    revision: Arc<str>,
    limits: Limits,
    /// One permit for each slow evaluation that may run at once.
    slow: Arc<Semaphore>,
}

impl Embedded {
    /// Loads and compiles the policy of a directory or a file; see [`Policy::load`].
    ///
    /// # Errors
    ///
    /// The policy cannot be loaded, or does not compile.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, EmbeddedError> {
        Self::new(Policy::load(path)?)
    }

    /// Compiles `policy`, with the default limits.
    ///
    /// # Errors
    ///
    /// The policy does not compile.
    pub fn new(policy: Policy) -> Result<Self, EmbeddedError> {
        Self::builder(policy).build()
    }

    /// An engine of `policy` with limits of one's own.
    pub fn builder(policy: Policy) -> EmbeddedBuilder {
        EmbeddedBuilder::new(policy)
    }

    /// What of the policy is left to the interpreter, for the calls that reach it: it takes many times as long for them, though
    /// no longer the more rules other calls have, as said [above](Self#what-is-left-to-the-interpreter).
    ///
    /// Empty where all is compiled, and where [everything is interpreted](EmbeddedBuilder::interpreted).
    /// [`Checker`](kitelogik_policy::check::Checker) tells of the same.
    pub fn interpreted(&self) -> &[Interpreted] {
        let program = self.shared.program.as_ref();
        program.map(Program::interpreted).unwrap_or_default()
    }

    pub(crate) async fn answer(
        &self,
        input: &PolicyInput<'_>,
    ) -> Result<PolicyDecision, EngineError> {
        let mut decision = self.decided(input).await?;
        decision.revision = Some(Arc::clone(&self.shared.revision));
        decision.engine = Some(Cow::Borrowed("embedded"));
        Ok(decision)
    }

    async fn decided(&self, input: &PolicyInput<'_>) -> Result<PolicyDecision, EngineError> {
        let limits = self.shared.limits;
        let inline = limits.inline_time();
        let in_time = |fault: &Fault| {
            !(matches!(fault, Fault::OutOfTime(_)) && inline < limits.evaluation_time)
        };
        if let Some(program) = &self.shared.program {
            match self.shared.compiled(program, input, inline) {
                Answer::Decided(Err(fault)) if !in_time(&fault) => {
                    let (event, context) = (input.event().clone(), input.context().clone());
                    let usage = input.usage();
                    return self
                        .off_thread(move |shared| {
                            shared.decide(&PolicyInput::new(&event, &context, usage))
                        })
                        .await;
                }
                Answer::Decided(decided) => return decided?,
                Answer::Interpret(_) => {}
            }
        }
        let (event, input) = (input, limits.read(input)?);
        let reduced = Reductions::of(&self.shared, event);
        match self.shared.interpret(reduced.as_deref(), &input, inline) {
            Err(fault) if !in_time(&fault) => {
                self.off_thread(move |shared| {
                    shared.interpret(reduced.as_deref(), &input, limits.evaluation_time)
                })
                .await
            }
            decided => decided?,
        }
    }

    async fn off_thread(
        &self,
        evaluate: impl FnOnce(&Shared) -> Result<Decided, Fault> + Send + 'static,
    ) -> Decided {
        let shared = Arc::clone(&self.shared);
        let limits = shared.limits;
        let asked = Instant::now();
        let permit = Arc::clone(&shared.slow)
            .acquire_owned()
            .await
            .map_err(|_| internal("the queue of slow evaluations is closed"))?;
        // Whoever waited too long makes room at once, so that the queue never grows older than this.
        if asked.elapsed() > limits.evaluation_time {
            return Err(EngineError::new(
                FailClosed::LimitExceeded,
                "too many slow evaluations at once",
            ));
        }
        let evaluation = tokio::task::spawn_blocking(move || {
            let result = evaluate(&shared);
            // Held until the thread is free, also where nobody waits for the answer any more.
            drop(permit);
            result
        });
        match evaluation.await {
            Ok(decided) => decided?,
            Err(_) => Err(internal("the evaluation panicked or its runtime is gone")),
        }
    }
}

/// What the result document came to, where there is one.
type Decided = Result<PolicyDecision, EngineError>;

impl Shared {
    fn compiled(
        &self,
        program: &Program,
        input: &PolicyInput<'_>,
        time: Duration,
    ) -> Answer<Decided> {
        program.read(input, self.limits.of_program(time), |document| {
            PolicyDecision::from_result(document, &self.entry_point)
        })
    }

    fn interpret(
        &self,
        reduced: Option<&Interpreter>,
        input: &kitelogik_rego::Value,
        time: Duration,
    ) -> Result<Decided, Fault> {
        let document =
            reduced
                .unwrap_or(&self.interpreter)
                .run(input, time, self.limits.result_bytes)?;
        Ok(PolicyDecision::from_result(&document, &self.entry_point))
    }

    /// Decides with the whole time that an evaluation has.
    fn decide(&self, input: &PolicyInput<'_>) -> Result<Decided, Fault> {
        let time = self.limits.evaluation_time;
        if let Some(program) = &self.program
            && let Answer::Decided(decided) = self.compiled(program, input, time)
        {
            return decided;
        }
        let reduced = self.program.as_ref();
        let reduced = reduced.and_then(|program| self.reductions.made(&program.key(input)));
        let reduced = reduced.flatten();
        let input = self.limits.read(input)?;
        self.interpret(reduced.as_deref(), &input, time)
    }
}

impl PolicyEngine for Embedded {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(self.answer(input))
    }

    /// The policy's digest; see [`Policy::revision`].
    fn revision(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.shared.revision))
    }

    /// Decides a call of nothing by nobody; whatever the verdict, the engine can decide.
    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async move {
            let event = GovernanceEvent::ToolCall(ToolCallInput::default());
            let context = SessionContext::default();
            let input = PolicyInput::new(&event, &context, BudgetUsage::default());
            self.answer(&input).await.map(|_| ())
        })
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Embedded")
            .field("entry_point", &self.shared.entry_point)
            .field("revision", &self.shared.revision)
            .finish_non_exhaustive()
    }
}

fn internal(detail: &str) -> EngineError {
    EngineError::new(FailClosed::InternalError, detail)
}
