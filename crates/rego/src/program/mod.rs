//! Rego compiled for deciding.

mod advance;
mod answer;
mod compile;
mod compound;
mod definition;
mod evaluate;
mod expression;
mod index;
mod input;
mod limits;
mod lower;
mod marshal;
mod native;
mod node;
mod operation;
mod origin;
mod paths;
mod query;
mod reduction;
mod reference;
mod rules;
mod scope;
mod solve;
mod trace;
mod value;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kitelogik_core::PolicyInput;
use regorus::Value;
use regorus::unstable::{Module, Ref};

use crate::allowance::Allowance;
use crate::{Fault, Making};

pub use self::answer::Document;
pub use self::reduction::IndexKey;
pub use self::trace::{
    Candidate, Change, Failed, Met, Outcome as RuleOutcome, Question, Sources, Trace, TracedRule,
};

use self::evaluate::{Evaluation, Stop};
use self::index::Index;
use self::node::{Group, Node, Package, PackageId};
use self::origin::Origin;
use self::reduction::Reducible;

/// What one answer may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it may take. The clock is looked at between steps: one single built-in runs to its end.
    pub time: Duration,
    /// How large the input document may be, as JSON.
    pub input_bytes: usize,
    /// How deep its arrays and objects may nest, itself included; more than [`MAX_DEPTH`](crate::MAX_DEPTH) counts as that.
    pub input_depth: usize,
    /// How large the answer may be, as JSON.
    pub result_bytes: usize,
}

/// What a [`Program`] says of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T = serde_json::Value> {
    /// The entry point's document, or what was read from it, or why there is none.
    Decided(Result<T, Fault>),
    /// This input reaches what the program leaves to the interpreter: which of [`Program::interpreted`], or, with none, a
    /// depth or a comparison that it does not take.
    Interpret(Option<usize>),
}

/// Something that a program leaves to the interpreter, for the inputs that reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interpreted {
    /// What it is: `with`, the name of a function, …
    pub what: String,
    /// The name of its module.
    pub module: String,
    /// Its line, from 1.
    pub line: u32,
}

impl fmt::Display for Interpreted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.module, self.line, self.what)
    }
}

/// Rego modules and data as a program that decides: the interpreter's answers in a fraction of its time, whose cost
/// does not grow with the rules that other actions have.
///
/// It reads the event where it lies, looks only at rules that the event's action, tool and type do not rule out, and
/// computes each rule at most once. What it does not know how to do exactly as the interpreter does, it leaves to that:
/// [`Answer::Interpret`]. See [`interpreted`](Self::interpreted) for what that is.
///
/// An error is an error of the whole answer, as there; but a rule that is ruled out is not looked at, as in OPA, so that
/// an error in it is not met.
///
/// Made by [`Interpreter::program`](crate::Interpreter::program).
pub struct Program {
    groups: Vec<Group>,
    /// Where each group is written.
    origins: Vec<Origin>,
    packages: Vec<Package>,
    entry: Node,
    left: Vec<Interpreted>,
    empty_set: Value,
    making: Making,
    /// What reductions are made of.
    reducible: Option<Reducible>,
}

impl Program {
    pub(crate) fn compile(
        modules: &[Ref<Module>],
        data: Value,
        entry_point: &str,
    ) -> anyhow::Result<Self> {
        compile::compile(modules, data, entry_point)
    }

    pub(crate) fn making(mut self, making: Making) -> Self {
        self.making = making;
        self
    }

    /// The same program without its index: it looks at every rule, as the interpreter does, and meets every error.
    ///
    /// For telling what an answer owes to the index.
    #[must_use]
    pub fn without_index(mut self) -> Self {
        for group in &mut self.groups {
            group.index = Index::of_all(group.definitions.len());
        }
        self
    }

    /// What the entry point is for `input`.
    pub fn run(&self, input: &PolicyInput<'_>, limits: Limits) -> Answer {
        self.read(input, limits, |document| document.to_json())
    }

    /// What `read` makes of the entry point's document for `input`. It is read where it lies: most are never written as JSON.
    pub fn read<T>(
        &self,
        input: &PolicyInput<'_>,
        limits: Limits,
        read: impl FnOnce(Document<'_>) -> T,
    ) -> Answer<T> {
        if !limits::fits(input, &limits) {
            return Answer::Interpret(None);
        }
        catch_unwind(AssertUnwindSafe(|| self.answer(input, limits, read)))
            .unwrap_or(Answer::Decided(Err(Fault::Panic)))
    }

    fn answer<T>(
        &self,
        input: &PolicyInput<'_>,
        limits: Limits,
        read: impl FnOnce(Document<'_>) -> T,
    ) -> Answer<T> {
        let _allowance = Allowance::of(self.making);
        let mut evaluation = Evaluation::new(self, input, limits.time);
        let answer = match &self.entry {
            Node::Package(id) if self.has_rules_only(*id) => evaluation
                .rules_of(*id)
                .map(|rules| answer::read_rules(&rules, limits.result_bytes, read)),
            entry => evaluation.value(entry).map(|value| match value {
                Some(value) => value.with(|value| answer::read(value, limits.result_bytes, read)),
                None => Err(Fault::Undefined),
            }),
        };
        match answer {
            Ok(answer) => Answer::Decided(answer),
            Err(stop) => match *stop {
                Stop::Refer(reason) => Answer::Interpret(Some(reason)),
                Stop::Unsure => Answer::Interpret(None),
                Stop::Fault(fault) => Answer::Decided(Err(fault)),
            },
        }
    }

    /// Whether all that is there at a package are rules.
    fn has_rules_only(&self, id: PackageId) -> bool {
        self.packages.get(id).is_some_and(|package| {
            package.data.is_none() && package.packages.is_empty() && package.refer.is_none()
        })
    }

    /// Everything in the policy that is left to the interpreter, for the inputs that reach it.
    pub fn interpreted(&self) -> &[Interpreted] {
        &self.left
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Program")
            .field("rules", &self.groups.len())
            .field("interpreted", &self.left.len())
            .finish_non_exhaustive()
    }
}
