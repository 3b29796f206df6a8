//! Rego in process that answers as OPA does.
//!
//! [`Interpreter`] compiles modules and data once and answers for many inputs, in parallel. It is `regorus` with what
//! OPA does otherwise put right: negated calls, regular expressions, letter case, JSON texts, networks; with bounds on
//! what built-ins make; and without the built-ins that reach outside. Every error is an error of the whole answer.
//!
//! [`Program`] is the same policy compiled for deciding: the same answers in a fraction of the time, which does not grow
//! with the rules of other actions. What it does not cover it leaves to the interpreter, which [`Program::reduced`] makes of
//! the rules that one action can reach.
//!
//! ```
//! use std::time::Duration;
//!
//! use kitelogik_rego::{Interpreter, MAX_DEPTH, read};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let module = ("refunds.rego", "package refunds\n\nallow if input.amount <= data.limit");
//! let interpreter = Interpreter::compile([module], &json!({ "limit": 200 }), "data.refunds")?;
//! let input = read(&json!({ "amount": 42 }), 1024, MAX_DEPTH).map_err(|fault| format!("{fault:?}"))?;
//! let answer = interpreter.run(&input, Duration::from_millis(100), 1024);
//! assert_eq!(answer, Ok(json!({ "allow": true })));
//! # Ok(())
//! # }
//! ```

mod allowance;
mod ascii_regex;
mod builtins;
mod dates;
mod decimal;
mod document;
mod fault;
mod format;
mod glob;
mod heads;
mod interpreter;
mod json_marshal;
mod letter_case;
mod negation;
mod network;
mod numbers;
mod objects;
mod operators;
mod order;
mod output;
mod program;
mod query;
mod recursion;
mod refusal;
mod regex;
mod registry;
mod replacement;
mod results;
mod spelling;
mod suite;
mod texts;
mod tree;

pub use allowance::Making;
pub use document::{MAX_DEPTH, read};
pub use fault::Fault;
pub use interpreter::{CompileError, Interpreter};
pub use program::{
    Answer, Candidate, Change, Document, Failed, IndexKey, Interpreted, Limits, Met, Program,
    Question, RuleOutcome, Sources, Trace, TracedRule,
};
pub use recursion::{RecursiveFunction, recursive_function};
/// A value as the interpreter holds it; reference counted.
pub use regorus::Value;
pub use suite::{Failure, FileCoverage, Outcome, RuleCoverage, Suite, Test, TestRun};
