//! The value of a rule's head that may not be there, as OPA reads it.
//!
//! In `deny contains x.reason if some x in [{"reason": "a"}, {}]`, OPA leaves out the member that is not there.
//! Here it would take with it all that were found before, and a deny would be gone. So what OPA does when it compiles
//! is done to the text before it is parsed: the value becomes the last statement of the body,
//! `deny contains output if { some x in …; output := x.reason }`.
//!
//! In `f(x) := x.limit if x.known else := 2`, a limit that is not there leads OPA on to the `else`. Here the first body
//! that holds would be the last, and `else if …` without a value would have none, or be true where its value is not
//! there. So each body of a rule with `else` ends in its value, and has one.

use regorus::unstable::{Expr, Module, Query, Rule, RuleBody, RuleHead};

use crate::spelling::{self, Edit};

/// The text of `module`, rewritten where a head needs it.
pub(super) fn rewrite(module: &Module) -> String {
    let text = module.package.span.source.contents();
    let mut rewriter = Rewriter {
        text,
        edits: Vec::new(),
        outputs: 0,
    };
    for rule in &module.policy {
        if let Rule::Spec { head, bodies, .. } = &**rule {
            rewriter.rule(head, bodies);
        }
    }
    spelling::edited(text, 0..text.len(), rewriter.edits)
}

struct Rewriter<'a> {
    text: &'a str,
    edits: Vec<Edit>,
    outputs: usize,
}

impl Rewriter<'_> {
    fn rule(&mut self, head: &RuleHead, bodies: &[RuleBody]) {
        let mut keys = Vec::new();
        let value = match head {
            RuleHead::Set { key, .. } => {
                keys.extend(key.as_deref());
                None
            }
            RuleHead::Compr { refr, assign, .. } => {
                indexes(refr, &mut keys);
                assign.as_ref().map(|assign| &*assign.value)
            }
            RuleHead::Func { assign, .. } => assign.as_ref().map(|assign| &*assign.value),
        };
        let arguments = arguments(head);
        if bodies.iter().any(|body| body.is_else)
            && keys.iter().all(|key| is_constant(key, &arguments))
        {
            return self.alternatives(value, bodies, &arguments);
        }
        if bodies.is_empty() || bodies.iter().any(|body| body.query.stmts.is_empty()) {
            // Without a body there is one value or none: nothing that was found before is lost.
            return;
        }
        let keys: String = keys.into_iter().filter_map(|key| self.moved(key)).collect();
        let value = value
            .and_then(|value| self.moved(value))
            .unwrap_or_default();
        for body in bodies {
            let own = match &body.assign {
                Some(assign) if body.is_else => self.moved(&assign.value).unwrap_or_default(),
                _ if body.is_else => String::new(),
                _ => value.clone(),
            };
            self.append(&body.query, &format!("{keys}{own}"));
        }
    }

    /// Bodies each of which is for when those before it come to no value.
    fn alternatives(&mut self, value: Option<&Expr>, bodies: &[RuleBody], arguments: &[&str]) {
        for (position, body) in bodies.iter().enumerate() {
            let value = match &body.assign {
                Some(assign) if position > 0 => Some(&*assign.value),
                None if position > 0 => {
                    self.says_true(body);
                    continue;
                }
                _ => value,
            };
            let Some(value) = value.filter(|value| !is_constant(value, arguments)) else {
                continue;
            };
            let Some((name, statement)) = self.named(value) else {
                continue;
            };
            let (start, end) = spelling::range(self.text, value);
            if body.query.stmts.is_empty() {
                let text = format!("{name} if {{ {statement} }}");
                self.edits.push(Edit { start, end, text });
            } else {
                self.edits.push(Edit {
                    start,
                    end,
                    text: name,
                });
                self.append(&body.query, &format!("; {statement}"));
            }
        }
    }

    /// Gives an `else` without a value the one that it has.
    fn says_true(&mut self, body: &RuleBody) {
        const ELSE: &str = "else";
        let start = body.span.start as usize;
        let end = start + ELSE.len();
        if self.text.get(start..end) == Some(ELSE) {
            self.edits.push(Edit::insertion(end, " := true"));
        }
    }

    /// Puts a variable where `value` stands, and gives the statement that says what it is.
    fn moved(&mut self, value: &Expr) -> Option<String> {
        if is_settled(value) {
            return None;
        }
        let (name, statement) = self.named(value)?;
        let (start, end) = spelling::range(self.text, value);
        self.edits.push(Edit {
            start,
            end,
            text: name,
        });
        Some(format!("; {statement}"))
    }

    /// What stands where `value` stood, a variable, and the statement that `value` is what it has.
    fn named(&mut self, value: &Expr) -> Option<(String, String)> {
        let (start, end) = spelling::range(self.text, value);
        let value = self.text.get(start..end)?;
        self.outputs += 1;
        let name = format!("kitelogik_output_{}", self.outputs);
        // What comes after it stays in its line; the end of a line ends a comment, and may be part of a raw string.
        if value.contains(['#', '`']) {
            let statement = format!("{name} := {value}");
            return Some((name, statement));
        }
        let lines = "\n".repeat(value.matches('\n').count());
        let statement = format!("{name} := {}", value.replace(['\r', '\n'], " "));
        Some((name + &lines, statement))
    }

    /// Adds `statements` to the end of `query`.
    fn append(&mut self, query: &Query, statements: &str) {
        let (Some(first), Some(last)) = (query.stmts.first(), query.stmts.last()) else {
            return;
        };
        if statements.is_empty() {
            return;
        }
        let (_, end) = spelling::statement(self.text, last);
        // One statement alone may stand without braces; several may not.
        let bare = first.span.start == query.span.start;
        if bare {
            let (start, _) = spelling::statement(self.text, first);
            self.edits.push(Edit::insertion(start, "{ "));
        }
        let closing = if bare { " }" } else { "" };
        self.edits
            .push(Edit::insertion(end, format!("{statements}{closing}")));
    }
}

