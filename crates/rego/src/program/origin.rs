//! Where what a program does is written.

use std::sync::Arc;

use regorus::unstable::Rule;

use super::lower::Lower;
use super::node::Slot;
use super::paths::Written;

/// Where the steps of one statement end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    end: u32,
    statement: u32,
}

impl Mark {
    pub(super) fn new(end: usize, statement: usize) -> Self {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            end: small(end),
            statement: small(statement),
        }
    }

    /// The number of the statement that step number `step` belongs to.
    pub(super) fn statement_of(marks: &[Self], step: usize) -> Option<usize> {
        let mark = marks.iter().find(|mark| step < mark.end as usize);
        Some(mark.or(marks.last())?.statement as usize)
    }
}

/// What is known of a rule besides its steps: the marks of each body, and what its variables are called.
#[derive(Debug, Default)]
pub(super) struct WrittenRule {
    pub(super) bodies: Vec<Box<[Mark]>>,
    pub(super) names: Box<[(Box<str>, Slot)]>,
    pub(super) file: Arc<str>,
    /// Where it begins in its module, as the program reads that.
    pub(super) start: u32,
    pub(super) line: u32,
}

/// All rules of one path, in the order of its definitions.
#[derive(Debug)]
pub(super) struct Origin {
    /// As in `data.kitelogik.main.allow`.
    pub(super) path: Box<str>,
    pub(super) rules: Box<[WrittenRule]>,
}

impl Lower<'_> {
    /// Where the rules are written that were lowered last.
    pub(super) fn origin(&mut self, written: &Written<'_>) -> Origin {
        let mut lowered = std::mem::take(&mut self.written).into_iter();
        let mut rules = Vec::new();
        for (module, rule) in &written.rules {
            if matches!(&***rule, Rule::Default { .. }) {
                continue;
            }
            self.module = *module;
            let span = rule.span();
            rules.push(WrittenRule {
                file: self.place(span).file,
                start: span.start,
                line: span.line,
                ..lowered.next().unwrap_or_default()
            });
        }
        let mut path = "data".to_owned();
        for part in &written.path {
            path.push('.');
            path.push_str(part);
        }
        Origin {
            path: path.into(),
            rules: rules.into(),
        }
    }
}
