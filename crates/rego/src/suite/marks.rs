//! Marks in the text of a module that tell which rules fired, and names for tests that share one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use regorus::unstable::{Expr, Rule, RuleBody, RuleHead};
use regorus::{Engine, Value};

use super::Source;
use super::discovery::Found;
use crate::results::Operands;
use crate::spelling::{self, Edit};
use crate::{interpreter, tree};

/// Hands its third operand on, and notes that the rule named by the first two fired.
const MARK: &str = "kitelogik_fired";

/// The rules that fired: the position of each one's module, and its own in it.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    fired: Arc<Mutex<BTreeSet<(usize, usize)>>>,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self {
            fired: Arc::default(),
        }
    }

    pub(super) fn register(&self, engine: &mut Engine) -> Result<()> {
        let fired = Arc::clone(&self.fired);
        engine.add_extension(
            MARK.to_owned(),
            3,
            Box::new(move |values: Vec<Value>| {
                let position = |index: usize| {
                    let number = values.get(index).and_then(|value| value.as_u64().ok());
                    number.and_then(|number| usize::try_from(number).ok())
                };
                if let (Some(module), Some(rule)) = (position(0), position(1)) {
                    fired
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert((module, rule));
                }
                values
                    .get(2)
                    .cloned()
                    .ok_or_else(|| anyhow!("a mark without a value"))
            }),
        )
    }

    pub(super) fn fired(&self, module: usize, rule: usize) -> bool {
        self.fired
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&(module, rule))
    }
}

/// The text of `module` as OPA reads it, with `tests` under their names and, where `marked` gives its position, marks.
pub(super) fn rewrite(
    module: &Source,
    functions: &Operands,
    tests: &[&Found],
    marked: Option<usize>,
) -> Result<String> {
    let text = interpreter::as_opa_negates(&module.name, &module.text, functions)?;
    if marked.is_none() && tests.iter().all(|test| test.renamed.is_none()) {
        return Ok(text);
    }
    let tree = tree::parse(&module.name, &text)?;
    let mut edits = Vec::new();
    for test in tests {
        if let (Some(name), Some(rule)) = (&test.renamed, tree.policy.get(test.rule)) {
            let span = tree::reference(rule).span();
            edits.push(Edit {
                start: span.start as usize,
                end: span.end as usize,
                text: name.clone(),
            });
        }
    }
    if let Some(position) = marked {
        for (index, rule) in tree.policy.iter().enumerate() {
            mark(&text, rule, (position, index), &mut edits);
        }
    }
    Ok(spelling::edited(&text, 0..text.len(), edits))
}

fn mark(text: &str, rule: &Rule, (module, index): (usize, usize), edits: &mut Vec<Edit>) {
    let Rule::Spec { head, bodies, .. } = rule else {
        return;
    };
    let call = format!("{MARK}({module}, {index}, ");
    let mut unsaid = None;
    match head {
        RuleHead::Set { key: Some(key), .. } => wrap(text, key, &call, edits),
        RuleHead::Set { key: None, .. } => {}
        RuleHead::Compr { assign, span, .. } | RuleHead::Func { assign, span, .. } => {
            match assign {
                Some(assign) => wrap(text, &assign.value, &call, edits),
                None => unsaid = Some(span.end as usize),
            }
        }
    }
    for RuleBody { assign, span, .. } in bodies.iter().skip(1) {
        match assign {
            Some(assign) => wrap(text, &assign.value, &call, edits),
            None => {
                let end = span.start as usize + "else".len();
                if text.get(span.start as usize..end) == Some("else") {
                    edits.push(Edit::insertion(end, format!(" := {call}true)")));
                }
            }
        }
    }
    if let Some(end) = unsaid {
        edits.push(Edit::insertion(end, format!(" := {call}true)")));
    }
}

/// Puts `value` into a call of the mark.
fn wrap(text: &str, value: &Expr, call: &str, edits: &mut Vec<Edit>) {
    let (start, end) = spelling::range(text, value);
    edits.push(Edit::insertion(start, call));
    edits.push(Edit::insertion(end, ")"));
}