/// The names of a function's arguments. Where a body is tried at all, each has a value.
fn arguments(head: &RuleHead) -> Vec<&str> {
    let RuleHead::Func { args, .. } = head else {
        return Vec::new();
    };
    args.iter()
        .filter_map(|argument| match &**argument {
            Expr::Var { span, .. } => Some(span.text()),
            _ => None,
        })
        .collect()
}

/// Whether a value is there whatever else is: one that is made of nothing but literals and `arguments`.
fn is_constant(value: &Expr, arguments: &[&str]) -> bool {
    match value {
        Expr::Var { span, .. } => arguments.contains(&span.text()),
        Expr::RefDot { .. } => false,
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().all(|item| is_constant(item, arguments))
        }
        Expr::Object { fields, .. } => fields
            .iter()
            .all(|(_, key, value)| is_constant(key, arguments) && is_constant(value, arguments)),
        other => is_settled(other),
    }
}

/// Whether a value is there for all that a body finds, or for none of it.
fn is_settled(value: &Expr) -> bool {
    match value {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. }
        | Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. } => true,
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().all(|item| is_settled(item))
        }
        Expr::Object { fields, .. } => fields
            .iter()
            .all(|(_, key, value)| is_settled(key) && is_settled(value)),
        Expr::RefDot { refr, .. } => is_document(refr),
        _ => false,
    }
}

/// Whether a reference leads into `input` or `data` by names alone.
fn is_document(reference: &Expr) -> bool {
    match reference {
        Expr::Var { span, .. } => matches!(span.text(), "input" | "data"),
        Expr::RefDot { refr, .. } => is_document(refr),
        _ => false,
    }
}

/// What stands in the brackets of a rule's name.
fn indexes<'a>(name: &'a Expr, found: &mut Vec<&'a Expr>) {
    match name {
        Expr::RefDot { refr, .. } => indexes(refr, found),
        Expr::RefBrack { refr, index, .. } => {
            indexes(refr, found);
            found.push(index);
        }
        _ => {}
    }
}
