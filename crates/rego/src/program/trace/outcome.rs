//! What is asked about the rules, and what came of them, for people.

use kitelogik_core::PolicyInput;

use super::super::Limits;
use super::candidate::Candidate;
use super::met::Met;
use crate::Fault;

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The event.
    pub input: &'q PolicyInput<'q>,
    /// Its document, where what may not be shown is masked. What the interpreter says is taken for made of what is masked
    /// unless it says the same of this.
    pub masked: &'q serde_json::Value,
    /// What one answer may take.
    pub limits: Limits,
    /// Rules of these paths are looked at even where no other rule asks for them, because it failed before.
    pub also: &'q [&'q str],
}

/// What the rules came to that concerned an event: those that the index did not rule out, and that were asked for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Trace {
    /// The rules, by their files and lines.
    pub rules: Vec<TracedRule>,
    /// What the rules compare parts of the event with: what might change the answer.
    pub candidates: Vec<Candidate>,
    /// Whether there was not the time, or the event was too large, to look at all of them.
    pub incomplete: bool,
}

/// One rule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TracedRule {
    /// What it is a rule of, as in `data.kitelogik.userpolicy.deny`.
    pub path: String,
    /// The name of its module.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its number among all rules of its module, from 0.
    pub number: usize,
    /// Its number among the rules of its path in its module, from 0.
    pub among_its_path: usize,
    /// What it came to.
    pub outcome: Outcome,
    /// What of it is left to the interpreter, if anything is that was met: `with`, the name of a function, …
    pub left: Option<String>,
}

/// What a rule came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Its conditions hold: what it says, the first few values of many.
    Fired(Vec<Met>),
    /// They do not: the first condition that fails, for each of its bodies.
    Failed(Vec<Failed>),
    /// It could not be looked at to its end.
    Stopped {
        /// Where.
        at: Option<Failed>,
        /// Why.
        fault: Fault,
    },
    /// It is left to the interpreter, and what that came to is not known.
    Interpreted {
        /// Where that begins.
        at: Option<Failed>,
        /// What it is that is left: `with`, the name of a function, …
        what: String,
    },
}

/// A condition that does not hold.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Failed {
    /// Its number among the statements of its body, from 0; none where it is what the rule would say.
    pub statement: Option<usize>,
    /// The text, as its author wrote it, on one line.
    pub text: String,
    /// Its line, from 1.
    pub line: u32,
    /// What it met.
    pub met: Vec<Met>,
}
