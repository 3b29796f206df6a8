use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use kitelogik_core::PolicyInput;
use kitelogik_policy::Policy;
use kitelogik_rego::{Fault, Interpreter, Limits as ProgramLimits, MAX_DEPTH, Making, Value};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::reduced::Reductions;
use super::{Embedded, EmbeddedError, Shared};

/// Sets the limits of an [`Embedded`] engine.
#[must_use]
#[derive(Debug)]
pub struct EmbeddedBuilder {
    policy: Policy,
    limits: Limits,
    compiled: bool,
}

impl EmbeddedBuilder {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            limits: Limits::default(),
            compiled: true,
        }
    }

    /// Lets the interpreter decide everything, by the whole policy, also what the policy's program could.
    ///
    /// Both give the same answers, the interpreter in many times the time: this is for telling them apart, should that
    /// ever be in doubt.
    pub fn interpreted(mut self) -> Self {
        self.compiled = false;
        self
    }

    /// How long one evaluation may take. Default: 100 ms.
    ///
    /// When it passes, the decision is a denial with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded).
    pub fn evaluation_time(mut self, time: Duration) -> Self {
        self.limits.evaluation_time = time;
        self
    }

    /// How large the input document may be, as JSON. Default: 1 MiB.
    ///
    /// A larger one is denied with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded), unread.
    pub fn max_input_bytes(mut self, bytes: usize) -> Self {
        self.limits.input_bytes = bytes;
        self
    }

    /// How deep the input document may nest, in levels of arrays and objects, itself the first: the arguments of a call are
    /// the second. Default: 127, and more counts as that, because the reader of JSON reads no deeper.
    ///
    /// A deeper one is denied with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded), unread. The document has three levels without any
    /// arguments (the scopes are a list in the context), so that fewer deny everything.
    pub fn max_input_depth(mut self, levels: usize) -> Self {
        self.limits.input_depth = levels;
        self
    }

    /// How many elements or entries the collection may have that one built-in makes, such as `numbers.range`,
    /// `net.cidr_expand`, `split` or `object.keys`. Default: 100,000; more than 1,000,000 counts as that, because a built-in
    /// runs to its end, whatever the time.
    ///
    /// Beyond it, the decision is a denial with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded); where a small operand can make a large result, before it
    /// is made. `walk` has a limit of its own, and `object.get` hands on what is there.
    pub fn max_builtin_elements(mut self, elements: usize) -> Self {
        self.limits.making.elements = elements;
        self
    }

    /// How long the text may be that one built-in makes, in bytes, such as `concat`, `replace`, `sprintf` or `json.marshal`.
    /// Default: 16 MiB; more than 64 MiB counts as that, because a built-in runs to its end, whatever the time.
    ///
    /// Beyond it, the decision is a denial with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded); where a small operand can make a large result, before it
    /// is made.
    pub fn max_builtin_text(mut self, bytes: usize) -> Self {
        self.limits.making.text = bytes;
        self
    }

    /// How much one evaluation may make, in bytes: what built-ins and operators make, and the members that rules and
    /// comprehensions gather, all together. Default: 64 MiB.
    ///
    /// Beyond it, the decision is a denial with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded). It is an estimate that holds memory down, not a
    /// count of bytes: a member counts as 48 and its text, whatever lies below it.
    pub fn max_made_bytes(mut self, bytes: usize) -> Self {
        self.limits.making.bytes = bytes;
        self
    }

    /// How large the result document may be, as JSON. Default: 1 MiB.
    ///
    /// A larger one is denied with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded).
    pub fn max_result_bytes(mut self, bytes: usize) -> Self {
        self.limits.result_bytes = bytes;
        self
    }

    /// Compiles the policy.
    ///
    /// # Errors
    ///
    /// The policy does not compile.
    pub fn build(self) -> Result<Embedded, EmbeddedError> {
        let interpreter = Interpreter::compile(
            self.policy
                .modules()
                .iter()
                .map(|module| (module.name(), module.text())),
            self.policy.data(),
            self.policy.entry_point(),
        )?
        .making(self.limits.making);
        let program = match self.compiled {
            true => Some(interpreter.program()?),
            false => None,
        };
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Ok(Embedded {
            shared: Arc::new(Shared {
                program,
                reductions: Reductions::default(),
                interpreter,
                entry_point: self.policy.entry_point().to_owned(),
                revision: self.policy.revision().into(),
                limits: self.limits,
                policy: self.policy,
                explainer: OnceLock::new(),
                slow: Arc::new(Semaphore::new(processors)),
            }),
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) evaluation_time: Duration,
    pub(super) input_bytes: usize,
    pub(super) input_depth: usize,
    pub(super) result_bytes: usize,
    pub(super) making: Making,
}

impl Limits {
    pub(super) fn of_program(&self, time: Duration) -> ProgramLimits {
        ProgramLimits {
            time,
            input_bytes: self.input_bytes,
            input_depth: self.input_depth,
            result_bytes: self.result_bytes,
        }
    }

    /// `input` as the interpreter reads it.
    pub(super) fn read(&self, input: &PolicyInput<'_>) -> Result<Value, Fault> {
        kitelogik_rego::read(input, self.input_bytes, self.input_depth)
    }

    /// How long an evaluation may hold up the thread that asks.
    const INLINE: Duration = Duration::from_millis(2);

    pub(super) fn inline_time(&self) -> Duration {
        if Handle::try_current().is_ok() {
            self.evaluation_time.min(Self::INLINE)
        } else {
            self.evaluation_time
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            evaluation_time: Duration::from_millis(100),
            input_bytes: 1024 * 1024,
            input_depth: MAX_DEPTH,
            result_bytes: 1024 * 1024,
            making: Making::default(),
        }
    }
}
